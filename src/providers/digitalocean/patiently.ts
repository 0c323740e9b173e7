import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import { LATER, poll } from '../http/poll.ts'
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

/** Of the vendor, or of the way to it. PROVIDER_BUG is mostly the page of something in between. */
const PASSING: ReadonlySet<string> = new Set([
  ...['BUSY', 'NETWORK', 'TIMEOUT'],
  ...['PROVIDER_BUG', 'PROVIDER_UNAVAILABLE', 'RATE_LIMITED'],
])

/** Whether it may go well at another time. */
export const passes = (error: unknown): boolean => error instanceof SnapshotError && PASSING.has(error.code)

/** Milliseconds. */
const PAUSE = { first: 30_000, longest: 300_000 } as const

/**
 * For work that must be seen to its end and can be done over: an outage only makes it later. It is begun again, after
 * pauses that grow to five minutes, for as long as the longest action is watched.
 */
export async function throughOutages<T>(
  work: () => Promise<T>,
  { time }: Clock,
  { signal, log }: Context,
): Promise<T> {
  const end = time.now() + ASSUMED.actionMs
  for (let pause: number = PAUSE.first; ; pause = Math.min(pause * 2, PAUSE.longest)) {
    try {
      return await work()
    } catch (error) {
      if (!passes(error) || time.now() + pause > end) throw error
      log.info('waiting for the end of an outage', { error, pause_ms: pause })
    }
    await time.sleep(pause, signal).catch((cause: unknown) => {
      if (signal.aborted) throw cancelled(cause)
      throw cause
    })
  }
}

const cancelled = (cause: unknown) =>
  fail('CANCELLED', 'The wait for the end of an outage was cancelled.', LATER, {
    outcome: 'unknown',
    retryable: false,
    cause,
  })
