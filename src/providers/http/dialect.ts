import type { ErrorCode, Outcome } from '../../snapshots/errors.ts'
import type { Answer } from './answer.ts'

/** What a vendor means by its answers. */
export interface Dialect {
  /** The vendor's name for people. */
  title: string
  /** What an answer of 400 and up says; undefined for a body that this vendor would not send. */
  errorOf(answer: Answer): Refusal | undefined
  /** How long an answer of 400 and up asks to wait, in milliseconds. `now` is in milliseconds since the epoch. */
  waitOf(answer: Answer, now: number): number | undefined
  /** The vendor's name for this exchange, to be quoted to its support. */
  requestIdOf(answer: Answer): string | undefined
}

export interface Refusal {
  code: ErrorCode
  /** In the vendor's words. Never trusted: it is cut and stripped before anybody sees it. */
  message: string
  /** The next call to make, where this vendor needs another one than the code suggests. */
  hint?: string
  retryable?: boolean
  /** Where the status does not tell whether something was changed. */
  outcome?: Outcome
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  401: 'UNAUTHENTICATED',
  402: 'QUOTA_EXCEEDED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'UNSUPPORTED',
  408: 'TIMEOUT',
  409: 'CONFLICT',
  412: 'CONFLICT',
  423: 'BUSY',
  429: 'RATE_LIMITED',
}

/** What a status of 400 and up means where the vendor gives it no other meaning. */
export const codeOf = (status: number): ErrorCode =>
  CODES[status] ?? (status >= 500 ? 'PROVIDER_UNAVAILABLE' : 'INVALID_ARGUMENT')

/** Nobody should sleep longer on the word of a header. */
const DAY = 86_400_000

/** `Retry-After` in milliseconds: seconds, or a date (RFC 9110, 10.2.3). Undefined for what is neither, or has passed. */
export function retryAfterMs(header: string | string[] | undefined, now: number): number | undefined {
  const text = String(header ?? '').trim()
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return ms >= 0 ? Math.min(ms, DAY) : undefined
}
