import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync } from 'node:fs'
import { fail } from '../../snapshots/errors.ts'
import type { Receipt } from '../../snapshots/model.ts'
import { type Put, type ReadContent, readLarge, readSmall, WHOLE_FILE_BYTES } from './content.ts'
import { encodeCoarse, encodeLinks, fingerprintOf, stateDigest } from './digest.ts'
import { type Directory, openChild } from './directory.ts'
import type { Exclude } from './exclude.ts'
import {
  type LinkGroups,
  type LiveDirectory,
  type LiveEntry,
  type LiveFile,
  type LiveSymlink,
  type Stat,
  sameEntry,
  toMeta,
  toStat,
  unchanged,
} from './live.ts'
import { type ByteString, join, show, toFsPath } from './names.ts'
import { objectId } from './object-id.ts'
import type { Pause } from './pause.ts'
import type { ObjectWriter } from './store/objects.ts'
import { summarise } from './summarise.ts'
import { errno } from './system-error.ts'
import { encodeTree, type SkipReason } from './tree.ts'

export interface Scan {
  /** The source itself, with an empty name. */
  root: LiveDirectory
  links: LinkGroups
  /** The object that lists `links`; null when there are none. */
  linksId: string | null
  /** Equal digests mean equal directories, in content and metadata. */
  digest: string
  /** The same with times to the microsecond: any process that looks at this directory comes to this fingerprint. */
  fingerprint: string
  /** Sum of file sizes. */
  size: number
  receipt: Receipt
  /** Entries that had to be read because the previous scan did not know them as they are. */
  fresh: number
  /** Files whose content was never the same before and after reading: what was captured of them may be torn. */
  torn: ReadonlySet<ByteString>
}

export interface ScanOptions {
  exclude: Exclude
  /** The previous scan of the same directory: entries that have not changed since are not read again. */
  previous?: LiveDirectory | undefined
  /** Absolute path of the directory, with which the unchanged is found faster. */
  path?: ByteString
  /** Where contents and trees go; without it they are only hashed. */
  store?: { writer: ObjectWriter; has(id: string): boolean } | undefined
  pause: Pause
  clock: () => number
  /** Filled as the scan goes, for progress. */
  counts?: { entries: number; bytes: number }
}

/** Entries deeper than this are skipped and listed: each level keeps one descriptor open. */
const MAX_DEPTH = 1000
/** A file that changes while it is read is read again this often before it is listed as changed. */
const READ_ATTEMPTS = 3
const CHANGED_SHOWN = 100
const FILE_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** Reads a directory tree. Never follows a symlink, never opens anything but regular files and directories. */
export async function scan(directory: Directory, options: ScanOptions): Promise<Scan> {
  const { exclude, store, pause, counts = { entries: 0, bytes: 0 } } = options
  const rootStats = fstatSync(directory.fd, { bigint: true })
  /** Contents already read under another name of the same inode. */
  const inodes = new Map<string, LiveFile>()
  const torn = new Set<ByteString>()
  const changedDirectories = new Set<ByteString>()
  let fresh = 0
  let captured = 0

  const put = (stream: 'tree' | 'content'): Put =>
    store ? (bytes) => store.writer.put(bytes, stream) : (bytes) => ({ id: objectId(bytes), added: false })
  const putContent = put('content')
  const putTree = put('tree')
  const has = (id: string) => !store || store.has(id) || store.writer.has(id)
  const isStored = (file: LiveFile) => has(file.content) && file.chunks.every(has)
  const now = () => BigInt(Math.floor(options.clock())) * 1_000_000n

  const skip = (name: ByteString, reason: SkipReason): LiveEntry => ({ type: 'skipped', name, reason })

  const scanDirectory = async (
    place: Place,
    name: ByteString,
    path: ByteString,
    stats: BigIntStats,
    previous: LiveDirectory | undefined,
    depth: number,
  ): Promise<LiveDirectory> => {
    // Taken before the names are read: what is added within the same tick of the clock is then looked for again.
    const stat = toStat(stats, now())
    const children =
      (previous && isSettled(previous, stats) && (await scanKnown(place, path, stats, previous, depth))) ||
      (await scanNames(place, path, stats, previous, depth))
    const same =
      previous !== undefined &&
      children.length === previous.children.length &&
      children.every((child, n) => sameEntry(child, previous.children[n]))
    return {
      type: 'directory',
      name,
      ...recorded(stats, previous),
      tree: same && has(previous.tree) ? previous.tree : putTree(encodeTree(children)).id,
      coarse: same ? previous.coarse : objectId(encodeCoarse(children)),
      stat,
      children,
    }
  }

  /** The names are those of the previous scan. Undefined when it turns out that they no longer are. */
  const scanKnown = async (
    place: Place,
    path: ByteString,
    stats: BigIntStats,
    previous: LiveDirectory,
    depth: number,
  ): Promise<LiveEntry[] | undefined> => {
    const children: LiveEntry[] = []
    for (const before of previous.children) {
      const entry = await scanEntry(place, before.name, join(path, before.name), before, true, depth)
      if (!entry) return undefined
      children.push(entry)
      if (pause.due()) await pause.take()
    }
    return glance(path)?.ctimeNs === stats.ctimeNs ? children : undefined
  }

  const scanNames = async (
    place: Place,
    path: ByteString,
    stats: BigIntStats,
    previous: LiveDirectory | undefined,
    depth: number,
  ): Promise<LiveEntry[]> => {
    const children: LiveEntry[] = []
    const known = previous?.children ?? []
    let at = 0
    for (const name of place.open().names()) {
      while (at < known.length && (known[at] as LiveEntry).name < name) at++
      const before = known[at]?.name === name ? known[at] : undefined
      const entry = await scanEntry(place, name, join(path, name), before, false, depth)
      if (entry) children.push(entry)
      if (pause.due()) await pause.take()
    }
    if (fstatSync(place.open().fd, { bigint: true }).ctimeNs !== stats.ctimeNs) changedDirectories.add(path)
    return children
  }

  const scanEntry = async (
    place: Place,
    name: ByteString,
    path: ByteString,
    before: LiveEntry | undefined,
    expected: boolean,
    depth: number,
  ): Promise<LiveEntry | undefined> => {
    counts.entries++
    const glimpse = expected && before ? glance(path) : undefined
    if (glimpse && before && isKnown(before, glimpse)) {
      if (exclude(path, before.type === 'directory')) return skip(name, 'excluded')
      return before.type === 'directory' ? enter(place, name, path, before, depth, glimpse) : known(before)
    }
    let stats: BigIntStats | undefined
    try {
      stats = lstatSync(place.open().at(name), { bigint: true, throwIfNoEntry: false })
    } catch (error) {
      // A dead or foreign mount point, for one: it must not take its siblings with it.
      if (isUnreadable(error) && isSearchable(place.open())) return skip(name, 'unreadable')
      throw error
    }
    if (!stats) return undefined
    if (exclude(path, stats.isDirectory())) return skip(name, 'excluded')
    if (stats.dev !== rootStats.dev) return skip(name, 'mount')
    if (stats.isFile())
      return scanFile(place, name, path, stats, before?.type === 'file' ? before : undefined)
    if (stats.isSymbolicLink()) {
      return scanSymlink(place, name, stats, before?.type === 'symlink' ? before : undefined)
    }
    if (!stats.isDirectory()) {
      return skip(name, stats.isFIFO() ? 'fifo' : stats.isSocket() ? 'socket' : 'device')
    }
    return enter(place, name, path, before?.type === 'directory' ? before : undefined, depth)
  }

  const known = (entry: LiveEntry): LiveEntry => {
    if (entry.type === 'file') counts.bytes += entry.size
    return entry
  }

  const enter = async (
    place: Place,
    name: ByteString,
    path: ByteString,
    previous: LiveDirectory | undefined,
    depth: number,
    glimpse?: BigIntStats,
  ): Promise<LiveEntry | undefined> => {
    if (depth >= MAX_DEPTH) return skip(name, 'too_deep')
    return orSkip(name, async () => {
      const below = placeIn(place, name)
      try {
        const stats = glimpse ?? fstatSync(below.open().fd, { bigint: true })
        return await scanDirectory(below, name, path, stats, previous, depth + 1)
      } finally {
        below.close()
      }
    })
  }

  /**
   * A look by path: twice as fast as one by descriptor, but the path may lead elsewhere. It serves only to find an
   * entry to be the very inode the previous scan has read, unchanged since; nothing else is ever concluded from it.
   */
  const glance = (path: ByteString): BigIntStats | undefined => {
    if (options.path === undefined) return undefined
    try {
      return lstatSync(toFsPath(`${options.path}/${path}`), { bigint: true, throwIfNoEntry: false })
    } catch {
      return undefined
    }
  }

  const isKnown = (before: LiveEntry, stats: BigIntStats): boolean =>
    before.type !== 'skipped' && isSettled(before, stats) && (before.type !== 'file' || isStored(before))

  const scanFile = async (
    place: Place,
    name: ByteString,
    path: ByteString,
    stats: BigIntStats,
    before: LiveFile | undefined,
  ): Promise<LiveEntry | undefined> => {
    if (before && isKnown(before, stats)) return known(before)
    const inode = stats.nlink > 1n ? inodes.get(`${stats.dev}:${stats.ino}`) : undefined
    if (inode && unchanged(inode.stat, stats)) return known({ ...inode, name })
    return orSkip(name, async () => {
      const fd = openSync(place.open().at(name), FILE_FLAGS)
      try {
        const { read, after, stable } = await readStable(fd)
        fresh++
        if (!stable) torn.add(path)
        const { content, chunked, chunks, size } = read
        captured += read.captured
        const file: LiveFile = {
          type: 'file',
          name,
          ...recorded(after, before),
          size,
          content,
          chunked,
          chunks,
          stat: { ...toStat(after, now()), ...(stable ? {} : { settled: false }) },
        }
        if (after.nlink > 1n) inodes.set(`${after.dev}:${after.ino}`, file)
        return known(file)
      } finally {
        closeSync(fd)
      }
    })
  }

  const readStable = async (
    fd: number,
  ): Promise<{ read: ReadContent; after: BigIntStats; stable: boolean }> => {
    for (let attempt = 1; ; attempt++) {
      const first = fstatSync(fd, { bigint: true })
      // Swapped for something else between lstat and open: reading it could block or worse.
      if (!first.isFile()) throw Object.assign(new Error('no longer a file'), { code: 'ENOENT' })
      const small = first.size <= WHOLE_FILE_BYTES ? readSmall(fd, putContent) : undefined
      const read = small ?? (await readLarge(fd, putContent, pause))
      const after = fstatSync(fd, { bigint: true })
      const stable =
        first.mtimeNs === after.mtimeNs && first.ctimeNs === after.ctimeNs && BigInt(read.size) === after.size
      if (stable || attempt === READ_ATTEMPTS) return { read, after, stable }
    }
  }

  const scanSymlink = (
    place: Place,
    name: ByteString,
    stats: BigIntStats,
    before: LiveSymlink | undefined,
  ): LiveEntry | undefined => {
    if (before && isKnown(before, stats)) return before
    try {
      fresh++
      const target = readlinkSync(place.open().at(name), 'latin1')
      return { type: 'symlink', name, ...recorded(stats, before), target, stat: toStat(stats, now()) }
    } catch (error) {
      if (errno(error) === 'ENOENT' || errno(error) === 'EINVAL') return undefined
      throw error
    }
  }

  /** What vanished meanwhile is not there; what may not be read is listed. */
  const orSkip = async (name: ByteString, read: () => Promise<LiveEntry>): Promise<LiveEntry | undefined> => {
    try {
      return await read()
    } catch (error) {
      const code = errno(error)
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined
      if (isUnreadable(error)) return skip(name, 'unreadable')
      throw error
    }
  }

  const root = await scanDirectory(
    { open: () => directory, close() {} },
    '',
    '',
    rootStats,
    options.previous,
    0,
  )
  if (fstatSync(directory.fd).nlink === 0) {
    throw fail(
      'NOT_FOUND',
      'The source was removed while it was read. No snapshot was made.',
      'Call snapshot_list and restore an earlier snapshot if the directory is wanted back.',
    )
  }
  const { counts: held, size, links, skipped } = summarise(root)
  const linksId = links.length > 0 ? putTree(encodeLinks(links)).id : null
  return {
    root,
    links,
    linksId,
    digest: stateDigest(root, linksId),
    fingerprint: fingerprintOf(root, linksId),
    size,
    receipt: {
      ...held,
      hard_links: links.reduce((sum, group) => sum + group.length, 0),
      bytes_captured: captured,
      bytes_reused: Math.max(0, size - captured),
      skipped,
      changed_during_read: [...torn, ...[...changedDirectories].map((path) => path || '.')]
        .slice(0, CHANGED_SHOWN)
        .map(show),
    },
    torn,
    fresh,
  }
}

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
function isSearchable(directory: Directory): boolean {
  try {
    return lstatSync(directory.at('.')).isDirectory()
  } catch {
    return false
  }
}

function isUnreadable(error: unknown): boolean {
  return UNREADABLE.has(errno(error) ?? '')
}

/** A directory that is opened when something in it has to be read: most of an unchanged tree never is. */
interface Place {
  open(): Directory
  close(): void
}

function placeIn(parent: Place, name: ByteString): Place {
  let opened: Directory | undefined
  return {
    open() {
      opened ??= openChild(parent.open(), name)
      return opened
    },
    close: () => opened?.close(),
  }
}

/** Certainly as the previous scan left it. For a directory that means the same names, not the same contents below. */
function isSettled(before: { stat: Stat }, stats: BigIntStats): boolean {
  return before.stat.settled && unchanged(before.stat, stats)
}

/**
 * Metadata to record. A restore sets times a fraction of a microsecond off; while the file system still says the time
 * that was set, the exact one it stands for is kept, so that an untouched tree does not look changed.
 */
function recorded(stats: BigIntStats, before: LiveFile | LiveDirectory | LiveSymlink | undefined) {
  const meta = toMeta(stats)
  return before && before.stat.mtime === stats.mtimeNs ? { ...meta, mtime: before.mtime } : meta
}
