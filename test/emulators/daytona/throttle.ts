/** Counters of requests, each with its own limit a minute and its own headers. */
export type Throttler = 'authenticated' | 'sandbox-create' | 'sandbox-lifecycle' | 'failed-auth' | 'anonymous'
export type RateLimits = Record<Throttler, number>

/** The lowest published tier; what it says nothing of has the default of the public source. */
export const TIER_1: RateLimits = {
  authenticated: 10_000,
  'sandbox-create': 300,
  'sandbox-lifecycle': 10_000,
  'failed-auth': 20,
  anonymous: 300,
}

export interface Throttle {
  /** Counts a request. When it is one too many: the headers of the refusal. */
  take(name: Throttler): Record<string, string> | undefined
  /** Refuses without counting while the limit is exceeded. */
  blocked(name: Throttler): Record<string, string> | undefined
  headers(name: Throttler): Record<string, string>
}

const MINUTE = 60_000

/**
 * A window starts with the first request and lasts a minute; who exceeds the limit is blocked for a whole minute from
 * then on. All times in headers are seconds to wait. The name of the counter is a suffix of every header, but for
 * failed authentication.
 */
export function throttle(limits: RateLimits, now: () => number): Throttle {
  const windows = new Map<Throttler, { hits: number; resets: number; blockedUntil: number }>()
  const seconds = (until: number) => String(Math.max(0, Math.ceil((until - now()) / 1000)))
  const suffix = (name: Throttler) => (name === 'failed-auth' ? '' : `-${name}`)

  const current = (name: Throttler) => {
    const known = windows.get(name)
    if (known && (known.resets > now() || known.blockedUntil > now())) return known
    const fresh = { hits: 0, resets: now() + MINUTE, blockedUntil: 0 }
    windows.set(name, fresh)
    return fresh
  }
  const blocked = (name: Throttler) => {
    const { blockedUntil } = current(name)
    return blockedUntil > now() ? { [`Retry-After${suffix(name)}`]: seconds(blockedUntil) } : undefined
  }
  return {
    blocked,
    take(name) {
      const window = current(name)
      window.hits += 1
      if (window.hits > limits[name] && window.blockedUntil <= now()) window.blockedUntil = now() + MINUTE
      return blocked(name)
    },
    headers(name) {
      const { hits, resets } = current(name)
      return {
        [`X-RateLimit-Limit${suffix(name)}`]: String(limits[name]),
        [`X-RateLimit-Remaining${suffix(name)}`]: String(Math.max(0, limits[name] - hits)),
        [`X-RateLimit-Reset${suffix(name)}`]: seconds(resets),
      }
    },
  }
}
