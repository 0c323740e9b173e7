import { z } from 'zod'
import type { Kind, StateStore } from '../state/state-store.ts'
import type { Log } from './provider.ts'

const HOUR = 3_600_000

/** How long records are kept after they were last written. Operations outlive every undo window. */
const KEPT: Partial<Record<Kind, number>> = {
  plan: 24 * HOUR,
  approval: 24 * HOUR,
  idempotency: 24 * HOUR,
  operation: 14 * 24 * HOUR,
  lock: 24 * HOUR,
}

export interface HousekeepingOptions {
  state: StateStore
  clock: () => number
  log: Log
}

/** A clock that jumps is believed only so far at a time: an undo must not get lost because it was wrong for a moment. */
const BELIEVED = 24 * HOUR
const Pass = z.object({ v: z.literal(1), at: z.number() })

/** Returns what to call after each change: at most once an hour it clears away old records. Never fails. */
export function createHousekeeping({ state, clock, log }: HousekeepingOptions): () => Promise<void> {
  let next = Number.NEGATIVE_INFINITY

  /** The time by which records are old, as far as all passes together believe it. */
  async function believed(now: number): Promise<number> {
    const last = await state.read('counter', 'housekeeping')
    const { data } = Pass.safeParse(last?.value)
    const at = data ? Math.min(now, data.at + BELIEVED) : now - BELIEVED
    await state.write('counter', 'housekeeping', { v: 1, at }, last?.version ?? 0)
    return at
  }

  return async () => {
    const now = clock()
    // A clock that was set back must not keep it from ever running again.
    if (now < next && now > next - 2 * HOUR) return
    next = now + HOUR
    try {
      const at = await believed(now)
      for (const [kind, age] of Object.entries(KEPT)) await state.retire(kind as Kind, at - age)
    } catch (error) {
      log.warn('old records were not cleared away', { error })
    }
  }
}
