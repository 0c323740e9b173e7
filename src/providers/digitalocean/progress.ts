import type { Context } from '../../snapshots/provider.ts'
import type { Time } from '../http/time.ts'

/** Work of several waits, each of which counts from its own beginning, tells its progress in seconds since the first. */
export function risingProgress(ctx: Context, time: Time): Context {
  const began = time.now()
  let told = 0
  return {
    ...ctx,
    progress(_done, _total, message) {
      const seconds = Math.round((time.now() - began) / 1000)
      if (seconds <= told) return
      told = seconds
      ctx.progress(seconds, undefined, message)
    },
  }
}
