import { type BigIntStats, fstatSync, lstatSync, readlinkSync } from 'node:fs'
import type { Suspects } from './check.ts'
import type { Put } from './content.ts'
import { encodeCoarse } from './digest.ts'
import type { Directory } from './directory.ts'
import { compileExclude } from './exclude.ts'
import {
  isSettled,
  type LiveDirectory,
  type LiveEntry,
  type LiveFile,
  type LiveSymlink,
  recorded,
  type Stat,
  sameEntry,
  toStat,
  unchanged,
} from './live.ts'
import { mountsBelow, withMounts } from './mounts.ts'
import { type ByteString, join } from './names.ts'
import { objectId } from './object-id.ts'
import type { Pause } from './pause.ts'
import { isSearchable, isUnreadable, type Place, placeIn } from './place.ts'
import { readFile } from './read-file.ts'
import { createRoster, type Roster } from './roster.ts'
import type { ObjectWriter } from './store/objects.ts'
import { errno } from './system-error.ts'
import { encodeTree, MAX_DEPTH, type SkipReason } from './tree.ts'

/** An earlier walk of the same directory, and what of it has to be looked at. */
export interface Previous {
  roster: Roster
  suspects: Suspects
}

export interface WalkOptions {
  exclude: readonly string[]
  /** Where contents and trees go; without it they are only hashed. */
  store?: { writer: ObjectWriter; has(id: string): boolean } | undefined
  /** What the store calls these bytes. */
  idOf(bytes: Uint8Array): string
  pause: Pause
  clock: () => number
  /** Filled on the way, for progress. */
  counts?: { entries: number; bytes: number }
}

export interface Walk {
  /** Reads the tree, taking over from `from` what need not be looked at. `rested`: that was read a tick ago. */
  walk(from: Previous | undefined, how?: { rested: boolean }): Promise<Roster>
  /** Stores the encoding of a tree, or what goes with it. */
  putTree: Put
  /** Bytes that were new to the store. */
  captured(): number
  /** Files whose content was never the same before and after reading. */
  readonly torn: ReadonlySet<ByteString>
  /** Directories whose names changed while they were read. */
  readonly changed: ReadonlySet<ByteString>
}

/** An entry as the previous scan has it, and where in its roster. */
interface Known<E extends LiveEntry = LiveEntry> {
  entry: E
  at: number
}

/** Reads a directory tree. Never follows a symlink, never opens anything but regular files and directories. */
export function createWalk(directory: Directory, options: WalkOptions): Walk {
  const { store, idOf, pause, counts = { entries: 0, bytes: 0 } } = options
  const mounts = mountsBelow(directory)
  let previous: Previous | undefined
  /** What `previous` says was read a tick ago. */
  let rested = false
  const isExcluded = compileExclude(options.exclude)
  const rootStats = fstatSync(directory.fd, { bigint: true })
  /** Contents already read under another name of the same inode. */
  const inodes = new Map<string, LiveFile>()
  const torn = new Set<ByteString>()
  const changedDirectories = new Set<ByteString>()
  const unsaved = store ? {} : ({ unsaved: true } as const)
  let captured = 0

  const put = (stream: 'tree' | 'content'): Put =>
    store ? (bytes) => store.writer.put(bytes, stream) : (bytes) => ({ id: idOf(bytes), added: false })
  const putContent = put('content')
  const putTree = put('tree')
  const has = (id: string) => !store || store.has(id) || store.writer.has(id)
  const isStored = (file: LiveFile) => has(file.content) && file.chunks.every(has)
  const now = () => BigInt(Math.floor(options.clock())) * 1_000_000n

  /** What still is as it was a tick ago has settled, whatever the clocks say: that of the file system may be ahead. */
  const statOf = (stats: BigIntStats, before: { stat: Stat } | undefined): Stat => {
    const stat = toStat(stats, now())
    return rested && before && unchanged(before.stat, stats) ? { ...stat, settled: true } : stat
  }

  const skip = (name: ByteString, reason: SkipReason): LiveEntry => ({ type: 'skipped', name, reason })

  const isSuspect = (known: Known) => previous?.suspects.entry(known.at) ?? true
  /** Neither it nor anything below it has to be looked at. */
  const isSettledWithin = (known: Known) => previous !== undefined && !previous.suspects.within(known.at)

  const scanDirectory = async (
    place: Place,
    path: ByteString,
    known: Known<LiveDirectory> | undefined,
    depth: number,
    name: ByteString,
  ): Promise<LiveDirectory> => {
    // What waits begins on a fresh stack: a thousand levels would not fit on one.
    if (depth % 100 === 99) await undefined
    const before = known?.entry
    if (known && !isSuspect(known)) {
      const children = await scanKnown(place, path, known, depth)
      if (children) return toDirectory(name, known.entry, children, before)
    }
    const stats = fstatSync(place.open().fd, { bigint: true })
    // Taken before the names are read: what is added within the same tick of the clock is then looked for again.
    const stat = toStat(stats, now())
    const children = await scanNames(place, path, stats, known, depth)
    return toDirectory(name, { ...recorded(stats, before), stat }, children, before)
  }

  const toDirectory = (
    name: ByteString,
    { mode, uid, gid, mtime, stat }: Pick<LiveDirectory, 'mode' | 'uid' | 'gid' | 'mtime' | 'stat'>,
    children: readonly LiveEntry[],
    before: LiveDirectory | undefined,
  ): LiveDirectory => {
    const same =
      before !== undefined &&
      children.length === before.children.length &&
      children.every((child, n) => sameEntry(child, before.children[n]))
    const known = same && has(before.tree)
    return {
      type: 'directory',
      name,
      ...{ mode, uid, gid, mtime, stat },
      tree: known ? before.tree : putTree(encodeTree(children)).id,
      coarse: same ? before.coarse : objectId(encodeCoarse(children)),
      children,
      ...(known ? before.unsaved && unsaved : unsaved),
    }
  }

  /** The names are those of the previous scan. Undefined when it turns out that they no longer are. */
  const scanKnown = async (
    place: Place,
    path: ByteString,
    { entry: before, at }: Known<LiveDirectory>,
    depth: number,
  ): Promise<LiveEntry[] | undefined> => {
    const children: LiveEntry[] = []
    let next = at + 1
    for (const entry of before.children) {
      const known = { entry, at: next }
      next += spanOf(entry)
      // Not asked of `scanEntry`: a promise for each entry that nothing is the matter with would cost more than that.
      const child = isSettledWithin(known)
        ? passed(known)
        : await scanEntry(place, entry.name, join(path, entry.name), known, depth)
      if (!child) return undefined
      children.push(child)
      if (pause.due()) await pause.take()
    }
    return unchanged(before.stat, fstatSync(place.open().fd, { bigint: true })) ? children : undefined
  }

  const scanNames = async (
    place: Place,
    path: ByteString,
    stats: BigIntStats,
    known: Known<LiveDirectory> | undefined,
    depth: number,
  ): Promise<LiveEntry[]> => {
    const children: LiveEntry[] = []
    const before = known?.entry.children ?? []
    let n = 0
    let at = (known?.at ?? 0) + 1
    for (const name of place.open().names()) {
      while (n < before.length && (before[n] as LiveEntry).name < name) at += spanOf(before[n++] as LiveEntry)
      const entry = before[n]?.name === name ? before[n] : undefined
      const child = await scanEntry(place, name, join(path, name), entry && { entry, at }, depth)
      if (child) children.push(child)
      if (pause.due()) await pause.take()
    }
    if (fstatSync(place.open().fd, { bigint: true }).ctimeNs !== stats.ctimeNs) changedDirectories.add(path)
    return children
  }

  const scanEntry = async (
    place: Place,
    name: ByteString,
    path: ByteString,
    known: Known | undefined,
    depth: number,
  ): Promise<LiveEntry | undefined> => {
    // The directory has changed: by the same name there may now be what the patterns do not leave out.
    const mayBeAnother = known?.entry.type === 'skipped'
    if (known && !mayBeAnother && isSettledWithin(known)) return passed(known)
    counts.entries++
    const before = known?.entry
    if (known && before?.type === 'directory' && !isSuspect(known)) {
      return enter(place, name, path, { entry: before, at: known.at }, depth)
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
    if (isExcluded(path, stats.isDirectory())) return skip(name, 'excluded')
    if (stats.dev !== rootStats.dev || mounts.has(path)) return skip(name, 'mount')
    if (stats.isFile())
      return scanFile(place, name, path, stats, before?.type === 'file' ? before : undefined)
    if (stats.isSymbolicLink()) {
      return scanSymlink(place, name, stats, before?.type === 'symlink' ? before : undefined)
    }
    if (!stats.isDirectory()) {
      return skip(name, stats.isFIFO() ? 'fifo' : stats.isSocket() ? 'socket' : 'device')
    }
    const below = known && before?.type === 'directory' ? { entry: before, at: known.at } : undefined
    return enter(place, name, path, below, depth)
  }

  const passed = ({ entry, at }: Known): LiveEntry => {
    counts.entries += entry.type === 'directory' ? (previous?.roster.columns.span[at] ?? 1) : 1
    return entry.type === 'file' ? counted(entry) : entry
  }

  const counted = (file: LiveFile): LiveFile => {
    counts.bytes += file.size
    return file
  }

  const enter = async (
    place: Place,
    name: ByteString,
    path: ByteString,
    known: Known<LiveDirectory> | undefined,
    depth: number,
  ): Promise<LiveEntry | undefined> => {
    if (depth >= MAX_DEPTH) return skip(name, 'too_deep')
    return orSkip(name, async () => {
      const below = placeIn(place, name)
      try {
        return await scanDirectory(below, path, known, depth + 1, name)
      } finally {
        below.close()
      }
    })
  }

  const scanFile = async (
    place: Place,
    name: ByteString,
    path: ByteString,
    stats: BigIntStats,
    before: LiveFile | undefined,
  ): Promise<LiveEntry | undefined> => {
    if (before && isSettled(before, stats) && isStored(before)) return counted(before)
    const inode = stats.nlink > 1n ? inodes.get(`${stats.dev}:${stats.ino}`) : undefined
    if (inode && unchanged(inode.stat, stats)) return counted({ ...inode, name })
    return orSkip(name, async () => {
      const read = await readFile(place.open().at(name), putContent, pause)
      if (read.stable) torn.delete(path)
      else torn.add(path)
      captured += read.captured
      const { content, chunked, chunks, size, stats: after, stable } = read
      const file: LiveFile = {
        type: 'file',
        name,
        ...recorded(after, before),
        ...{ size, content, chunked, chunks },
        stat: { ...statOf(after, before), ...(stable ? {} : { settled: false }) },
        ...unsaved,
      }
      if (stable && after.nlink > 1n) inodes.set(`${after.dev}:${after.ino}`, file)
      return counted(file)
    })
  }

  const scanSymlink = (
    place: Place,
    name: ByteString,
    stats: BigIntStats,
    before: LiveSymlink | undefined,
  ): LiveEntry | undefined => {
    if (before && isSettled(before, stats)) return before
    try {
      const target = readlinkSync(place.open().at(name), 'latin1')
      return { type: 'symlink', name, ...recorded(stats, before), target, stat: statOf(stats, before) }
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

  const walk: Walk['walk'] = async (from, how = { rested: false }) => {
    previous = from && withMounts(from, mounts)
    rested = how.rested
    inodes.clear()
    const last = previous?.roster
    const known = last && { entry: last.root, at: 0 }
    if (known && isSettledWithin(known) && unchanged(known.entry.stat, rootStats)) {
      passed(known)
      return last
    }
    const place = { open: () => directory, close() {} }
    return createRoster(await scanDirectory(place, '', known, 0, ''), options.exclude)
  }

  return { walk, putTree, captured: () => captured, torn, changed: changedDirectories }
}

/** How many entries of its roster it stands for. */
function spanOf(entry: LiveEntry): number {
  return entry.type === 'directory' ? (entry.seat?.columns.span[entry.seat.at] ?? 1) : 1
}
