import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync } from 'node:fs'
import { fail } from '../../snapshots/errors.ts'
import type { Receipt, Skipped } from '../../snapshots/model.ts'
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
import type { Pause } from './pause.ts'
import type { ObjectWriter } from './store/objects.ts'
import { objectId } from './store/pack-writer.ts'
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
const SAMPLES = 5
const CHANGED_SHOWN = 100
const FILE_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** Reads a directory tree. Never follows a symlink, never opens anything but regular files and directories. */
export async function scan(directory: Directory, options: ScanOptions): Promise<Scan> {
  const { exclude, store, pause, counts = { entries: 0, bytes: 0 } } = options
  const rootStats = fstatSync(directory.fd, { bigint: true })
  const inodes = new Map<string, { paths: ByteString[]; file: LiveFile }>()
  const skipped = new Map<SkipReason, Skipped>()
  const torn = new Set<ByteString>()
  const changedDirectories: ByteString[] = []
  let fresh = 0
  const receipt = { files: 0, directories: 0, links: 0, bytes_captured: 0, bytes_reused: 0 }

  const put = (stream: 'tree' | 'content'): Put =>
    store ? (bytes) => store.writer.put(bytes, stream) : (bytes) => ({ id: objectId(bytes), added: false })
  const putContent = put('content')
  const putTree = put('tree')
  const isStored = (id: string) => !store || store.has(id) || store.writer.has(id)
  const now = () => BigInt(Math.floor(options.clock())) * 1_000_000n

  const skip = (name: ByteString, path: ByteString, reason: SkipReason): LiveEntry => {
    const entry = skipped.get(reason) ?? { reason, count: 0, samples: [] }
    entry.count++
    if (entry.samples.length < SAMPLES) entry.samples.push(show(path))
    skipped.set(reason, entry)
    return { type: 'skipped', name, reason }
  }

  const scanDirectory = async (
    place: Place,
    name: ByteString,
    path: ByteString,
    stats: BigIntStats,
    previous: LiveDirectory | undefined,
    depth: number,
  ): Promise<LiveDirectory> => {
    const children: LiveEntry[] = []
    const known = previous?.children ?? []
    const sameNames = previous !== undefined && isSettled(previous, stats)
    let at = 0
    let same = previous !== undefined
    for (const child of sameNames ? known.map((entry) => entry.name) : place.open().names()) {
      while (at < known.length && (known[at] as LiveEntry).name < child) at++
      const before = known[at]?.name === child ? known[at] : undefined
      const entry = await scanEntry(place, child, join(path, child), before, sameNames, depth)
      if (!entry) continue
      children.push(entry)
      same &&= sameEntry(entry, before)
      counts.entries++
      if (pause.due()) await pause.take()
    }
    same &&= children.length === known.length
    if (!sameNames && fstatSync(place.open().fd, { bigint: true }).ctimeNs !== stats.ctimeNs) {
      changedDirectories.push(path)
    }
    receipt.directories++
    const tree =
      previous && same && isStored(previous.tree) ? previous.tree : putTree(encodeTree(children)).id
    const coarse = previous && same ? previous.coarse : objectId(encodeCoarse(children))
    return {
      type: 'directory',
      name,
      ...recorded(stats, previous),
      tree,
      coarse,
      stat: toStat(stats, now()),
      children,
    }
  }

  const scanEntry = async (
    place: Place,
    name: ByteString,
    path: ByteString,
    before: LiveEntry | undefined,
    expected: boolean,
    depth: number,
  ): Promise<LiveEntry | undefined> => {
    const glimpse = expected && before ? glance(path) : undefined
    const stats =
      glimpse && before && isKnown(before, glimpse)
        ? glimpse
        : lstatSync(place.open().at(name), { bigint: true, throwIfNoEntry: false })
    if (!stats) return undefined
    if (exclude(path, stats.isDirectory())) return skip(name, path, 'excluded')
    if (stats.dev !== rootStats.dev) return skip(name, path, 'mount')
    if (stats.isFile())
      return scanFile(place, name, path, stats, before?.type === 'file' ? before : undefined)
    if (stats.isSymbolicLink()) {
      return scanSymlink(place, name, stats, before?.type === 'symlink' ? before : undefined)
    }
    if (!stats.isDirectory()) {
      return skip(name, path, stats.isFIFO() ? 'fifo' : stats.isSocket() ? 'socket' : 'device')
    }
    if (depth >= MAX_DEPTH) return skip(name, path, 'too_deep')
    return orSkip(name, path, async () => {
      const below = placeIn(place, name)
      try {
        const own = stats === glimpse ? stats : fstatSync(below.open().fd, { bigint: true })
        const previous = before?.type === 'directory' ? before : undefined
        return await scanDirectory(below, name, path, own, previous, depth + 1)
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
    before.type !== 'skipped' &&
    isSettled(before, stats) &&
    (before.type !== 'file' || isStored(before.content))

  const scanFile = async (
    place: Place,
    name: ByteString,
    path: ByteString,
    stats: BigIntStats,
    before: LiveFile | undefined,
  ): Promise<LiveEntry | undefined> => {
    if (before && isKnown(before, stats)) return count(before, path, 0)
    const inode = stats.nlink > 1n ? inodes.get(`${stats.dev}:${stats.ino}`)?.file : undefined
    if (inode && unchanged(inode.stat, stats)) return count({ ...inode, name }, path, 0)
    return orSkip(name, path, async () => {
      const fd = openSync(place.open().at(name), FILE_FLAGS)
      try {
        const { read, after, stable } = await readStable(fd)
        fresh++
        if (!stable) torn.add(path)
        const { content, chunked, size, captured } = read
        const file: LiveFile = {
          type: 'file',
          name,
          ...recorded(after, before),
          size,
          content,
          chunked,
          stat: { ...toStat(after, now()), ...(stable ? {} : { settled: false }) },
        }
        return count(file, path, captured)
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
    receipt.links++
    if (before && isKnown(before, stats)) return before
    try {
      fresh++
      const target = readlinkSync(place.open().at(name), 'latin1')
      return { type: 'symlink', name, ...recorded(stats, before), target, stat: toStat(stats, now()) }
    } catch (error) {
      receipt.links--
      if (errno(error) === 'ENOENT' || errno(error) === 'EINVAL') return undefined
      throw error
    }
  }

  const count = (file: LiveFile, path: ByteString, captured: number): LiveFile => {
    receipt.files++
    receipt.bytes_captured += captured
    receipt.bytes_reused += file.size - captured
    counts.bytes += file.size
    if (file.stat.nlink > 1n) {
      const key = `${file.stat.dev}:${file.stat.ino}`
      const group = inodes.get(key)
      if (group) group.paths.push(path)
      else inodes.set(key, { paths: [path], file })
    }
    return file
  }

  /** What vanished meanwhile is not there; what may not be read is listed. */
  const orSkip = async (
    name: ByteString,
    path: ByteString,
    read: () => Promise<LiveEntry>,
  ): Promise<LiveEntry | undefined> => {
    try {
      return await read()
    } catch (error) {
      const code = errno(error)
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined
      if (code === 'EACCES' || code === 'EPERM' || code === 'EIO' || code === 'ENXIO')
        return skip(name, path, 'unreadable')
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
  const links = [...inodes.values()].map((group) => group.paths).filter((paths) => paths.length > 1)
  const linksId = links.length > 0 ? putTree(encodeLinks(links)).id : null
  return {
    root,
    links,
    linksId,
    digest: stateDigest(root, linksId),
    fingerprint: fingerprintOf(root, linksId),
    size: receipt.bytes_captured + receipt.bytes_reused,
    receipt: {
      ...receipt,
      hard_links: links.reduce((sum, group) => sum + group.length, 0),
      skipped: [...skipped.values()],
      changed_during_read: [...torn, ...changedDirectories.map((path) => path || '.')]
        .slice(0, CHANGED_SHOWN)
        .map(show),
    },
    torn,
    fresh,
  }
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
