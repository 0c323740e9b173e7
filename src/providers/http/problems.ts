import {
  type ErrorCode,
  fail,
  type Outcome,
  type Problem,
  type SnapshotError,
} from '../../snapshots/errors.ts'
import { plain } from '../../snapshots/plain.ts'
import { type Answer, foreign } from './answer.ts'
import type { Dialect, Refusal } from './dialect.ts'
import type { Redact } from './redact.ts'
import { isCertificate, mayHaveActed } from './retry.ts'
import type { Failure, Method } from './wire.ts'

/** What is known about a call when it fails. */
export interface Fate {
  method: Method
  tries: number
  /** Whether an earlier try may have had its effect. */
  acted: boolean
  /** What the vendor asked to wait before the next try. */
  waitMs?: number
}

export interface Problems {
  /** The last try got no answer. `cancelled`: by the caller; else the time of the call was over. */
  unanswered(failure: Failure, fate: Fate, cancelled: boolean): SnapshotError
  /** The last try got an answer of 300 or more. */
  refused(answer: Answer, fate: Fate): SnapshotError
  /** The answer says that all went well, but is not what the vendor describes. */
  unreadable(answer: Answer, fate: Fate, what: string): SnapshotError
  /** Nothing is sent for now. */
  heldBack(code: 'RATE_LIMITED' | 'PROVIDER_UNAVAILABLE', waitMs: number, fate: Fate): SnapshotError
}

const HINTS: Partial<Record<ErrorCode, string>> = {
  NOT_FOUND: 'snapshot_list shows what is there.',
  UNAUTHENTICATED: 'The operator has to give the server a valid key.',
  FORBIDDEN: 'The operator has to give the server a key with more permissions.',
  QUOTA_EXCEEDED: 'Delete what is not needed any more, or ask the operator for a higher limit.',
  INVALID_ARGUMENT: 'Correct the arguments.',
  ALREADY_EXISTS: 'Choose another name.',
}
const AGAIN = 'Call again later.'
const LOOK = 'Look with snapshot_list or snapshot_status before you call again: it may have happened.'

/** Vendors answer with pages at times; this much of one tells where it came from. */
const RAW = 500

/** Builds every error of the HTTP layer. `retryable` is never true for what may have happened already. */
export function createProblems(provider: string, dialect: Dialect, redact: Redact): Problems {
  const { title } = dialect

  function build(code: ErrorCode, what: string, fate: Fate, more: More): SnapshotError {
    const { outcome = outcomeOf(fate), hint, ...rest } = more
    const wait = fate.waitMs === undefined ? {} : { retry_after_ms: Math.ceil(fate.waitMs) }
    const again = code === 'RATE_LIMITED' ? { retryable: true, ...wait } : wait
    const unsure = outcome === 'not_started' ? {} : { retryable: false }
    const end = outcome === 'not_started' ? 'Nothing was changed.' : 'It is not known whether it took effect.'
    const next = outcome === 'not_started' ? (hint ?? HINTS[code] ?? AGAIN) : LOOK
    return fail(code, redact(`${what} ${end}`), redact(next), {
      provider,
      outcome,
      ...again,
      ...rest,
      ...unsure,
    })
  }

  const ofAnswer = (answer: Answer) => {
    const id = dialect.requestIdOf(answer)
    const raw = redact(plain(answer.text, RAW))
    const cause = new Error(`${answer.status} ${answer.headers['content-type'] ?? ''}: ${raw}`)
    return { status: answer.status, cause, ...(id === undefined ? {} : { request_id: plain(id) }) }
  }

  return {
    unanswered(failure, fate, cancelled) {
      const all = { ...fate, acted: fate.acted || failure.sent }
      const more = { cause: redact(failure.cause) }
      if (failure.why === 'stopped' && cancelled)
        return build('CANCELLED', 'The call was cancelled.', all, more)
      const [code, text] = wordsFor(failure)
      const tries = fate.tries > 1 ? ` (${fate.tries} tries)` : ''
      return build(code, `${title} ${text}${tries}.`, all, more)
    },
    refused(answer, fate) {
      const all = { ...fate, acted: fate.acted || mayHaveActed(answer) }
      const { code, message, ...more } = (!foreign(answer) && dialect.errorOf(answer)) || generic(answer)
      const text = plain(message, 300).replace(/[\s.]*$/, '.')
      return build(code, `${title} answered ${answer.status}: ${text}`, all, { ...more, ...ofAnswer(answer) })
    },
    unreadable(answer, fate, what) {
      const text = `${title} answered ${answer.status} with something it should not: ${plain(what)}.`
      return build('PROVIDER_BUG', text, { ...fate, acted: true }, ofAnswer(answer))
    },
    heldBack(code, waitMs, fate) {
      const text =
        code === 'RATE_LIMITED'
          ? `${title} allows so many calls in a time, and they are used up.`
          : `${title} has failed several times in a row and is left alone for a moment.`
      const hint = `Call again in ${Math.ceil(waitMs / 1000)} seconds.`
      return build(code, text, { ...fate, waitMs }, { hint })
    },
  }
}

type More = Partial<Pick<Problem, 'retryable' | 'outcome' | 'hint' | 'status' | 'request_id'>> & {
  cause?: unknown
}

/** A read changes nothing, whatever became of it. */
function outcomeOf({ method, acted }: Fate): Outcome {
  return acted && method !== 'GET' ? 'unknown' : 'not_started'
}

function wordsFor({ why, sent, cause }: Failure): [ErrorCode, string] {
  const code = String((cause as { code?: unknown } | undefined)?.code ?? '')
  const detail = /^(?!UND_)[A-Z_]{3,40}$/.test(code) ? ` (${code})` : ''
  if (why === 'unreachable' && isCertificate(cause)) return ['NETWORK', `has no valid certificate${detail}`]
  if (why === 'unreachable') return ['NETWORK', `could not be reached${detail}`]
  if (why === 'broken') return ['NETWORK', `broke off the connection${detail}`]
  if (why === 'oversized') return ['PROVIDER_BUG', 'sent an answer that is too long']
  return ['TIMEOUT', sent ? 'did not answer in time' : 'could not be reached in time']
}

/** By the status alone: something between us and the vendor has answered. */
function generic({ status, headers, text }: Answer): Refusal {
  const page = text === '' ? 'no explanation' : `a page of type ${headers['content-type'] ?? 'unknown'}`
  if (status < 400) return { code: 'PROVIDER_BUG', message: 'a redirect, which is not followed' }
  if (status === 429) return { code: 'RATE_LIMITED', message: page }
  return { code: status >= 500 ? 'PROVIDER_UNAVAILABLE' : 'PROVIDER_BUG', message: page }
}
