import { type ErrorCode, fail, type Outcome, SnapshotError } from '../../snapshots/errors.ts'

const CODES: Record<string, { code: ErrorCode; why: string; hint: string }> = {
  ENOSPC: { code: 'NO_SPACE', why: 'the disk is full', hint: 'Free some disk space and call again.' },
  EDQUOT: {
    code: 'NO_SPACE',
    why: 'the disk quota is used up',
    hint: 'Free some disk space and call again.',
  },
  EFBIG: {
    code: 'NO_SPACE',
    why: 'the file would be larger than the file system or its limits allow',
    hint: 'Raise the limit, or keep the store on another file system.',
  },
  EROFS: {
    code: 'FORBIDDEN',
    why: 'the file system is read-only',
    hint: 'Ask the operator to make it writable.',
  },
  EACCES: {
    code: 'FORBIDDEN',
    why: 'the file permissions do not allow it',
    hint: 'Ask the operator to grant access.',
  },
  EPERM: {
    code: 'FORBIDDEN',
    why: 'the file permissions do not allow it',
    hint: 'Ask the operator to grant access.',
  },
  ENOENT: {
    code: 'NOT_FOUND',
    why: 'it does not exist',
    hint: 'Call snapshot_sources to see what is there.',
  },
  ENOTDIR: { code: 'INVALID_ARGUMENT', why: 'it is not a directory', hint: 'Give the path of a directory.' },
  ELOOP: { code: 'CONFLICT', why: 'a symbolic link is in the way', hint: 'Give the real path.' },
  ENAMETOOLONG: {
    code: 'INVALID_ARGUMENT',
    why: 'a name in the path is too long',
    hint: 'Choose a shorter one.',
  },
  EMFILE: { code: 'BUSY', why: 'too many files are open', hint: 'Try again in a moment.' },
  EIO: {
    code: 'INTERNAL',
    why: 'the disk reported an error',
    hint: 'Check the disk; the server log has the details.',
  },
}

export function errno(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Turns an error of the file system into one for the caller: no raw text, no path. Others pass unchanged. */
export function systemError(error: unknown, what: string, outcome: Outcome = 'not_started'): unknown {
  if (error instanceof SnapshotError) return error
  const known = CODES[errno(error) ?? '']
  if (!known) return error
  const state = outcome === 'not_started' ? ' Nothing was changed.' : ''
  return fail(known.code, `${what}: ${known.why}.${state}`, known.hint, { outcome, cause: error })
}
