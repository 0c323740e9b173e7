export interface TarEntry {
  /** As in the archive, without a leading slash or dot and without a trailing slash. */
  path: string
  kind: 'file' | 'directory' | 'other'
  bytes: Buffer
}

const BLOCK = 512

/**
 * What is in an uncompressed tar archive, long names of either dialect (pax and GNU) included. Throws when it is none:
 * a build context that cannot be read must not pass for an empty one.
 */
export function readTar(archive: Buffer): TarEntry[] {
  const entries: TarEntry[] = []
  let longName: string | undefined
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const header = archive.subarray(at, at + BLOCK)
    if (header.every((byte) => byte === 0)) return entries
    if (!hasRightSum(header)) throw new Error(`not a tar header at ${at}`)
    const size = octal(header, 124, 12)
    const bytes = archive.subarray(at + BLOCK, at + BLOCK + size)
    if (bytes.length < size) throw new Error('the archive ends in the middle of a file')
    const type = String.fromCharCode(header[156]!)
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
    if (type === 'x') longName = paxPath(bytes) ?? longName
    else if (type === 'L') longName = cut(bytes)
    else if (type !== 'g') {
      entries.push({ path: normal(longName ?? shortName(header)), kind: KINDS[type] ?? 'other', bytes })
      longName = undefined
    }
  }
  throw new Error('the archive has no end')
}

const KINDS: Record<string, TarEntry['kind']> = { '0': 'file', '\0': 'file', '5': 'directory' }

/** A path relative to the root of the context, however it is written. */
export function normal(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
}

function shortName(header: Buffer): string {
  const ustar = header.toString('latin1', 257, 262) === 'ustar'
  const prefix = ustar ? cut(header.subarray(345, 500)) : ''
  const name = cut(header.subarray(0, 100))
  return prefix === '' ? name : `${prefix}/${name}`
}

/** Records of the form `<length> <key>=<value>\n`, the length counted in bytes. */
function paxPath(records: Buffer): string | undefined {
  for (let at = 0; at < records.length; ) {
    const length = Number.parseInt(records.toString('latin1', at, at + 20), 10)
    if (!(length > 0)) return undefined
    const record = records.toString('utf8', at, at + length - 1)
    const [, key, value] = /^\d+ ([^=]+)=(.*)$/s.exec(record) ?? []
    if (key === 'path') return value
    at += length
  }
  return undefined
}

function cut(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}

function octal(header: Buffer, start: number, length: number): number {
  return Number.parseInt(cut(header.subarray(start, start + length)).trim(), 8) || 0
}

/** The sum of all bytes, those of the sum itself taken as blanks. */
function hasRightSum(header: Buffer): boolean {
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0)
  return sum === octal(header, 148, 8)
}
