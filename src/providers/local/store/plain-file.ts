import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { MalformedBytes } from '../bytes.ts'
import { errno } from '../system-error.ts'

const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/**
 * Opens a file of the store. Something else under its name (a link, a pipe that would be waited for, a directory) is
 * damage: MalformedBytes.
 */
export function openPlainFile(path: string): { fd: number; size: number } {
  let fd: number
  try {
    fd = openSync(path, FLAGS)
  } catch (error) {
    // What a link and a socket answer.
    if (['ELOOP', 'EMLINK', 'ENXIO'].includes(errno(error) ?? '')) throw new MalformedBytes('not a file')
    throw error
  }
  const stats = fstatSync(fd)
  if (stats.isFile()) return { fd, size: stats.size }
  closeSync(fd)
  throw new MalformedBytes('not a file')
}

/** All of a file of at most `most` bytes; a larger one is damage, and is not read. */
export function readPlainFile(path: string, most: number): Buffer {
  const { fd, size } = openPlainFile(path)
  try {
    if (size > most) throw new MalformedBytes('larger than it can be')
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}

/**
 * Puts a small file that may be lost in the place of whatever has its name: nobody reads half of it, and a link there is
 * replaced, not followed. Not synced.
 */
export function replaceFile(path: string, bytes: string): void {
  const draft = `${path}.${randomBytes(8).toString('hex')}.tmp`
  try {
    writeFileSync(draft, bytes, { mode: 0o600, flag: 'wx' })
    renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
}
