import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import type { SnapshotError } from '../../snapshots/errors.ts'
import type { Answer } from '../http/answer.ts'
import { codeOf, type Dialect, type Refusal, retryAfterMs } from '../http/dialect.ts'
import { DEACTIVATION_MS } from './assumptions.ts'
import { DAYTONA } from './view.ts'

/** `{path, timestamp, statusCode, error, message}`, and less of it from what comes before the server's own code. */
const Failure = z.looseObject({ message: z.union([z.string(), z.array(z.string())]) })

/** What Daytona's answers mean. It has no codes of its own: apart from the status there is only the text. */
export const daytonaDialect: Dialect = {
  title: DAYTONA.title,
  errorOf(answer) {
    const message = messageOf(answer)
    return message === undefined ? undefined : { ...meaningOf(answer.status, message), message }
  },
  waitOf(answer, now) {
    if (answer.status === 400 && DEACTIVATING.test(messageOf(answer) ?? '')) return DEACTIVATION_MS
    return longest(retryAfters(answer.headers, now)) ?? longest(resets(answer))
  },
  requestIdOf({ headers }) {
    const id = headers['x-request-id']
    return typeof id === 'string' ? id : undefined
  },
}

function messageOf({ body }: Answer): string | undefined {
  const parsed = Failure.safeParse(body)
  return parsed.success ? [parsed.data.message].flat().join(', ') : undefined
}

type Meaning = Omit<Refusal, 'message'>

const DEACTIVATING = /deactivation is still in progress/i
const INACTIVE = /\bis inactive\b/

/** Texts of the server that say more than the status they come with. */
const TEXTS: [text: RegExp, meaning: Meaning][] = [
  [/quota exceeded|exceeds maximum allowed|limit exceeded|limit reached/i, { code: 'QUOTA_EXCEEDED' }],
  [/already exists/i, { code: 'ALREADY_EXISTS' }],
  [/^Snapshot \S+ not found/, { code: 'NOT_FOUND' }],
  [
    /state change in progress|must be in started or stopped state|must be in started state/i,
    { code: 'BUSY' },
  ],
  [DEACTIVATING, { code: 'BUSY', hint: 'Call again when ten minutes have passed since it was deactivated.' }],
  [
    INACTIVE,
    { code: 'CONFLICT', hint: 'snapshot_update with active: true brings it back; then call again.' },
  ],
  [/^Snapshot \S+ is (pending|pulling|building|snapshotting|capturing|removing)\b/, { code: 'BUSY' }],
  [
    /includeMemory is only supported/i,
    { code: 'UNSUPPORTED', hint: 'Call again without include_memory: only a VM sandbox has memory to save.' },
  ],
  [
    /snapshots with memory require/i,
    { code: 'CONFLICT', hint: 'Start the sandbox first, or call again without include_memory.' },
  ],
  [
    /filesystem-only snapshots require/i,
    { code: 'CONFLICT', hint: 'Stop the sandbox first, or call again with include_memory: true.' },
  ],
  [
    /forking is not supported/i,
    { code: 'UNSUPPORTED', hint: 'Call again without fork, to get a sandbox made from the snapshot.' },
  ],
  // The sandbox that does not start stays behind.
  [/^Sandbox failed to start/i, { code: 'PROVIDER_UNAVAILABLE', outcome: 'partial' }],
]

/** Texts are trusted for refusals only: a server in trouble may say anything. */
function meaningOf(status: number, message: string): Meaning {
  if (status >= 500) return { code: 'PROVIDER_UNAVAILABLE' }
  const said = /^(400|403|409|422)$/.test(String(status)) && TEXTS.find(([text]) => text.test(message))
  return said ? said[1] : { code: codeOf(status) }
}

/** Whether a sandbox was refused because its snapshot has to be activated first. */
export function saysInactive({ problem }: SnapshotError): boolean {
  return problem.status === 400 && problem.code === 'CONFLICT' && INACTIVE.test(problem.message)
}

/** There are several counters, and each puts its name behind that of the header: `Retry-After-sandbox-create`. */
function retryAfters(headers: IncomingHttpHeaders, now: number): number[] {
  return Object.entries(headers)
    .filter(([name]) => /^retry-after(-|$)/.test(name))
    .flatMap(([, value]) => retryAfterMs(value, now) ?? [])
}

/** Seconds until a counter that is used up starts again. */
function resets({ status, headers }: Answer): number[] {
  if (status !== 429) return []
  return Object.entries(headers)
    .filter(([name, left]) => name.startsWith('x-ratelimit-remaining') && Number(left) === 0)
    .flatMap(([name]) => retryAfterMs(headers[name.replace('remaining', 'reset')], 0) ?? [])
}

const longest = (waits: number[]) => (waits.length === 0 ? undefined : Math.max(...waits))
