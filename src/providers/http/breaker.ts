/**
 * Keeps calls away from a provider that is down: after five failures in a row none is let through for half a minute,
 * then one, whose fate decides for the others.
 */
export interface Breaker {
  /** Milliseconds to stay away; 0 lets the call through, and what it shows has to be told then. */
  wait(now: number): number
  tell(health: Health, now: number): void
}

/** `unknown` after a call that ended before the provider could show how it is. */
export type Health = 'up' | 'down' | 'unknown'

const MOST = 5
const OPEN_MS = 30_000
/** While one call is trying. */
const SOON = 1000

export function createBreaker(): Breaker {
  let failures = 0
  let openedAt = 0
  let trying = false
  return {
    wait(now) {
      if (failures < MOST) return 0
      // A clock that was set back must not keep it open for longer.
      openedAt = Math.min(openedAt, now)
      const left = openedAt + OPEN_MS - now
      if (left > 0) return left
      if (trying) return SOON
      trying = true
      return 0
    },
    tell(health, now) {
      trying = false
      if (health === 'up') failures = 0
      if (health !== 'down') return
      failures++
      if (failures >= MOST) openedAt = now
    },
  }
}
