import { codeOf, type Dialect, type Refusal, retryAfterMs } from '../http/dialect.ts'
import { isAboutQuota, passesByItself } from './assumptions.ts'
import { MORPH } from './engine.ts'

/**
 * Morph answers as FastAPI does: `{detail: text}`, and for what does not fit its description `{detail: [{loc, msg}]}`.
 * It documents neither waits nor request ids; the usual headers are read in case they come.
 */
export const morphDialect: Dialect = {
  title: MORPH.title,
  errorOf({ status, body, text }) {
    const detail = text === '' ? 'no explanation' : detailOf(body)
    return detail === undefined ? undefined : meaningOf(status, detail)
  },
  waitOf: ({ headers }, now) => retryAfterMs(headers['retry-after'], now),
  requestIdOf: ({ headers }) => headers['x-request-id']?.toString(),
}

function meaningOf(status: number, message: string): Refusal {
  if (status === 409) return conflict(message)
  if (status === 403 && isAboutQuota(message)) return { code: 'QUOTA_EXCEEDED', message }
  return { code: codeOf(status), message }
}

function conflict(message: string): Refusal {
  if (passesByItself(message))
    return { code: 'BUSY', message, hint: 'Call again when the instance is ready, in half a minute or so.' }
  return { code: 'CONFLICT', message, hint: 'snapshot_sources tells the status of the instance.' }
}

/** Undefined for what Morph would not send. */
function detailOf(body: unknown): string | undefined {
  if (!isRecord(body) || body.detail === undefined) return undefined
  const { detail, error_code: code } = body
  const text = Array.isArray(detail) ? detail.map(issueText).join('; ') : textOf(detail)
  return typeof code === 'string' ? `${text} (${code})` : text
}

/** `body.vcpus: Input should be a valid integer` */
function issueText(issue: unknown): string {
  if (!isRecord(issue)) return textOf(issue)
  const place = Array.isArray(issue.loc) ? issue.loc.join('.') : ''
  return `${place}${place && ': '}${textOf(issue.msg)}`
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))

const isRecord = (value: unknown): value is Partial<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
