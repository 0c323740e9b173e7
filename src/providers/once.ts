import { fail, SnapshotError } from '../snapshots/errors.ts'
import type { Context } from '../snapshots/provider.ts'
import type { CallContext } from './http/exchange.ts'
import { poll } from './http/poll.ts'
import type { Time } from './http/time.ts'

/** A request that makes something, and how to find what it has made by a mark that nothing else carries. */
export interface Once<T> extends Search<T> {
  send(): Promise<T>
}

export interface Search<T> {
  /** Undefined: it is not there, or not yet. */
  find(ctx: CallContext): Promise<T | undefined>
  time?: Time
  random?: () => number
}

/** How long a vendor may take to show what it has accepted. */
const SHOWN_MS = 60_000

/**
 * Sends what must not be sent twice. When nobody knows whether it arrived, what it would have made is looked for and
 * taken for the answer. Fails with the outcome `not_started` when it is not there, and with `unknown` when the vendor
 * cannot be asked or the caller does not want to wait.
 */
export async function sendOnce<T>(once: Once<T>, ctx: Context): Promise<T> {
  try {
    return await once.send()
  } catch (error) {
    if (!(error instanceof SnapshotError) || error.problem.outcome !== 'unknown') throw error
    if (error.code === 'CANCELLED') throw error
    const { code, message } = error
    ctx.log.info('a request was not answered: looking for what came of it', { code, message })
    const found = await lookFor(once, ctx)
    if (found !== undefined) return found
    throw nothingCame(error)
  }
}

/** What an earlier request has made; undefined when it is certain enough that there is nothing. */
export async function lookFor<T>({ find, time, random }: Search<T>, ctx: Context): Promise<T | undefined> {
  const { value, error } = await poll<T | undefined>(
    {
      read: find,
      settled: (found) => found !== undefined,
      describe: () => 'looking for what came of the request',
      firstMs: 1000,
      timeoutMs: SHOWN_MS,
      ...(time && { time }),
      ...(random && { random }),
    },
    ctx,
  )
  if (value !== undefined || error === undefined) return value
  throw new SnapshotError({ ...error.problem, outcome: 'unknown', retryable: false, hint: LATER }, error)
}

const LATER =
  'snapshot_get with the id of the operation, or snapshot_status, finds out later what came of it.'

const nothingCame = (cause: SnapshotError) =>
  fail(
    cause.code,
    `${cause.problem.message.split('. ')[0]}. It was looked for since, and nothing came of it.`,
    'Call again.',
    {
      ...(cause.problem.provider !== undefined && { provider: cause.problem.provider }),
      ...(cause.problem.status !== undefined && { status: cause.problem.status }),
      ...(cause.problem.request_id !== undefined && { request_id: cause.problem.request_id }),
      retryable: true,
      cause,
    },
  )
