import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The audit log on disk: `<seq of its first entry>.jsonl`, one segment after the other, and beside them `head`. A name
 * that tells what a segment begins with shows when its first lines are gone, even where the one before was archived.
 */
export interface Segment {
  name: string
  path: string
  /** The seq of its first entry. */
  first: number
}

/** More than any line of ours: how much of a file is held in memory at a time. */
export const LONGEST_LINE = 256 * 1024
export const LF = 0x0a

const SEGMENT = /^(?!0+\.)(\d{6}|[1-9]\d{6,14})\.jsonl$/

export function segmentAt(directory: string, first: number): Segment {
  const name = `${String(first).padStart(6, '0')}.jsonl`
  return { name, path: join(directory, name), first }
}

/** In their order. None when there is no log. */
export function segmentsOf(directory: string): Segment[] {
  return (unlessAbsent(() => readdirSync(directory)) ?? [])
    .flatMap((name) => SEGMENT.exec(name)?.[1] ?? [])
    .map((digits) => segmentAt(directory, Number(digits)))
    .sort((a, b) => a.first - b.first)
}

export interface OpenFile {
  fd: number
  size: number
}

/** Undefined when something else has the name: a link is not followed, and a pipe not waited for. */
export function openPlainFile(path: string, flags = constants.O_RDONLY): OpenFile | undefined {
  let fd: number
  try {
    fd = openSync(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600)
  } catch (error) {
    if (['ELOOP', 'EMLINK', 'ENXIO', 'EISDIR'].includes(codeOf(error))) return undefined
    throw error
  }
  const stats = fstatSync(fd)
  if (stats.isFile()) return { fd, size: stats.size }
  closeSync(fd)
  return undefined
}

export interface Line {
  /** Without the line feed. What is longer than any entry is cut: it is none either way. */
  bytes: Buffer
  /** False for what follows the last line feed. */
  ended: boolean
}

export function* linesOf({ fd }: OpenFile): Generator<Line> {
  const chunk = Buffer.alloc(64 * 1024)
  let rest = Buffer.alloc(0)
  for (let position = 0; ; ) {
    const count = readSync(fd, chunk, 0, chunk.length, position)
    if (count === 0) break
    position += count
    const data = Buffer.concat([rest, chunk.subarray(0, count)])
    let start = 0
    for (let end = data.indexOf(LF); end >= 0; end = data.indexOf(LF, start)) {
      yield { bytes: data.subarray(start, end), ended: true }
      start = end + 1
    }
    rest = data.subarray(start, start + LONGEST_LINE)
  }
  if (rest.length > 0) yield { bytes: rest, ended: false }
}

export function unlessAbsent<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? ''
