/**
 * The bytes of a roster: what a scan found, in columns, in memory that threads share and that goes to the disk as it
 * is. Entries are in the order of a walk, so that a directory and all below it are one range, and nothing
 * in a range says where it lies: it can be copied to another roster.
 *
 * Little endian, as every machine is that Node runs on. It is a cache: another layout gets another MAGIC.
 */
export interface Columns {
  readonly count: number
  /** What the file system said of it, times in nanoseconds: compared, never recorded. */
  readonly ctime: BigInt64Array
  readonly mtime: BigInt64Array
  readonly size: BigInt64Array
  readonly ino: BigInt64Array
  readonly dev: BigInt64Array
  readonly mode: BigInt64Array
  readonly nlink: BigInt64Array
  /** How many entries before this one its directory is; 0 for the root. */
  readonly up: Uint32Array
  /** How many entries it stands for, with all below it: 1 for anything but a directory. */
  readonly span: Uint32Array
  /** Where its record begins; one more entry tells where the last one ends. */
  readonly recordAt: Uint32Array
  /** 32 bytes an entry: the object of a file's content or of a directory's tree. */
  readonly ids: Uint8Array
  readonly flags: Uint8Array
  /**
   * Of each entry its name and what only matters once it is looked at closely: see roster.ts. After the last one come
   * the exclude patterns that the scan went by, as JSON.
   */
  readonly records: Uint8Array
}

export const FLAG = {
  file: 0,
  chunked: 1,
  directory: 2,
  symlink: 3,
  skipped: 4,
  /** The bits of the five above. */
  kind: 7,
  /** Certainly unchanged if its stat is: see Stat.settled. */
  settled: 8,
  /** Its inode has other names. */
  linked: 16,
  /** Hashed, but not stored: the next capture has to read it again. */
  unsaved: 32,
  /** Left out by a pattern: stays so as long as the patterns stay. */
  excluded: 64,
  /** Its record has a time of its own: see `recorded` in scan.ts. */
  retimed: 128,
} as const

const MAGIC = 0x35435353 // "SSC5"
const HEADER = 16
const BYTES_AN_ENTRY = 7 * 8 + 2 * 4 + 32 + 1

/** The memory of a roster, as threads share it and files hold it: first the columns, then the records. */
export interface RosterBytes {
  readonly columns: SharedArrayBuffer
  readonly records: SharedArrayBuffer
}

export function newColumns(count: number): SharedArrayBuffer {
  const bytes = new SharedArrayBuffer(HEADER + count * BYTES_AN_ENTRY + (count + 1) * 4)
  new Uint32Array(bytes, 0, 2).set([MAGIC, count])
  return bytes
}

/** How long the columns are of a roster that begins with these bytes. RangeError when it is not one of this layout. */
export function lengthOfColumns(bytes: Uint8Array): number {
  const { buffer, byteOffset, byteLength } = bytes
  const header = new DataView(buffer, byteOffset, byteLength)
  const count = header.getUint32(4, true)
  if (header.getUint32(0, true) !== MAGIC) throw new RangeError('not a roster')
  return HEADER + count * BYTES_AN_ENTRY + (count + 1) * 4
}

export function columnsOf({ columns: bytes, records }: RosterBytes): Columns {
  if (lengthOfColumns(new Uint8Array(bytes)) !== bytes.byteLength) throw new RangeError('not a roster')
  const [, count = 0] = new Uint32Array(bytes, 0, 2)
  let at = HEADER
  const take = (length: number) => {
    const from = at
    at += length
    return from
  }
  const longs = () => new BigInt64Array(bytes, take(count * 8), count)
  const numbers = (length: number) => new Uint32Array(bytes, take(length * 4), length)
  const octets = (length: number) => new Uint8Array(bytes, take(length), length)
  return {
    count,
    ctime: longs(),
    mtime: longs(),
    size: longs(),
    ino: longs(),
    dev: longs(),
    mode: longs(),
    nlink: longs(),
    up: numbers(count),
    span: numbers(count),
    recordAt: numbers(count + 1),
    ids: octets(count * 32),
    flags: octets(count),
    records: new Uint8Array(records),
  }
}

/** Paths of entries: below the root, or where `root` is given, from there. Asked for in the order of a walk they cost little. */
export function pathsOf({ records, recordAt, up }: Columns, root = ''): (n: number) => string {
  const bytes = Buffer.from(records.buffer, records.byteOffset, records.byteLength)
  /** Of directories, with a slash at the end. */
  const prefixes = new Map<number, string>([[0, root === '' ? '' : `${root}/`]])
  let last = 0
  let prefix = prefixes.get(0) as string

  // A record begins with its name: the length in seven bits a byte, then the bytes.
  const name = (n: number): string => {
    let at = recordAt[n] as number
    let length = bytes[at++] as number
    if (length >= 0x80) length = (length & 0x7f) | ((bytes[at++] as number) << 7)
    return bytes.toString('latin1', at, at + length)
  }

  const prefixOf = (directory: number): string => {
    let found = prefixes.get(directory)
    if (found === undefined) {
      found = `${prefixOf(directory - (up[directory] as number))}${name(directory)}/`
      prefixes.set(directory, found)
    }
    return found
  }

  return (n) => {
    if (n === 0) return root
    const directory = n - (up[n] as number)
    if (directory !== last) {
      last = directory
      prefix = prefixOf(directory)
    }
    return prefix + name(n)
  }
}
