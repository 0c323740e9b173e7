import { z } from 'zod'
import { fail } from '../snapshots/errors.ts'
import type { StateStore } from '../state/state-store.ts'

/** Codes that were tried and are none. Eight letters are safe from guessing only where nobody may guess for long. */
export interface Misses {
  /** RATE_LIMITED after too many of them. */
  check(): Promise<void>
  add(): Promise<void>
}

const Record = z.object({ v: z.literal(1), at: z.array(z.number()) })

const ID = 'approval-misses'
const MOST = 10
const WITHIN_MS = 10 * 60_000

export function createMisses({ state, clock }: { state: StateStore; clock: () => number }): Misses {
  async function load() {
    for (;;) {
      const found = await state.read('counter', ID)
      const { data } = Record.safeParse(found?.value ?? { v: 1, at: [] })
      if (!data) throw damaged()
      const now = clock()
      const at = data.at.map((each) => Math.min(each, now)).filter((each) => now - each < WITHIN_MS)
      if (!found || data.at.every((each) => each <= now)) return { at, version: found?.version ?? 0 }
      // From before the clock was set back: counted from now on, and not anew with each look.
      await state.write('counter', ID, { v: 1, at }, found.version)
    }
  }

  return {
    async check() {
      const { at } = await load()
      if (at.length < MOST) return
      const retry_after_ms = Math.min(...at) + WITHIN_MS - clock()
      throw fail(
        'RATE_LIMITED',
        `${MOST} wrong codes were tried within 10 minutes, so none is looked at. Nothing was approved.`,
        `Try again in ${Math.ceil(retry_after_ms / 60_000)} minutes, with the code as the agent was given it.`,
        { retry_after_ms },
      )
    },
    async add() {
      for (;;) {
        const { at, version } = await load()
        const next = { v: 1, at: [...at, clock()].slice(-MOST) }
        if ((await state.write('counter', ID, next, version)) !== undefined) return
      }
    },
  }
}

const damaged = () =>
  fail(
    'CORRUPT',
    'The record of wrong codes is damaged, so no code is looked at. Nothing was approved.',
    'The operator has to remove "counter" from the state directory.',
  )
