import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { type PollOptions, poll } from '../http/poll.ts'
import { ASSUMED } from './assumptions.ts'
import type { Env } from './env.ts'

const LATER =
  'snapshot_get with the id of the operation, or snapshot_status, finds out later what came of it.'

/** Waits for what is under way. Fails with the outcome `unknown` when the wait ends first: it goes on without us. */
export async function until<T>(
  { time, random }: Pick<Env, 'time' | 'random'>,
  options: Omit<PollOptions<T>, 'time' | 'random'>,
  ctx: Context,
): Promise<T> {
  const { settled, value, error } = await poll({ ...options, time, random }, ctx)
  if (settled) return value as T
  if (error) throw unsure(error)
  const minutes = Math.round(options.timeoutMs / 60_000)
  throw fail(
    'TIMEOUT',
    `It is still not over after ${minutes} minutes${value === undefined ? '' : ` (${options.describe(value)})`}. It goes on without being watched.`,
    LATER,
    { outcome: 'unknown', retryable: false },
  )
}

/** The same failure, of something that was begun. */
export const unsure = (error: SnapshotError) =>
  new SnapshotError({ ...error.problem, outcome: 'unknown', retryable: false, hint: LATER }, error)

/** The same failure, of something that is known to have come to nothing. */
export const undone = (error: SnapshotError, message = error.message) =>
  new SnapshotError({ ...error.problem, message, outcome: 'not_started' }, error)

type Attempt<T> = { sent: T } | { error: unknown }

const isBusy = (error: unknown) => error instanceof SnapshotError && error.code === 'BUSY'

/** Sends a request again as long as it is refused because of another event. Nothing else is sent twice. */
export async function patiently<T>(
  { time, random }: Pick<Env, 'time' | 'random'>,
  send: (ctx: CallContext) => Promise<T>,
  ctx: Context,
): Promise<T> {
  const { value, error } = await poll<Attempt<T>>(
    {
      read: (call) =>
        send(call).then(
          (sent) => ({ sent }),
          (error: unknown) => ({ error }),
        ),
      settled: (attempt) => 'sent' in attempt || !isBusy(attempt.error),
      describe: () => 'waiting for another event to end',
      firstMs: 10_000,
      timeoutMs: ASSUMED.busyMs,
      time,
      random,
    },
    ctx,
  )
  if (value && 'sent' in value) return value.sent
  if (value && !isBusy(value.error)) throw value.error
  throw error ? undone(error, 'Cancelled while another event was waited for.') : value?.error
}
