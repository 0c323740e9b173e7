import { z } from 'zod'
import type { StateStore } from '../state/state-store.ts'
import { readCounter } from './counter.ts'

/** What must not happen often, counted on disk for all servers together: a restart forgets nothing. */
export interface Tally {
  /** For how long it has happened too often (ms); undefined when it has not. */
  fullFor(): Promise<number | undefined>
  add(): Promise<void>
}

export interface TallyOptions {
  state: StateStore
  clock: () => number
  /** Of its record. */
  id: string
  /** What a damaged record is called. */
  what: string
  /** So often within WITHIN_MS is too often. */
  most: number
}

export const WITHIN_MS = 10 * 60_000

const Times = z.object({ v: z.literal(1), at: z.array(z.number()) })

export function createTally({ state, clock, id, what, most }: TallyOptions): Tally {
  async function load() {
    for (;;) {
      const found = await readCounter(state, { id, schema: Times, what })
      if (!found) return { at: [], version: 0 }
      const now = clock()
      const at = found.value.at.map((each) => Math.min(each, now)).filter((each) => now - each < WITHIN_MS)
      if (found.value.at.every((each) => each <= now)) return { at, version: found.version }
      // From before the clock was set back: counted from now on, and not anew with each look.
      await state.write('counter', id, { v: 1, at }, found.version)
    }
  }

  return {
    async fullFor() {
      const { at } = await load()
      return at.length < most ? undefined : Math.min(...at) + WITHIN_MS - clock()
    },
    async add() {
      for (;;) {
        const { at, version } = await load()
        const next = { v: 1, at: [...at, clock()].slice(-most) }
        if ((await state.write('counter', id, next, version)) !== undefined) return
      }
    },
  }
}
