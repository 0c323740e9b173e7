import type { Caller } from './caller.ts'
import { cancelledWhileWaiting } from './operation.ts'
import type { Context } from './provider.ts'

/** Work that may take longer than the call that began it. */
export interface Background {
  start<R>(how: Start, work: (reach: Reach) => Promise<R>): Task<R>
  busy(): boolean
  /** Stops what can be taken up later and what need not end, and waits for all of it. */
  close(): Promise<void>
}

/** How the work is stopped and watched. */
export type Reach = Pick<Context, 'signal' | 'progress'>

export interface Start {
  operation: string
  /** What a caller who cancels can ask for later; absent where there is nothing. */
  pending?: string
  caller: Pick<Caller, 'signal' | 'progress'>
  /**
   * `with_call`: a caller that cancels stops it, as long as it waits. `on_its_own`: the system behind it goes on anyway,
   * so that a caller that cancels only stops waiting.
   */
  runs: 'with_call' | 'on_its_own'
  /** The server waits for its end before it closes, because half of it is worse than none. */
  finishes: boolean
}

export interface Task<R> {
  /** What it yields, or undefined when it takes longer; from then on it belongs to nobody's call. */
  within(ms: number): Promise<R | undefined>
}

export function createBackground(): Background {
  const running = new Set<{ result: Promise<unknown>; stop?: () => void }>()
  let closed = false
  return {
    start({ operation, pending, caller, runs, finishes }, work) {
      const stopper = new AbortController()
      const stop = () => stopper.abort()
      let watched = true
      // What was cancelled before it began does not begin.
      const cancellable = runs === 'with_call' || caller.signal.aborted
      if (cancellable) {
        if (caller.signal.aborted) stop()
        caller.signal.addEventListener('abort', stop, { once: true })
      }
      const progress: Reach['progress'] = (...told) => void (watched && caller.progress(...told))
      // Whoever comes too late is cancelled, and cleans up as whoever is cancelled does.
      if (closed) stop()
      const result = work({ signal: stopper.signal, progress })
      const entry = { result, ...(!finishes && { stop }) }
      running.add(entry)
      // Once nobody waits, nobody else looks at a failure: it is in the record of the operation.
      result.catch(() => {}).finally(() => running.delete(entry))
      return {
        async within(ms) {
          try {
            return await raced(
              result,
              ms,
              cancellable
                ? undefined
                : { signal: caller.signal, error: () => cancelledWhileWaiting(operation, pending) },
            )
          } finally {
            watched = false
            caller.signal.removeEventListener('abort', stop)
          }
        },
      }
    },
    busy: () => running.size > 0,
    async close() {
      closed = true
      for (const { stop } of running) stop?.()
      await Promise.allSettled([...running].map(({ result }) => result))
    },
  }
}

/** What the promise yields, or undefined when it takes longer. */
function raced<T>(
  promise: Promise<T>,
  ms: number,
  cancel: { signal: AbortSignal; error(): Error } | undefined,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(() => resolve(undefined)), ms)
    const cancelled = () => settle(() => reject(cancel?.error()))
    const settle = (end: () => void) => {
      clearTimeout(timer)
      cancel?.signal.removeEventListener('abort', cancelled)
      end()
    }
    promise.then(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error)),
    )
    if (cancel?.signal.aborted) cancelled()
    cancel?.signal.addEventListener('abort', cancelled, { once: true })
  })
}
