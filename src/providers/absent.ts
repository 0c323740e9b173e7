import { SnapshotError } from '../snapshots/errors.ts'

/** For what may not be there: `await look().catch(absent)` is undefined then. */
export function absent(error: unknown): undefined {
  if (error instanceof SnapshotError && error.code === 'NOT_FOUND') return undefined
  throw error
}
