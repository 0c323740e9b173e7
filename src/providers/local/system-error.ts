import { constants } from 'node:os'
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
  EEXIST: {
    code: 'CONFLICT',
    why: 'a name that was to be used is taken, perhaps by one that the file system takes for the same',
    hint: 'Call again; if it happens again, restore part of it with "paths".',
  },
  ENOTDIR: { code: 'INVALID_ARGUMENT', why: 'it is not a directory', hint: 'Give the path of a directory.' },
  ELOOP: { code: 'CONFLICT', why: 'a symbolic link is in the way', hint: 'Give the real path.' },
  ENAMETOOLONG: {
    code: 'INVALID_ARGUMENT',
    why: 'a name in the path is too long',
    hint: 'Choose a shorter one.',
  },
  EINVAL: {
    code: 'UNSUPPORTED',
    why: 'the file system does not take a name or a time as it is',
    hint: 'Leave out what it does not take with "paths", or use another file system.',
  },
  EILSEQ: {
    code: 'UNSUPPORTED',
    why: 'the file system takes no names that are not UTF-8',
    hint: 'Leave them out with "paths", or use another file system.',
  },
  EMFILE: { code: 'BUSY', why: 'too many files are open', hint: 'Try again in a moment.' },
  EIO: {
    code: 'INTERNAL',
    why: 'the disk reported an error',
    hint: 'Check the disk; the server log has the details.',
  },
}

/** libuv has a number for this one, but no name. */
const OVER_QUOTA = -constants.errno.EDQUOT

export function errno(error: unknown): string | undefined {
  if (error instanceof Error && 'errno' in error && error.errno === OVER_QUOTA) return 'EDQUOT'
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

export function isDiskFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(errno(error) ?? '')
}

/** Too many open files, say: it tells nothing of the file that was asked for, and is over in a moment. */
export function isShortage(error: unknown): boolean {
  return ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'].includes(errno(error) ?? '')
}

/** For what counts as damaged when it cannot be read. */
export function unlessShort(error: unknown): undefined {
  if (isShortage(error)) throw error
}

/** Turns an error of the file system into one for the caller: no raw text, no path. Others pass unchanged. */
export function systemError(error: unknown, what: string, outcome: Outcome = 'not_started'): unknown {
  if (error instanceof SnapshotError) return error
  const known = CODES[errno(error) ?? '']
  if (!known) return error
  const state = outcome === 'not_started' ? ' Nothing was changed.' : ''
  return fail(known.code, `${what}: ${known.why}.${state}`, known.hint, { outcome, cause: error })
}
