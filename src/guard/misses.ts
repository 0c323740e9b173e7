import { fail } from '../snapshots/errors.ts'
import type { StateStore } from '../state/state-store.ts'
import { digest } from './digest.ts'
import { createTally } from './tally.ts'

/**
 * Codes that were tried and are none. Eight letters are safe from guessing only where nobody may guess for long. Those
 * of a principal who is known are counted apart, so that nobody closes the page for the others.
 */
export interface Misses {
  /** RATE_LIMITED after too many of them. */
  check(principal?: string): Promise<void>
  add(principal?: string): Promise<void>
}

const MOST = 10

export function createMisses({ state, clock }: { state: StateStore; clock: () => number }): Misses {
  const what = 'The record of wrong codes'
  const of = (principal?: string) => {
    const whose = principal === undefined ? '' : `-${digest(principal).slice(0, 16)}`
    return createTally({ state, clock, id: `approval-misses${whose}`, what, most: MOST })
  }
  return {
    async check(principal) {
      const retry_after_ms = await of(principal).fullFor()
      if (retry_after_ms === undefined) return
      throw fail(
        'RATE_LIMITED',
        `${MOST} wrong codes were tried within 10 minutes, so none is looked at. Nothing was approved.`,
        `Try again in ${Math.ceil(retry_after_ms / 60_000)} minutes, with the code as the agent was given it.`,
        { retry_after_ms },
      )
    },
    add: (principal) => of(principal).add(),
  }
}
