import type { Answer } from '../http.ts'
import { tooManyRequests } from './refusals.ts'

export interface RateLimits {
  perHour: number
  perMinute: number
}

export interface RateLimiter {
  /** Counts a request, or refuses it. */
  take(): Answer | undefined
  headers(): Record<string, string>
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/**
 * Two sliding windows over the requests of a token. `ratelimit-reset` (epoch seconds) is when the oldest request leaves
 * the hour, which frees one slot and no more. Only the refusal by the minute says `retry-after` (seconds).
 */
export function rateLimiter(limits: RateLimits, now: () => number): RateLimiter {
  let times: number[] = []

  const forget = () => {
    const start = now() - HOUR
    if (times[0] !== undefined && times[0] <= start) times = times.filter((time) => time > start)
  }
  const headers = () => {
    forget()
    return {
      'ratelimit-limit': String(limits.perHour),
      'ratelimit-remaining': String(Math.max(0, limits.perHour - times.length)),
      'ratelimit-reset': String(Math.ceil(((times[0] ?? now()) + HOUR) / 1000)),
    }
  }
  return {
    headers,
    take() {
      forget()
      const refused = (more: Record<string, string>) => tooManyRequests(undefined, { ...headers(), ...more })
      if (times.length >= limits.perHour) return refused({})
      const oldestOfMinute = times[times.length - limits.perMinute]
      if (oldestOfMinute !== undefined && oldestOfMinute > now() - MINUTE)
        return refused({ 'retry-after': String(Math.ceil((oldestOfMinute + MINUTE - now()) / 1000)) })
      times.push(now())
      return undefined
    },
  }
}
