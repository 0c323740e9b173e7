import { setMaxListeners } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'

/** Where time comes from. */
export interface Time {
  /** Milliseconds since the epoch. */
  now(): number
  /** Rejects as soon as the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<unknown>
  /** Calls back once, unless the returned function was called before. */
  after(ms: number, ring: () => void): () => void
}

/** Time and chance, where one goes with the other. */
export interface Clock {
  time: Time
  random: () => number
}

export const realTime: Time = {
  now: Date.now,
  sleep: (ms, signal) => pause(ms, undefined, { signal }),
  after(ms, ring) {
    const timer = setTimeout(ring, ms)
    return () => clearTimeout(timer)
  },
}

/** A signal that is aborted with any of the given ones or after so many milliseconds. To be released in any case. */
export function bounded(
  signals: readonly AbortSignal[],
  ms: number,
  time: Time,
): { signal: AbortSignal; release(): void } {
  const own = new AbortController()
  const abort = () => own.abort()
  const disarm = time.after(ms, abort)
  // Not AbortSignal.any: on Node 20 a long-lived signal keeps everything that was ever derived from it.
  for (const signal of signals) {
    // Many calls of one operation may listen; each goes away, and Node's warning would be noise on stderr.
    setMaxListeners(0, signal)
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
  }
  return {
    signal: own.signal,
    release() {
      disarm()
      for (const signal of signals) signal.removeEventListener('abort', abort)
    },
  }
}
