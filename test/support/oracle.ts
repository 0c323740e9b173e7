import { createHash } from 'node:crypto'
import {
  type BigIntStats,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs'

/**
 * What a directory really holds, seen without any code of the product: the judge in every test that claims bytes
 * came back. Names are bytes, kept as latin1 strings (one character a byte, reversible).
 */
export interface Entry {
  type: 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'other'
  /** Permission bits including setuid, setgid and sticky. */
  mode: number
  mtimeNs: bigint
  uid: number
  gid: number
  /** Files only. */
  size?: number
  sha256?: string
  /** All paths inside the directory that are this same file, when there is more than one. */
  links?: string
  /** Symlinks only: the bytes of the target as latin1. */
  target?: string
}

/** Path below the directory (`''` is the directory itself) to what is there. */
export type Picture = Map<string, Entry>

const O_DIR = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
const VIA_FD = existsSync('/proc/self/fd')

/** Takes the picture. Walks by descriptor where the system allows it, so that paths over PATH_MAX are seen too. */
export function picture(dir: string): Picture {
  const found: Picture = new Map()
  const groups = new Map<string, string[]>()
  const visit = (at: Buffer, path: string) => {
    const stat = lstatSync(at, { bigint: true })
    found.set(path, entryOf(at, stat, path, groups))
    if (!stat.isDirectory()) return
    const fd = openSync(at, O_DIR)
    try {
      const here = VIA_FD ? Buffer.from(`/proc/self/fd/${fd}`) : at
      for (const name of readdirSync(here, 'latin1').sort()) {
        const child = Buffer.concat([here, Buffer.from(`/${name}`, 'latin1')])
        visit(child, path === '' ? name : `${path}/${name}`)
      }
    } finally {
      closeSync(fd)
    }
  }
  visit(Buffer.from(dir), '')
  for (const group of groups.values())
    if (group.length > 1) for (const path of group) found.get(path)!.links = group.join(' = ')
  return found
}

function entryOf(at: Buffer, stat: BigIntStats, path: string, groups: Map<string, string[]>): Entry {
  const entry: Entry = {
    type: typeOf(stat),
    mode: Number(stat.mode) & 0o7777,
    mtimeNs: stat.mtimeNs,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
  }
  if (entry.type === 'symlink') entry.target = readlinkSync(at, 'latin1')
  if (entry.type !== 'file') return entry
  entry.size = Number(stat.size)
  entry.sha256 = hashOf(at)
  if (stat.nlink > 1n) {
    const inode = `${stat.dev}:${stat.ino}`
    groups.set(inode, [...(groups.get(inode) ?? []), path])
  }
  return entry
}

function typeOf(stat: BigIntStats): Entry['type'] {
  if (stat.isFile()) return 'file'
  if (stat.isDirectory()) return 'directory'
  if (stat.isSymbolicLink()) return 'symlink'
  if (stat.isFIFO()) return 'fifo'
  return stat.isSocket() ? 'socket' : 'other'
}

function hashOf(at: Buffer): string {
  let fd: number
  try {
    fd = openSync(at, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    // A file that this user may not read still has a place in the picture.
    return `unreadable: ${(error as NodeJS.ErrnoException).code}`
  }
  try {
    const hash = createHash('sha256')
    const buffer = Buffer.allocUnsafe(Math.min(Number(fstatSync(fd).size) + 1, 1 << 20))
    for (let n = readSync(fd, buffer); n > 0; n = readSync(fd, buffer)) hash.update(buffer.subarray(0, n))
    return hash.digest('hex')
  } finally {
    closeSync(fd)
  }
}

export interface Tolerance {
  /** Node sets times through doubles: a restored time may be off by this much. Default 1,000 ns. */
  mtimeNs?: bigint
  /** Paths to leave out of the comparison. */
  except?: (path: string) => boolean
}

/** Readable differences, one line each; empty means equal. */
export function differences(expected: Picture, actual: Picture, tolerance: Tolerance = {}): string[] {
  const lines: string[] = []
  const skip = tolerance.except ?? (() => false)
  for (const [path, want] of expected) {
    if (skip(path)) continue
    const got = actual.get(path)
    if (!got) lines.push(`${show(path)}: ${want.type} is missing`)
    else
      for (const aspect of aspects(want, got, tolerance.mtimeNs ?? 1000n))
        lines.push(`${show(path)}: ${aspect}`)
  }
  for (const [path, got] of actual)
    if (!skip(path) && !expected.has(path)) lines.push(`${show(path)}: ${got.type} should not be there`)
  return lines
}

function aspects(want: Entry, got: Entry, tolerance: bigint): string[] {
  if (want.type !== got.type) return [`type ${want.type}, is ${got.type}`]
  const lines: string[] = []
  for (const key of ['mode', 'uid', 'gid', 'size', 'sha256', 'target', 'links'] as const)
    if (want[key] !== got[key]) lines.push(`${key} ${text(key, want[key])}, is ${text(key, got[key])}`)
  const off = want.mtimeNs - got.mtimeNs
  if (off > tolerance || -off > tolerance) lines.push(`mtime ${want.mtimeNs} ns, is ${got.mtimeNs} ns`)
  return lines
}

const text = (key: string, value: unknown) => (key === 'mode' ? (value as number).toString(8) : String(value))

const show = (path: string) => (path === '' ? '(the directory itself)' : JSON.stringify(path))

/** One hash over everything but the times: what a person would compare. */
export function digest(of: Picture): string {
  const hash = createHash('sha256')
  for (const [path, e] of [...of].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(
      `${path}\0${e.type}\0${e.mode}\0${e.sha256 ?? ''}\0${e.target ?? ''}\0${e.links ?? ''}\0`,
      'latin1',
    )
  return hash.digest('hex')
}

/**
 * What a diff of the two has to list: path to kind. Not the directory itself, and no directory for its mtime alone,
 * which only repeats that something in it was made or removed.
 */
export function changesBetween(
  before: Picture,
  after: Picture,
): Map<string, 'added' | 'removed' | 'modified'> {
  const kinds = new Map<string, 'added' | 'removed' | 'modified'>()
  for (const [path, was] of before) {
    const is = after.get(path)
    if (path === '') continue
    if (!is) kinds.set(path, 'removed')
    else {
      const tolerance = was.type === 'directory' && is.type === 'directory' ? FOREVER : 1000n
      if (aspects(was, is, tolerance).length > 0) kinds.set(path, 'modified')
    }
  }
  for (const path of after.keys()) if (!before.has(path)) kinds.set(path, 'added')
  return kinds
}

const FOREVER = 2n ** 80n
