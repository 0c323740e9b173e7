import { setTimeout as pause } from 'node:timers/promises'
import type { Time } from '../../src/providers/http/time.ts'

/**
 * Real time, so many times as fast: half a minute without an answer is over in a blink. A machine that is slow makes
 * more calls time out, which is one more fault; nothing that has to hold may depend on it.
 */
export function hurriedTime(times: number): Time {
  const began = Date.now()
  return {
    now: () => began + (performance.now() - start) * times,
    sleep: (ms, signal) => pause(ms / times, undefined, { signal }),
    after(ms, ring) {
      const timer = setTimeout(ring, ms / times)
      return () => clearTimeout(timer)
    },
  }
}

const start = performance.now()
