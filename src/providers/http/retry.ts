import { answered, type Result } from './answer.ts'
import type { Health } from './breaker.ts'
import { type Method, repeatable } from './wire.ts'

/** How often a request is repeated at most. */
export const MOST_RETRIES = 4

const BUSY: ReadonlySet<number> = new Set([500, 502, 503, 504])

/**
 * Whether the same request may be sent again. What creates may only when it cannot have been carried out: no byte of
 * it was sent, or the vendor refused it for its number.
 */
export function mayRepeat(method: Method, result: Result): boolean {
  if (answered(result)) return result.status === 429 || (repeatable(method) && BUSY.has(result.status))
  if (result.why === 'stopped' || result.why === 'oversized' || isCertificate(result.cause)) return false
  return repeatable(method) || !result.sent
}

/** Whether the vendor may have done what was asked. */
export function mayHaveActed(result: Result): boolean {
  if (!answered(result)) return result.sent
  return result.status < 400 || result.status === 408 || result.status >= 500
}

/** What it shows of the provider. */
export function healthFrom(result: Result): Health {
  if (answered(result)) return result.status >= 500 ? 'down' : 'up'
  if (result.why === 'stopped') return 'unknown'
  return result.why === 'oversized' ? 'up' : 'down'
}

/** Trying again makes no certificate valid. Codes of Node's TLS and of OpenSSL. */
export function isCertificate(cause: unknown): boolean {
  const code = String((cause as { code?: unknown } | undefined)?.code)
  return /CERT|^ERR_TLS|^UNABLE_TO|^ERR_SSL/.test(code)
}

const FIRST = 1000
const LONGEST = 30_000

/** Milliseconds before retry number `tries`, from 0: twice as long each time, a half of it by chance. */
export function backoffMs(tries: number, random: () => number): number {
  return Math.min(LONGEST, FIRST * 2 ** tries) * (1 - random() / 2)
}

/** What all calls together may repeat, so that an outage is not met with five times the calls. */
export interface RetryBudget {
  /** Whether one more retry is affordable; it is paid for then. */
  take(): boolean
  /** For each call that went well. */
  refund(): void
}

const FULL = 20
const REFUND = 0.5

export function createRetryBudget(): RetryBudget {
  let left = FULL
  return {
    take() {
      if (left < 1) return false
      left--
      return true
    },
    refund() {
      left = Math.min(FULL, left + REFUND)
    },
  }
}
