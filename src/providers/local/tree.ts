import { createReader, createWriter, MalformedBytes, type Reader, type Writer } from './bytes.ts'
import { type ByteString, isEntryName } from './names.ts'

/**
 * A directory as the store keeps it: an object that lists its entries in byte order of their names. Its id is the
 * hash of its bytes, so equal subtrees have equal ids and are skipped by whoever compares. Layout: docs/store-format.md.
 */
export type Entry = FileEntry | DirectoryEntry | SymlinkEntry | SkippedEntry

export interface Meta {
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  mode: number
  uid: number
  gid: number
  /** Nanoseconds since 1970. */
  mtime: bigint
}

export interface FileEntry extends Meta {
  type: 'file'
  name: ByteString
  size: number
  /** The content's object, or the object that lists its chunks. */
  content: string
  chunked: boolean
}

export interface DirectoryEntry extends Meta {
  type: 'directory'
  name: ByteString
  tree: string
}

export interface SymlinkEntry extends Meta {
  type: 'symlink'
  name: ByteString
  target: ByteString
}

/** Something was here that is not in the snapshot: a restore neither makes nor removes it. */
export interface SkippedEntry {
  type: 'skipped'
  name: ByteString
  reason: SkipReason
}

export const SKIP_REASONS = [
  'fifo',
  'socket',
  'device',
  'unreadable',
  'excluded',
  'mount',
  'too_deep',
] as const
export type SkipReason = (typeof SKIP_REASONS)[number]

/** Directories deeper than this are not captured: each level of a walk keeps one descriptor open. */
export const MAX_DEPTH = 1000
/** What chown takes. */
const MAX_OWNER = 0xffffffff

const MAGIC = 'STR1'
const KIND = { file: 0, chunked: 1, directory: 2, symlink: 3, skipped: 4 } as const

const writer = createWriter(64 * 1024)

/** What to write of an entry where that is not what it says itself. */
export interface Terms {
  time(mtime: bigint): bigint
  tree(directory: DirectoryEntry): string
}

const EXACT: Terms = { time: (mtime) => mtime, tree: ({ tree }) => tree }

/** Entries must be in byte order. The result is a view that the next call overwrites. */
export function encodeTree(entries: readonly Entry[], terms: Terms = EXACT): Buffer {
  writer.reset()
  writer.raw(Buffer.from(MAGIC, 'latin1'))
  writer.varint(entries.length)
  for (const entry of entries) writeEntry(writer, entry, terms)
  return writer.view()
}

function writeEntry(writer: Writer, entry: Entry, terms: Terms): void {
  writer.u8(entry.type === 'file' && entry.chunked ? KIND.chunked : KIND[entry.type])
  writer.bytes(entry.name)
  if (entry.type === 'skipped') {
    writer.u8(SKIP_REASONS.indexOf(entry.reason))
    return
  }
  writer.varint(entry.mode)
  writer.varint(entry.uid)
  writer.varint(entry.gid)
  writer.time(terms.time(entry.mtime))
  if (entry.type === 'file') {
    writer.varint(entry.size)
    writer.id(entry.content)
  } else if (entry.type === 'directory') {
    writer.id(terms.tree(entry))
  } else {
    writer.bytes(entry.target)
  }
}

/** Throws MalformedBytes on anything but a well-formed tree: names are checked here, before any of them is used. */
export function decodeTree(bytes: Buffer): Entry[] {
  if (bytes.toString('latin1', 0, 4) !== MAGIC) throw new MalformedBytes('not a tree')
  const reader = createReader(bytes, 4)
  const count = reader.varint()
  if (count > bytes.length / 4) throw new MalformedBytes('entry count too large')
  const entries: Entry[] = []
  let previous = ''
  for (let n = 0; n < count; n++) {
    const entry = readEntry(reader)
    if (!isEntryName(entry.name) || entry.name <= previous) throw new MalformedBytes('bad or unordered name')
    previous = entry.name
    entries.push(entry)
  }
  if (!reader.done()) throw new MalformedBytes('trailing bytes')
  return entries
}

function readEntry(reader: Reader): Entry {
  const kind = reader.u8()
  const name = reader.bytes()
  if (kind === KIND.skipped) {
    const reason = SKIP_REASONS[reader.u8()]
    if (!reason) throw new MalformedBytes('unknown reason')
    return { type: 'skipped', name, reason }
  }
  const meta = { mode: reader.varint(), uid: reader.varint(), gid: reader.varint(), mtime: reader.time() }
  requireMeta(meta)
  switch (kind) {
    case KIND.file:
    case KIND.chunked:
      return {
        type: 'file',
        name,
        ...meta,
        size: reader.varint(),
        content: reader.id(),
        chunked: kind === KIND.chunked,
      }
    case KIND.directory:
      return { type: 'directory', name, ...meta, tree: reader.id() }
    case KIND.symlink:
      return { type: 'symlink', name, ...meta, target: readTarget(reader) }
    default:
      throw new MalformedBytes('unknown kind')
  }
}

/** Throws MalformedBytes for a mode or an owner that no file can have. */
export function requireMeta({ mode, uid, gid }: Pick<Meta, 'mode' | 'uid' | 'gid'>): void {
  if (mode > 0o7777) throw new MalformedBytes('mode out of range')
  if (uid > MAX_OWNER || gid > MAX_OWNER) throw new MalformedBytes('owner out of range')
}

/** The target of a symbolic link. Throws MalformedBytes for one that none can have. */
export function readTarget(reader: Reader): ByteString {
  const target = reader.bytes()
  if (target === '' || target.includes('\0')) throw new MalformedBytes('bad target')
  return target
}

/** Node sets times in whole microseconds: times closer than this count as equal. */
const TOLERANCE_NS = 1000n
/** Beyond 2^32 s (the year 2106) a double no longer hits single microseconds for certain. */
const FAR_NS = 2n ** 32n * 1_000_000_000n
const FAR_TOLERANCE_NS = 4000n

export function sameTime(a: bigint, b: bigint): boolean {
  const tolerance = a > FAR_NS ? FAR_TOLERANCE_NS : TOLERANCE_NS
  const difference = a - b
  return difference <= tolerance && -difference <= tolerance
}
