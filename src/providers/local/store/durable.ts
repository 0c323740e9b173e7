import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errno, systemError } from '../system-error.ts'

/** Makes renames and unlinks in a directory survive a power cut. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Like `syncDirectory`, after a change that stands whether this fails or not: the error then says so. */
export function syncNames(...directories: string[]): void {
  try {
    for (const directory of directories) syncDirectory(directory)
  } catch (error) {
    throw systemError(error, 'It was carried out, but may not survive a power cut', 'unknown')
  }
}

/** Makes a directory, and those above it that are missing, so that a power cut takes none of them away again. */
export function makeDirectory(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let at = path; at.length >= first.length; at = dirname(at)) syncDirectory(dirname(at))
}

/** Writes a whole file so that after a crash there is either the old one, the new one or none: never half of one. */
export function writeDurably(path: string, bytes: Uint8Array | string): void {
  const temporary = join(dirname(path), `.${randomBytes(8).toString('hex')}.tmp`)
  const fd = openSync(temporary, 'wx', 0o600)
  try {
    try {
      writeFileSync(fd, bytes)
      fsyncSync(fd)
    } finally {
      // Once only: a second close could hit a file that another thread has opened since.
      closeSync(fd)
    }
    renameSync(temporary, path)
  } catch (error) {
    try {
      unlinkSync(temporary)
    } catch {
      // The first error is the one to tell.
    }
    throw error
  }
  syncNames(dirname(path))
}

/** False when it was not there. Durable once the directory is synced. */
export function unlinkIfThere(path: string): boolean {
  try {
    unlinkSync(path)
    return true
  } catch (error) {
    if (errno(error) === 'ENOENT') return false
    throw error
  }
}
