import { lstatSync } from 'node:fs'
import { type Directory, openChild } from './directory.ts'
import type { ByteString } from './names.ts'
import { errno } from './system-error.ts'

const UNREADABLE = new Set([
  'EACCES',
  'EPERM',
  'EIO',
  'ENXIO',
  'ENOTCONN',
  'ESTALE',
  'ETIMEDOUT',
  'EHOSTDOWN',
])

/** Otherwise it is the directory itself that cannot be read, with all that is in it. */
export function isSearchable(directory: Directory): boolean {
  try {
    return lstatSync(directory.at('.')).isDirectory()
  } catch {
    return false
  }
}

export function isUnreadable(error: unknown): boolean {
  return UNREADABLE.has(errno(error) ?? '')
}

/** A directory that is opened when something in it has to be read: most of an unchanged tree never is. */
export interface Place {
  open(): Directory
  close(): void
}

export function placeIn(parent: Place, name: ByteString): Place {
  let opened: Directory | undefined
  return {
    open() {
      opened ??= openChild(parent.open(), name)
      return opened
    },
    close: () => opened?.close(),
  }
}
