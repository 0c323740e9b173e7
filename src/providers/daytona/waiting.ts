import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import { type PollOptions, poll } from '../http/poll.ts'
import type { Cloud } from './cloud.ts'

/** Daytona's own clients look every two seconds. */
const FIRST_MS = 2_000

/**
 * Waits for something that goes on at the vendor whether anybody looks or not. When the wait ends first, nothing is
 * known: the error says so, and the operation can be taken up later.
 */
export async function settled<T>(
  { time, random }: Pick<Cloud, 'time' | 'random'>,
  wait: Omit<PollOptions<T>, 'firstMs' | 'time' | 'random'> & {
    /** What it means when it is not there any more. */
    gone?(): SnapshotError
  },
  ctx: Context,
): Promise<T> {
  const { settled: done, value, error } = await poll({ ...wait, firstMs: FIRST_MS, time, random }, ctx)
  if (done) return value as T
  if (error?.code === 'CANCELLED') throw error
  if (error?.code === 'NOT_FOUND' && wait.gone) throw wait.gone()
  if (error)
    throw new SnapshotError({ ...error.problem, outcome: 'unknown', retryable: false, hint: LATER }, error)
  throw fail('TIMEOUT', 'Daytona takes longer than it should; what was started goes on.', LATER, {
    provider: 'daytona',
    outcome: 'unknown',
    retryable: false,
  })
}

const LATER =
  'snapshot_get with the id of the operation, or snapshot_status, finds out later what came of it.'
