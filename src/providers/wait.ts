import { fail, type SnapshotError } from '../snapshots/errors.ts'
import type { Context } from '../snapshots/provider.ts'
import { LATER, type PollOptions, poll } from './http/poll.ts'
import type { Clock } from './http/time.ts'
import { unsure } from './unsure.ts'

export interface Wait<T> extends Omit<PollOptions<T>, 'time' | 'random'> {
  /** What was begun, at the beginning of a sentence. */
  what: string
  /** What it means when it is not there any more: a value, or an error to throw. Absent: nobody knows. */
  gone?(cause: SnapshotError): T
}

/**
 * Waits for the end of what a vendor has begun, which goes on whether anybody looks or not. Whatever ends the wait
 * before, such as time, the network or the caller: it fails with the outcome `unknown`, and can be taken up later.
 */
export async function waitFor<T>(wait: Wait<T>, { time, random }: Clock, ctx: Context): Promise<T> {
  const { what, gone, ...options } = wait
  const { settled, value, late, error } = await poll<T>({ ...options, time, random }, ctx)
  if (settled) return value as T
  if (error?.code === 'CANCELLED') throw error
  // Once alone, at the end of the time, that proves nothing: vendors do not show at once what they have.
  if (error?.code === 'NOT_FOUND' && !late && gone) return gone(error)
  if (error) throw unsure(error, `${what} may go on all the same.`)
  const minutes = Math.round(options.timeoutMs / 60_000)
  throw fail(
    'TIMEOUT',
    `${what} takes more than ${minutes} minute${minutes === 1 ? '' : 's'}, and goes on without being watched.`,
    LATER,
    { outcome: 'unknown', retryable: false },
  )
}
