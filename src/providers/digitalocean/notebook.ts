import type { Context, Facts } from '../../snapshots/provider.ts'

/** What is on record about one operation, which grows from note to note. */
export interface Notebook<F extends Facts> {
  readonly facts: F
  /** To be awaited before what it tells of is sent. */
  note(more: Partial<F>): Promise<void>
  /** For what would be found without it as well, such as the id of an action: the work goes on where it cannot be written. */
  add(more: Partial<F>): Promise<void>
}

export function notebook<F extends Facts>(first: F, ctx: Context): Notebook<F> {
  let facts = first
  async function note(more: Partial<F>) {
    facts = { ...facts, ...more }
    await ctx.note?.(facts)
  }
  return {
    get facts() {
      return facts
    },
    note,
    add: (more) =>
      note(more).catch((error: unknown) => ctx.log.warn('what came of a request was not noted', { error })),
  }
}
