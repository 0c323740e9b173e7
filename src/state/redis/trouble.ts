import { type ErrorCode, fail, type SnapshotError } from '../../snapshots/errors.ts'
import { plain } from '../../snapshots/plain.ts'
import { isReply } from './library.ts'

const RETRY_MS = 2000

/**
 * As in storage-error.ts, the outcome is not for us to tell: a record may be the last step of something that was changed.
 * Who knows that nothing was says `beforeChange`. Redis's own words are left out everywhere, for they name the user.
 *
 * `maybe`: a record was sent, and may have arrived.
 */
export function unreachable(maybe: boolean): SnapshotError {
  return fail(
    'PROVIDER_UNAVAILABLE',
    maybe
      ? 'The shared state of this server stopped answering while a record was written.'
      : 'The shared state of this server cannot be reached, so nothing was decided.',
    'Make the same call again in a moment. If that goes on, ask the operator to look at the Redis given by --state.',
    { outcome: 'unknown', retry_after_ms: RETRY_MS },
  )
}

const REFUSALS: Record<string, { code: ErrorCode; why: string }> = {
  OOM: { code: 'NO_SPACE', why: 'it is full' },
  NOPERM: { code: 'FORBIDDEN', why: 'its access rules do not allow it' },
  READONLY: { code: 'PROVIDER_UNAVAILABLE', why: 'it is a copy that takes no records' },
  MISCONF: { code: 'PROVIDER_UNAVAILABLE', why: 'it cannot write to its disk' },
  WRONGTYPE: { code: 'CORRUPT', why: 'a record is damaged' },
}

/** Redis answered, and did nothing. */
export function refused(reply: Error): SnapshotError {
  const reason = reasonOf(reply)
  const { code, why } = REFUSALS[reason] ?? {
    code: 'PROVIDER_UNAVAILABLE',
    why: 'it does not do that for now',
  }
  return fail(
    code,
    `The shared state of this server refuses its records: ${why}.`,
    'Ask the operator to look at the Redis given by --state; the server log has the details.',
    {
      outcome: 'unknown',
      ...(code === 'PROVIDER_UNAVAILABLE' && { retry_after_ms: RETRY_MS }),
      cause: new Error(`Redis answered ${reason}`),
    },
  )
}

/** A code of the system, the first word of what Redis says, or what the library says: nothing of it names the user. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  // Of what a script may not do the first word does not tell.
  if (isReply(error) && /can't run this command|ACL failure/.test(message)) return 'NOPERM'
  if (isReply(error)) {
    // Redis 6 puts where in the script it happened before it.
    const [, inScript] = /@user_script: ?\d+: -([A-Z]+) /.exec(message) ?? []
    return inScript ?? /^[A-Z]+(?= )/.exec(message)?.[0] ?? 'ERR'
  }
  return code ?? plain(message, 80)
}
