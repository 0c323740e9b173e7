import { fail, SnapshotError } from '../snapshots/errors.ts'
import type { Context } from '../snapshots/provider.ts'
import type { CallContext } from './http/exchange.ts'
import { poll } from './http/poll.ts'
import type { Clock } from './http/time.ts'
import { unsure } from './unsure.ts'

/** Looks for what a request has made, by a mark that nothing else carries. Undefined: it is not there, or not yet. */
export type Find<T> = (ctx: CallContext) => Promise<T | undefined>

/** A request that makes something, and how to find what it has made. */
export interface Once<T> {
  send(): Promise<T>
  find: Find<T>
}

/** How long a vendor may take to show what it has accepted. */
const SHOWN_MS = 60_000

/**
 * Sends what must not be sent twice. When nobody knows whether it arrived, what it would have made is looked for and
 * taken for the answer. Fails with the outcome `not_started` when it is not there, and with `unknown` when the vendor
 * cannot be asked or the caller does not want to wait.
 */
export async function sendOnce<T>({ send, find }: Once<T>, clock: Clock, ctx: Context): Promise<T> {
  try {
    return await send()
  } catch (error) {
    if (!(error instanceof SnapshotError) || error.problem.outcome !== 'unknown') throw error
    if (error.code === 'CANCELLED') throw error
    const { code, message } = error
    ctx.log.info('a request was not answered: looking for what came of it', { code, message })
    const found = await lookFor(find, clock, ctx)
    if (found !== undefined) return found
    throw nothingCame(error)
  }
}

/**
 * What an earlier request has made; undefined when it is certain enough that there is nothing. Fails with the outcome
 * `unknown` when the last look was not answered: it may have been made since the one before.
 */
export async function lookFor<T>(
  find: Find<T>,
  { time, random }: Clock,
  ctx: Context,
): Promise<T | undefined> {
  const { value, error } = await poll<T | undefined>(
    {
      read: find,
      settled: (found) => found !== undefined,
      describe: () => 'looking for what came of the request',
      ...{ firstMs: 1000, timeoutMs: SHOWN_MS, time, random },
    },
    ctx,
  )
  if (value !== undefined || error === undefined) return value
  throw unsure(error, 'It is not known whether the request took effect.')
}

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
