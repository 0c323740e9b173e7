import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
} from 'node:fs'
import { type ByteString, isEntryName, toFsPath } from './names.ts'

/**
 * An open directory, and paths to what is directly in it. On Linux such a path goes through the descriptor
 * (`/proc/self/fd/N/name`, which is openat), so a directory that is swapped for a symlink meanwhile is never
 * followed, and no path is ever too long. Elsewhere the path is an ordinary one and the identity of each directory is
 * compared after opening: best effort.
 */
export interface Directory {
  readonly fd: number
  /** Path of an entry, for Node's fs functions. The name must be a single component. */
  at(name: ByteString): string | Buffer
  /** Names in byte order. */
  names(): ByteString[]
  close(): void
}

const BY_DESCRIPTOR = process.platform === 'linux' && existsSync('/proc/self/fd')
const FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW

/** Opens the directory at an absolute real path. Fails with ELOOP or ENOTDIR when the path was swapped meanwhile. */
export function openDirectory(path: ByteString): Directory {
  const fd = openSync(toFsPath(path), FLAGS)
  return closingOnError(fd, () => {
    if (BY_DESCRIPTOR && readlinkSync(`/proc/self/fd/${fd}`, 'latin1') !== path) throw replaced()
    return handle(fd, path)
  })
}

/** Works on the last name of an absolute real path, in the directory it is in. Fails as `openDirectory` does. */
export function inParentOf<T>(path: ByteString, work: (parent: Directory, name: ByteString) => T): T {
  const at = path.lastIndexOf('/')
  const parent = openDirectory(path.slice(0, at) || '/')
  try {
    return work(parent, path.slice(at + 1))
  } finally {
    parent.close()
  }
}

export function openChild(parent: Directory, name: ByteString): Directory {
  const path = parent.at(name)
  const fd = openSync(path, FLAGS)
  return closingOnError(fd, () => {
    if (!BY_DESCRIPTOR) {
      const opened = fstatSync(fd)
      const named = lstatSync(path)
      if (opened.ino !== named.ino || opened.dev !== named.dev) throw replaced()
    }
    return handle(fd, typeof path === 'string' ? path : path.toString('latin1'))
  })
}

function closingOnError<T>(fd: number, work: () => T): T {
  try {
    return work()
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function replaced() {
  return Object.assign(new Error('a directory was replaced'), { code: 'ELOOP' })
}

/** Opens a directory below another, one component at a time. The caller closes the result, also for an empty path. */
export function openBelow(parent: Directory, parts: readonly ByteString[]): Directory {
  let current = parent
  for (const part of parts) {
    try {
      const next = openChild(current, part)
      if (current !== parent) current.close()
      current = next
    } catch (error) {
      if (current !== parent) current.close()
      throw error
    }
  }
  return current === parent ? handle(openSync(parent.at('.'), FLAGS), '') : current
}

function handle(fd: number, path: ByteString): Directory {
  const base = BY_DESCRIPTOR ? `/proc/self/fd/${fd}` : path
  return {
    fd,
    at(name) {
      if (name !== '.' && !isEntryName(name)) throw new Error('not a single path component')
      return toFsPath(`${base}/${name}`)
    },
    names: () => readdirSync(toFsPath(base), 'latin1').sort(),
    close: () => closeSync(fd),
  }
}
