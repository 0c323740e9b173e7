import type { StateStore } from '../state/state-store.ts'
import { beforeChange } from './errors.ts'
import type { Log } from './provider.ts'

/**
 * Held by whoever works on an operation that others could take up: as long as the lock gives a sign of life, they do not.
 * The record alone cannot tell, where its process runs in another container.
 */
export const aliveLock = (operation: string) => `operation:${operation}`

export async function alive<R>(
  { state, log }: { state: StateStore; log: Log },
  operation: string,
  work: () => Promise<R>,
): Promise<R> {
  const lock = await beforeChange(state.lock(aliveLock(operation)))
  try {
    return await work()
  } finally {
    await lock.release().catch((error) => log.error('a lock was not released', { error }))
  }
}
