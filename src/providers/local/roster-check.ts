import { createReader, MalformedBytes, type Reader } from './bytes.ts'
import { isEntryName } from './names.ts'
import type { Roster } from './roster.ts'
import { FLAG } from './roster-layout.ts'
import { readTarget, requireMeta, SKIP_REASONS } from './tree.ts'

/** A directory whose entries are being looked at. */
interface Open {
  at: number
  end: number
  /** The name before this one. */
  last: string
}

const ID_BYTES = 32

/**
 * Throws MalformedBytes unless a roster from the disk can be walked and read to its end and says nothing that a scan could
 * not have found. Its hash proves that no disk has damaged it, but anybody can compute that hash, and a directory that
 * ends where it begins would be walked for ever.
 */
export function checkRoster({ columns, exclude }: Pick<Roster, 'columns' | 'exclude'>): void {
  const { count, up, span, recordAt, flags, records } = columns
  require(Array.isArray(exclude) && exclude.every((pattern) => typeof pattern === 'string'))
  const bytes = Buffer.from(records.buffer, records.byteOffset, records.byteLength)
  const reader = createReader(bytes)
  const open: Open[] = [{ at: 0, end: count, last: '' }]
  for (let at = 0; at < count; at++) {
    while (open.at(-1)?.end === at) open.pop()
    const parent = open.at(-1)
    const flag = flags[at] as number
    const isDirectory = (flag & FLAG.kind) === FLAG.directory
    const end = at + (span[at] as number)
    require(parent && at - (up[at] as number) === parent.at && end > at && end <= parent.end)
    require(isDirectory || end === at + 1)
    const from = recordAt[at] as number
    const to = recordAt[at + 1] as number
    require(from < to && to <= bytes.length)
    reader.seek(from, to)
    const name = reader.bytes()
    require(at === 0 ? name === '' : isEntryName(name) && name > parent.last && isShort(bytes, from, name))
    parent.last = name
    checkRest(reader, flag)
    require(reader.done())
    if (at === 0) require(isDirectory && end === count)
    else if (isDirectory) open.push({ at, end, last: '' })
  }
}

/** The length of a name in no more bytes than it needs, as `pathsOf` reads it. */
function isShort(bytes: Buffer, at: number, { length }: string): boolean {
  if (length < 0x80) return bytes[at] === length
  return bytes[at] === ((length & 0x7f) | 0x80) && bytes[at + 1] === length >> 7
}

/** What a record has behind the name. */
function checkRest(reader: Reader, flag: number): void {
  const kind = flag & FLAG.kind
  require(kind <= FLAG.skipped)
  if (kind === FLAG.skipped) {
    require(reader.u8() < SKIP_REASONS.length)
    return
  }
  requireMeta({ mode: reader.varint(), uid: reader.varint(), gid: reader.varint() })
  if ((flag & FLAG.retimed) !== 0) reader.time()
  if (kind === FLAG.directory) reader.skip(ID_BYTES)
  else if (kind === FLAG.symlink) readTarget(reader)
  else {
    reader.varint()
    if (kind === FLAG.chunked) reader.skip(reader.varint() * ID_BYTES)
  }
}

function require(condition: unknown): asserts condition {
  if (!condition) throw new MalformedBytes('not a roster')
}
