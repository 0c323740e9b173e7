import { fail } from '../snapshots/errors.ts'
import type { StateStore } from '../state/state-store.ts'
import { createTally } from './tally.ts'

/** Codes that were tried and are none. Eight letters are safe from guessing only where nobody may guess for long. */
export interface Misses {
  /** RATE_LIMITED after too many of them. */
  check(): Promise<void>
  add(): Promise<void>
}

const MOST = 10

export function createMisses({ state, clock }: { state: StateStore; clock: () => number }): Misses {
  const what = 'The record of wrong codes'
  const { fullFor, add } = createTally({ state, clock, id: 'approval-misses', what, most: MOST })
  return {
    async check() {
      const retry_after_ms = await fullFor()
      if (retry_after_ms === undefined) return
      throw fail(
        'RATE_LIMITED',
        `${MOST} wrong codes were tried within 10 minutes, so none is looked at. Nothing was approved.`,
        `Try again in ${Math.ceil(retry_after_ms / 60_000)} minutes, with the code as the agent was given it.`,
        { retry_after_ms },
      )
    },
    add,
  }
}
