import type { BigIntStats } from 'node:fs'
import type { ByteString } from './names.ts'
import type { Seat } from './roster.ts'
import type { DirectoryEntry, FileEntry, Meta, SkippedEntry, SymlinkEntry } from './tree.ts'

/** A directory as a scan found it: the entries a tree object would have, plus what tells whether one has changed. */
export type LiveEntry = LiveFile | LiveDirectory | LiveSymlink | SkippedEntry

/** An entry that was captured, and so may be replaced or removed: the safety snapshot holds it. */
export type Captured = Exclude<LiveEntry, SkippedEntry>

export interface LiveFile extends FileEntry {
  /** Of a chunked file: all have to be in the store for the file to be. */
  chunks: readonly string[]
  stat: Stat
  /** Its content was hashed only. */
  unsaved?: true
}

export interface LiveDirectory extends DirectoryEntry {
  stat: Stat
  /** Hash of the entries with coarse times: see digest.ts. */
  coarse: string
  /** In byte order of their names. Read from the roster on first use. */
  readonly children: readonly LiveEntry[]
  /** Its tree was hashed only. */
  unsaved?: true
  /** Where it lies in the roster of the last scan; absent once anything about it or below it differs. */
  seat?: Seat
}

export interface LiveSymlink extends SymlinkEntry {
  stat: Stat
}

/** What the file system said when the entry was read. Times in nanoseconds. */
export interface Stat {
  dev: bigint
  ino: bigint
  size: bigint
  mode: bigint
  nlink: bigint
  mtime: bigint
  ctime: bigint
  /**
   * False when the entry was changed so shortly before it was read that a further change could have left no trace in
   * its times ("racily clean"): it is read again next time.
   */
  settled: boolean
}

/** File systems stamp times from a clock that ticks every few milliseconds; some keep whole seconds only. */
const TICK_NS = 50_000_000n
const COARSE_TICK_NS = 2_000_000_000n
const SECOND_NS = 1_000_000_000n

export function toStat(stats: BigIntStats, now: bigint): Stat {
  const { dev, ino, size, mode, nlink, mtimeNs: mtime, ctimeNs: ctime } = stats
  return { dev, ino, size, mode, nlink, mtime, ctime, settled: ctime + tickAt(ctime) < now }
}

/** Nanoseconds within which what was changed at this time could be changed again without a trace. */
export function tickAt(ctime: bigint): bigint {
  return ctime % SECOND_NS === 0n ? COARSE_TICK_NS : TICK_NS
}

export function toMeta(stats: BigIntStats): Meta {
  return {
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    mtime: stats.mtimeNs,
  }
}

/** Nothing about the entry has changed since `known` was taken, as far as a file system can tell. */
export function unchanged(known: Stat, stats: BigIntStats): boolean {
  return (
    known.ctime === stats.ctimeNs &&
    known.mtime === stats.mtimeNs &&
    known.size === stats.size &&
    known.ino === stats.ino &&
    known.dev === stats.dev &&
    known.mode === stats.mode
  )
}

/** Certainly as the previous scan left it. For a directory that means the same names, not the same contents below. */
export function isSettled(before: { stat: Stat }, stats: BigIntStats): boolean {
  return before.stat.settled && unchanged(before.stat, stats)
}

/**
 * Metadata to record. A restore sets times a fraction of a microsecond off; while the file system still says the time
 * that was set, the exact one it stands for is kept, so that an untouched tree does not look changed.
 */
export function recorded(stats: BigIntStats, before: LiveFile | LiveDirectory | LiveSymlink | undefined) {
  const meta = toMeta(stats)
  return before && before.stat.mtime === stats.mtimeNs ? { ...meta, mtime: before.mtime } : meta
}

/**
 * The entry certainly still is the one a scan saw, asked just before it is replaced or removed. So it had to have come to
 * rest when it was read: see ScanOptions.settle.
 */
export function isStill(known: Stat, stats: BigIntStats, ctimeMoved: boolean): boolean {
  return (
    known.settled &&
    known.ino === stats.ino &&
    known.dev === stats.dev &&
    known.size === stats.size &&
    known.mode === stats.mode &&
    known.mtime === stats.mtimeNs &&
    (ctimeMoved || known.ctime === stats.ctimeNs)
  )
}

/** Unchanged entries come back as the very same objects; directories when nothing below them differs. */
export function sameEntry(entry: LiveEntry, before: LiveEntry | undefined): boolean {
  if (entry === before) return true
  if (!before || entry.name !== before.name) return false
  if (entry.type === 'skipped') return before.type === 'skipped' && entry.reason === before.reason
  if (before.type === 'skipped' || !sameMeta(entry, before)) return false
  if (entry.type === 'directory') return before.type === 'directory' && entry.tree === before.tree
  if (entry.type === 'symlink') return before.type === 'symlink' && entry.target === before.target
  return before.type === 'file' && entry.content === before.content && entry.size === before.size
}

function sameMeta(a: Meta, b: Meta): boolean {
  return a.mode === b.mode && a.mtime === b.mtime && a.uid === b.uid && a.gid === b.gid
}

/** Groups of paths that share one inode, members and groups in the order of a walk. */
export type LinkGroups = ByteString[][]
