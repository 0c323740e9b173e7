import { createReader, createWriter, type Reader, type Writer } from './bytes.ts'
import type { LiveDirectory, LiveEntry, LiveFile, Stat } from './live.ts'
import type { ByteString } from './names.ts'
import { type Columns, columnsOf, FLAG, newColumns, pathsOf, type RosterBytes } from './roster-layout.ts'
import { SKIP_REASONS, type SkipReason } from './tree.ts'

/**
 * A scan, kept so that the next one reads only what changed. Its directories are read from it when somebody looks into
 * them; what nobody looks into costs no object, and is copied as a whole into the roster of the next scan.
 */
export interface Roster {
  readonly columns: Columns
  readonly bytes: RosterBytes
  /** The source itself, with an empty name. */
  readonly root: LiveDirectory
  /** The exclude patterns that the scan went by. */
  readonly exclude: readonly string[]
}

/** Where a roster holds a directory that is exactly as it was there. */
export interface Seat {
  readonly columns: Columns
  readonly at: number
}

/** What the columns hold of an entry besides its id. */
const STAT = ['ctime', 'mtime', 'size', 'ino', 'dev', 'mode', 'nlink'] as const

export function createRoster(root: LiveDirectory, exclude: readonly string[]): Roster {
  const bytes = newColumns(countOf(root))
  const columns = columnsOf({ columns: bytes, records: new SharedArrayBuffer(0) })
  const records = createWriter(1024 * 1024)
  fill(columns, records, root)
  records.raw(Buffer.from(JSON.stringify(exclude)))
  const shared = new SharedArrayBuffer(records.view().length)
  new Uint8Array(shared).set(records.view())
  return readRoster({ columns: bytes, records: shared })
}

/** Throws when the bytes are not a roster. That they are undamaged is for the caller to know. */
export function readRoster(bytes: RosterBytes): Roster {
  const columns = columnsOf(bytes)
  const patterns = columns.records.subarray(columns.recordAt[columns.count])
  const root = entriesOf(columns)(0) as LiveDirectory
  return { bytes, columns, root, exclude: JSON.parse(Buffer.from(patterns).toString()) }
}

function countOf(entry: LiveEntry): number {
  if (entry.type !== 'directory') return 1
  if (entry.seat) return entry.seat.columns.span[entry.seat.at] as number
  return entry.children.reduce((sum, child) => sum + countOf(child), 1)
}

function fill(columns: Columns, records: Writer, root: LiveDirectory): void {
  const { up, span, recordAt, ids, flags } = columns
  const hex = Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength)
  let next = 0

  const visit = (entry: LiveEntry, parent: number): void => {
    const at = next
    const seat = entry.type === 'directory' ? entry.seat : undefined
    if (seat) copy(seat)
    else write(entry)
    up[at] = at - parent
  }

  const write = (entry: LiveEntry): void => {
    const at = next++
    flags[at] = flagsOf(entry)
    recordAt[at] = records.view().length
    writeRecord(records, entry)
    if (entry.type !== 'skipped')
      for (const name of STAT) columns[name][at] = BigInt.asIntN(64, entry.stat[name])
    if (entry.type === 'file') hex.write(entry.content, at * 32, 'hex')
    if (entry.type === 'directory') {
      hex.write(entry.tree, at * 32, 'hex')
      for (const child of entry.children) visit(child, at)
    }
    span[at] = next - at
  }

  /** A directory with all below it, as another roster has it. */
  const copy = ({ columns: from, at: first }: Seat): void => {
    const last = first + (from.span[first] as number)
    const recordsFrom = from.recordAt[first] as number
    const shift = records.view().length - recordsFrom
    for (const name of STAT) columns[name].set(from[name].subarray(first, last), next)
    for (const name of ['up', 'span', 'flags'] as const)
      columns[name].set(from[name].subarray(first, last), next)
    ids.set(from.ids.subarray(first * 32, last * 32), next * 32)
    records.raw(from.records.subarray(recordsFrom, from.recordAt[last]))
    for (let at = first; at < last; at++) recordAt[next++] = (from.recordAt[at] as number) + shift
  }

  visit(root, 0)
  recordAt[next] = records.view().length
}

function flagsOf(entry: LiveEntry): number {
  if (entry.type === 'skipped') return FLAG.skipped | (entry.reason === 'excluded' ? FLAG.excluded : 0)
  const kind = entry.type === 'file' && entry.chunked ? FLAG.chunked : FLAG[entry.type]
  const unsaved = entry.type !== 'symlink' && entry.unsaved
  return (
    kind |
    (entry.stat.settled ? FLAG.settled : 0) |
    (entry.type === 'file' && entry.stat.nlink > 1n ? FLAG.linked : 0) |
    (unsaved ? FLAG.unsaved : 0) |
    (hasOwnTime(entry) ? FLAG.retimed : 0)
  )
}

/** Also a time beyond the year 2262, which no column holds: such an entry is looked at again each time. */
function hasOwnTime({ mtime, stat }: Exclude<LiveEntry, { type: 'skipped' }>): boolean {
  return mtime !== BigInt.asIntN(64, stat.mtime)
}

function writeRecord(writer: Writer, entry: LiveEntry): void {
  writer.bytes(entry.name)
  if (entry.type === 'skipped') {
    writer.u8(SKIP_REASONS.indexOf(entry.reason))
    return
  }
  writer.varint(entry.mode)
  writer.varint(entry.uid)
  writer.varint(entry.gid)
  if (hasOwnTime(entry)) writer.time(entry.mtime)
  if (entry.type === 'symlink') writer.bytes(entry.target)
  else if (entry.type === 'directory') writer.id(entry.coarse)
  else {
    writer.varint(entry.size)
    if (!entry.chunked) return
    writer.varint(entry.chunks.length)
    for (const chunk of entry.chunks) writer.id(chunk)
  }
}

/** Reads entries as they are asked for. */
function entriesOf(columns: Columns): (at: number) => LiveEntry {
  const { records, recordAt, ids, flags } = columns
  const reader = createReader(Buffer.from(records.buffer))
  const hex = Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength)

  const entryAt = (at: number): LiveEntry => {
    reader.seek(recordAt[at] as number, recordAt[at + 1] as number)
    const flag = flags[at] as number
    const kind = flag & FLAG.kind
    const name = reader.bytes()
    if (kind === FLAG.skipped)
      return { type: 'skipped', name, reason: SKIP_REASONS[reader.u8()] as SkipReason }
    const stat = statAt(columns, at)
    const [mode, uid, gid] = [reader.varint(), reader.varint(), reader.varint()]
    const mtime = (flag & FLAG.retimed) === 0 ? stat.mtime : reader.time()
    if (kind === FLAG.symlink) {
      return { type: 'symlink', name, mode, uid, gid, mtime, target: reader.bytes(), stat }
    }
    const id = hex.toString('hex', at * 32, at * 32 + 32)
    return kind === FLAG.directory
      ? directoryAt(at, { name, mode, uid, gid, mtime, tree: id, stat })
      : fileAt(reader, flag, { name, mode, uid, gid, mtime, content: id, stat })
  }

  const directoryAt = (
    at: number,
    known: Pick<LiveDirectory, 'name' | 'mode' | 'uid' | 'gid' | 'mtime' | 'tree' | 'stat'>,
  ): LiveDirectory => {
    let children: LiveEntry[] | undefined
    return {
      type: 'directory',
      ...known,
      coarse: reader.id(),
      ...(((flags[at] as number) & FLAG.unsaved) !== 0 && { unsaved: true }),
      seat: { columns, at },
      get children() {
        children ??= Array.from(childrenOf(columns, at), entryAt)
        return children
      },
    }
  }

  return entryAt
}

function fileAt(
  reader: Reader,
  flag: number,
  known: Pick<LiveFile, 'name' | 'mode' | 'uid' | 'gid' | 'mtime' | 'content' | 'stat'>,
): LiveFile {
  const size = reader.varint()
  const chunked = (flag & FLAG.kind) === FLAG.chunked
  const chunks = chunked ? Array.from({ length: reader.varint() }, () => reader.id()) : []
  const file: LiveFile = { type: 'file', ...known, size, chunked, chunks }
  return (flag & FLAG.unsaved) === 0 ? file : { ...file, unsaved: true }
}

function statAt(columns: Columns, at: number): Stat {
  const signed = (name: (typeof STAT)[number]) => columns[name][at] as bigint
  const unsigned = (name: (typeof STAT)[number]) => BigInt.asUintN(64, signed(name))
  return {
    dev: unsigned('dev'),
    ino: unsigned('ino'),
    size: unsigned('size'),
    mode: unsigned('mode'),
    nlink: unsigned('nlink'),
    mtime: signed('mtime'),
    ctime: signed('ctime'),
    settled: ((columns.flags[at] as number) & FLAG.settled) !== 0,
  }
}

/** The places of a directory's own entries. */
export function* childrenOf({ span }: Columns, directory: number): Generator<number> {
  const end = directory + (span[directory] as number)
  for (let at = directory + 1; at < end; at += span[at] as number) yield at
}

/** Marks as unsaved whatever the store does not hold (any more). */
export function markMissing(columns: Columns, has: (id: string) => boolean): void {
  const { count, flags, ids } = columns
  const entryAt = entriesOf(columns)
  const hex = Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength)
  for (let at = 0; at < count; at++) {
    const kind = (flags[at] as number) & FLAG.kind
    if (kind === FLAG.symlink || kind === FLAG.skipped) continue
    const isThere =
      has(hex.toString('hex', at * 32, at * 32 + 32)) &&
      (kind !== FLAG.chunked || (entryAt(at) as LiveFile).chunks.every(has))
    if (!isThere) flags[at] = (flags[at] as number) | FLAG.unsaved
  }
}

/** For those who look at few entries of many. */
export function lookIn(columns: Columns): {
  path(at: number): ByteString
  /** Of a file. */
  content(at: number): string
  skipReason(at: number): SkipReason
} {
  const entryAt = entriesOf(columns)
  return {
    path: pathsOf(columns),
    content: (at) => (entryAt(at) as { content: string }).content,
    skipReason: (at) => (entryAt(at) as { reason: SkipReason }).reason,
  }
}
