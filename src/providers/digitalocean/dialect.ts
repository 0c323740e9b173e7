import { z } from 'zod'
import type { Answer } from '../http/answer.ts'
import { codeOf, type Dialect, type Refusal, retryAfterMs } from '../http/dialect.ts'
import { ASSUMED } from './assumptions.ts'
import { DIGITALOCEAN } from './env.ts'

const Problem = z.object({ id: z.string(), message: z.string(), request_id: z.string().nullish() })
/** That of a tag with a bad name is the only other shape. */
const TagProblem = z.object({ error: z.string() })

/** Where the message says more than the status. */
const TOLD: readonly (Refusal & { status: readonly number[]; says: RegExp })[] = [
  { status: [400], says: /not a snapshot/i, code: 'NOT_FOUND', message: 'This is an image, but no snapshot' },
  { status: [409, 422], says: /already exists/i, code: 'ALREADY_EXISTS', message: '' },
  {
    status: [422],
    says: /pending event|blocking events/i,
    code: 'BUSY',
    message: '',
    hint: 'Another event is under way for it: call again when it is over.',
  },
  { status: [422], says: /already (on|off)\b|currently on\b/i, code: 'CONFLICT', message: '' },
  { status: [403, 422], says: ASSUMED.quota, code: 'QUOTA_EXCEEDED', message: '' },
  {
    status: [429],
    says: /one request per/i,
    code: 'RATE_LIMITED',
    message: '',
    hint: 'A volume can be captured once in ten minutes: call again after retry_after_ms.',
  },
]

export const dialect: Dialect = {
  title: DIGITALOCEAN.title,
  errorOf({ status, body }) {
    const message = messageOf(body)
    if (message === undefined) return undefined
    const told = TOLD.find((each) => each.status.includes(status) && each.says.test(message))
    if (!told) return { code: codeOf(status), message }
    const { code, hint } = told
    return { code, message: told.message || message, ...(hint !== undefined && { hint }) }
  },
  waitOf({ status, headers, body }, now) {
    if (status < 400) return undefined
    const asked = retryAfterMs(headers['retry-after'], now)
    if (status !== 429) return asked
    return ownLimitMs(messageOf(body) ?? '') ?? asked ?? untilReset(headers, now)
  },
  requestIdOf({ headers, body }) {
    const header = headers['x-request-id']
    return (typeof header === 'string' ? header : Problem.safeParse(body).data?.request_id) ?? undefined
  },
}

function messageOf(body: unknown): string | undefined {
  return Problem.safeParse(body).data?.message ?? TagProblem.safeParse(body).data?.error
}

/** Of a limit of one product, which only the text tells: "... one request per 10m0s", as Go prints a duration. */
function ownLimitMs(message: string): number | undefined {
  const [found, h = 0, m = 0, s = 0] = /one request per (?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?/.exec(message) ?? []
  return found === undefined ? undefined : ((Number(h) * 60 + Number(m)) * 60 + Number(s)) * 1000
}

/** The oldest request of the hour leaves it then (epoch seconds). Of use only where none is left. */
function untilReset(headers: Answer['headers'], now: number): number | undefined {
  if (headers['ratelimit-remaining'] !== '0') return undefined
  const wait = Number(headers['ratelimit-reset']) * 1000 - now
  return wait >= 0 ? Math.min(wait, 3_600_000) : undefined
}
