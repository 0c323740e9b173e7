import type { Context } from '../snapshots/provider.ts'

/** The same context for work of several steps, each of which counts from its own beginning: progress only rises. */
export function rising(ctx: Context): Context {
  let told = 0
  let base = 0
  let previous = 0
  return {
    ...ctx,
    progress(done, _total, message) {
      if (done < previous) base = told
      previous = done
      if (base + done <= told) return
      told = base + done
      ctx.progress(told, undefined, message)
    },
  }
}
