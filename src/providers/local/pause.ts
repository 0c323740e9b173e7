import { setImmediate } from 'node:timers/promises'
import { fail } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'

/**
 * The engine works in synchronous slices, which is several times faster than a promise per file. Between slices it
 * lets the server breathe, hears a cancellation, tells its progress and waits for the disk.
 */
export interface Pause {
  due(): boolean
  /** CANCELLED when the caller has cancelled. */
  take(): Promise<void>
}

const SLICE_MS = 12

export function createPause(
  ctx: Context,
  options: {
    report?: () => { done: number; message: string }
    backlog?: { busy(): boolean; drain(): Promise<void> }
  } = {},
): Pause {
  let last = performance.now()
  let calls = 0
  return {
    due: () =>
      (options.backlog?.busy() ?? false) || (++calls % 16 === 0 && performance.now() - last > SLICE_MS),
    async take() {
      if (options.backlog?.busy()) await options.backlog.drain()
      const report = options.report?.()
      if (report) ctx.progress(report.done, undefined, report.message)
      await setImmediate()
      throwIfCancelled(ctx)
      last = performance.now()
    },
  }
}

export function throwIfCancelled(ctx: Context): void {
  if (!ctx.signal.aborted) return
  throw fail('CANCELLED', 'The call was cancelled. Nothing was changed.', 'Call again if it is still wanted.')
}
