import { SnapshotError } from '../snapshots/errors.ts'
import type { Health } from '../snapshots/provider.ts'

/** What a failed check says of the vendor. One that was cancelled says nothing, and is thrown. */
export function unwell(error: unknown): Health {
  if (!(error instanceof SnapshotError) || error.code === 'CANCELLED') throw error
  const { code, message } = error.problem
  return { healthy: false, error: { code, message } }
}
