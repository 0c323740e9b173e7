import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Makes renames and unlinks in a directory survive a power cut. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Writes a whole file so that after a crash there is either the old one, the new one or none: never half of one. */
export function writeDurably(path: string, bytes: Uint8Array | string): void {
  const temporary = join(dirname(path), `.${randomBytes(8).toString('hex')}.tmp`)
  const fd = openSync(temporary, 'wx', 0o600)
  try {
    writeFileSync(fd, bytes)
    fsyncSync(fd)
    closeSync(fd)
    renameSync(temporary, path)
  } catch (error) {
    try {
      closeSync(fd)
    } catch {
      // Already closed: the rename failed.
    }
    try {
      unlinkSync(temporary)
    } catch {
      // The first error is the one to tell.
    }
    throw error
  }
  syncDirectory(dirname(path))
}
