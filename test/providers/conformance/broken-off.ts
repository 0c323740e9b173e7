import { expect } from 'vitest'
import { SnapshotError } from '../../../src/snapshots/errors.ts'
import type { Context, Facts, Provider } from '../../../src/snapshots/provider.ts'
import { context, type Subject } from './subject.ts'

/** Ways to break off what a provider does, and to have it taken up again. */

/** What is left of an operation for those who take it up. */
export interface Left {
  operation: string
  started_at: number
  facts: Facts | undefined
}

/** Has the process end while it puts its nth note on record. Undefined: it had fewer, and came to its own end. */
export async function killedAt(
  s: Subject,
  n: number,
  work: (ctx: Context) => Promise<unknown>,
): Promise<Left | undefined> {
  const started_at = (s.now ?? Date.now)()
  const notes: Facts[] = []
  let killed = (_: boolean) => {}
  const end = new Promise<boolean>((resolve) => {
    killed = resolve
  })
  const ctx = context({
    async note(facts) {
      notes.push(structuredClone(facts))
      if (notes.length < n) return
      killed(true)
      // A dead process does not go on.
      await new Promise(() => {})
    },
  })
  const wasKilled = await Promise.race([end, work(ctx).then(() => false)])
  return wasKilled ? { operation: ctx.operation, started_at, facts: notes.at(-1) } : undefined
}

/** Every note that a call puts on record, when nothing happens to it, and what it gives. */
export async function noted<T>(s: Subject, work: (ctx: Context) => Promise<T>) {
  const started_at = (s.now ?? Date.now)()
  const notes: Facts[] = []
  const ctx = context({ note: async (facts) => void notes.push(structuredClone(facts)) })
  const result = await work(ctx)
  expect(notes.length, 'something has to be on record before it is sent').toBeGreaterThan(0)
  return { result, left: notes.map((facts): Left => ({ operation: ctx.operation, started_at, facts })) }
}

/** What it gives; undefined when it says for certain that nothing came of it, or `also` that only a part did. */
export async function taken<T>(resumed: Promise<T>, also?: 'partial'): Promise<T | undefined> {
  return resumed.catch((error: unknown) => {
    const outcome = error instanceof SnapshotError ? error.problem.outcome : undefined
    if (outcome !== undefined && ['not_started', also].includes(outcome)) return undefined
    throw error
  })
}

export const resumes = ({ provider }: Subject) => provider.resume !== undefined
export const resumeOf = (s: Subject) => s.provider.resume as NonNullable<Provider['resume']>

/**
 * Has the caller cancel at the nth sign of life, a note or some progress. Undefined: it gave fewer. Otherwise what is
 * left, and whether the call says that it did not begin.
 */
export async function cancelledAt(
  s: Subject,
  n: number,
  work: (ctx: Context) => Promise<unknown>,
): Promise<(Left & { begun: boolean }) | undefined> {
  const started_at = (s.now ?? Date.now)()
  const cancelling = new AbortController()
  let facts: Facts | undefined
  let signs = 0
  const sign = () => {
    signs++
    if (signs === n) cancelling.abort()
  }
  const ctx = context({
    signal: cancelling.signal,
    progress: sign,
    async note(given) {
      facts = structuredClone(given)
      sign()
    },
  })
  const outcome = await work(ctx).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof SnapshotError && error.code === 'CANCELLED') return error.problem.outcome
      throw error
    },
  )
  if (!cancelling.signal.aborted) return undefined
  return { operation: ctx.operation, started_at, facts, begun: outcome !== 'not_started' }
}
