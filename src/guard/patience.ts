import { fail } from '../snapshots/errors.ts'
import type { StateStore } from '../state/state-store.ts'
import { digest } from './digest.ts'
import { createTally } from './tally.ts'

/**
 * Of the people who are asked: whoever is asked often enough says yes at last. After some questions of a caller that
 * nobody agreed to, none is put to a person for a while.
 */
export interface Patience {
  /** RATE_LIMITED where a person has been asked in vain too often. */
  check(principal: string): Promise<void>
  /** A question was declined, or nobody answered it. */
  spend(principal: string): Promise<void>
}

const MOST = 3

export function createPatience({ state, clock }: { state: StateStore; clock: () => number }): Patience {
  const of = (principal: string) =>
    createTally({
      state,
      clock,
      id: `declined-${digest(principal).slice(0, 16)}`,
      what: 'The record of questions that nobody agreed to',
      most: MOST,
    })
  return {
    async check(principal) {
      const retry_after_ms = await of(principal).fullFor()
      if (retry_after_ms === undefined) return
      throw fail(
        'RATE_LIMITED',
        `${MOST} questions were declined or not answered within 10 minutes, so no person is asked now. Nothing was changed.`,
        `Do not retry by yourself: say what was wanted and wait for the person. They can be asked again in ${Math.ceil(retry_after_ms / 60_000)} minutes.`,
        { retry_after_ms },
      )
    },
    spend: (principal) => of(principal).add(),
  }
}
