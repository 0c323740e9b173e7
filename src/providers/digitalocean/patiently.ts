import { SnapshotError } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import { poll } from '../http/poll.ts'
import type { Clock } from '../http/time.ts'
import { ASSUMED } from './assumptions.ts'

type Attempt<T> = { sent: T } | { error: unknown }

const isBusy = (error: unknown) => error instanceof SnapshotError && error.code === 'BUSY'

/** Sends a request again as long as it is refused because of another event. Nothing else is sent twice. */
export async function patiently<T>(
  send: () => Promise<T>,
  { time, random }: Clock,
  ctx: Context,
): Promise<T> {
  const { value, error } = await poll<Attempt<T>>(
    {
      // With a time of its own: the end of this wait must not cut off what is just being sent.
      read: () =>
        send().then(
          (sent) => ({ sent }),
          (error: unknown) => ({ error }),
        ),
      settled: (attempt) => 'sent' in attempt || !isBusy(attempt.error),
      describe: () => 'waiting for another event to end',
      firstMs: 10_000,
      timeoutMs: ASSUMED.busyMs,
      ...{ time, random },
    },
    ctx,
  )
  if (value && 'sent' in value) return value.sent
  if (value && !isBusy(value.error)) throw value.error
  throw error ? undone(error, 'The call was cancelled while another event was waited for.') : value?.error
}

/** The same failure, of something that is known to have come to nothing. */
export const undone = (error: SnapshotError, message: string) =>
  new SnapshotError({ ...error.problem, message, outcome: 'not_started' }, error)
