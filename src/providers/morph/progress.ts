import type { Context } from '../../snapshots/provider.ts'

/** Progress of several waits in a row, each of which counts from 0, as one that only rises. */
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
