import { SnapshotError } from '../snapshots/errors.ts'
import { LATER } from './http/poll.ts'

/**
 * What a look failed with, told of the work that was looked at: that was begun, and nobody knows how it stands. The look
 * itself has changed nothing, which would be misunderstood here.
 *
 * @param then What that means, as a sentence.
 */
export function unsure(error: SnapshotError, then: string): SnapshotError {
  const message = `${error.message.replace(/ *Nothing was changed\.$/, '')} ${then}`
  return new SnapshotError(
    { ...error.problem, message, hint: LATER, outcome: 'unknown', retryable: false },
    error,
  )
}
