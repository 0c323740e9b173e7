import type { Kind, StateStore } from '../state/state-store.ts'
import type { Log } from './provider.ts'

const HOUR = 3_600_000

/** How long records are kept after they were last written. Operations outlive every undo window. */
const KEPT: Partial<Record<Kind, number>> = {
  plan: 24 * HOUR,
  approval: 24 * HOUR,
  idempotency: 24 * HOUR,
  operation: 14 * 24 * HOUR,
}

export interface HousekeepingOptions {
  state: StateStore
  clock: () => number
  log: Log
}

/** Returns what to call after each change: at most once an hour it clears away old records. Never fails. */
export function createHousekeeping({ state, clock, log }: HousekeepingOptions): () => Promise<void> {
  let next = Number.NEGATIVE_INFINITY
  return async () => {
    const now = clock()
    if (now < next) return
    next = now + HOUR
    try {
      for (const [kind, age] of Object.entries(KEPT)) await state.retire(kind as Kind, now - age)
    } catch (error) {
      log.warn('old records were not cleared away', { error })
    }
  }
}
