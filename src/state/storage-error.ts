import { type ErrorCode, fail, SnapshotError } from '../snapshots/errors.ts'

/** Where the directory should be is something else. */
const UNUSABLE: { code: ErrorCode; why: string } = {
  code: 'FORBIDDEN',
  why: 'the home of the server cannot be used',
}

const KNOWN: Record<string, { code: ErrorCode; why: string }> = {
  ENOSPC: { code: 'NO_SPACE', why: 'the disk is full' },
  EDQUOT: { code: 'NO_SPACE', why: 'the disk quota is used up' },
  EACCES: { code: 'FORBIDDEN', why: 'the file permissions do not allow it' },
  EPERM: { code: 'FORBIDDEN', why: 'the file permissions do not allow it' },
  ENOTDIR: UNUSABLE,
  EEXIST: UNUSABLE,
  ELOOP: UNUSABLE,
  ENAMETOOLONG: UNUSABLE,
  EROFS: { code: 'FORBIDDEN', why: 'the file system is read-only' },
}

/**
 * Gives failures of the file system under our records a code and a sentence: no raw text, no path. They do not say
 * whether anything was changed, for a record may be the last step of something that was: who knows says `beforeChange`.
 */
export async function storageError<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    if (cause instanceof SnapshotError) throw cause
    const { code = '' } = cause as NodeJS.ErrnoException
    const { code: known = 'INTERNAL', why = 'the disk reported an error' } = KNOWN[code] ?? {}
    throw fail(
      known,
      `The server's own records cannot be read or written: ${why}.`,
      'Ask the operator to look at the directory given by --home; the server log has the details.',
      { outcome: 'unknown', cause },
    )
  }
}
