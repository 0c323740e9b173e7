import { createHash } from 'node:crypto'
import { closeSync, readSync } from 'node:fs'
import { type Link, readEntry, START, type Torn } from './entry.ts'
import { LF, LONGEST_LINE, openPlainFile, type Segment, segmentsOf } from './files.ts'
import { readHead } from './head.ts'

/** Where the log goes on. */
export interface Tail {
  before: Link
  /** Absent when there is no segment. */
  newest?: Segment
  /** Of the newest segment, in bytes. */
  size: number
  /** What follows its last entry and is none. */
  torn?: Torn
  /** Its last line is not ended. */
  midLine: boolean
}

interface End extends Pick<Tail, 'size' | 'torn' | 'midLine'> {
  /** Its last entry. */
  link?: Link
}

/**
 * Looks at the ends of files only. Whether the log is sound is not asked here: that a line was changed must not stop
 * what comes from being recorded. Where the head knows of later entries than the log, the next one is chained to it, so
 * that the gap stays visible.
 */
export function tailOf(directory: string): Tail {
  const segments = segmentsOf(directory).reverse()
  const head = readHead(directory)
  const [newest] = segments
  if (!newest) return { before: head ?? START, size: 0, midLine: false }
  const { link, ...end } = endOf(newest)
  // A new segment has no entry while its first one is written.
  const last =
    link ?? segments.slice(1).reduce<Link | undefined>((found, s) => found ?? endOf(s).link, undefined)
  const before = head && head.seq > (last?.seq ?? 0) ? head : (last ?? START)
  return { before, newest, ...end }
}

function endOf(segment: Segment): End {
  const file = openPlainFile(segment.path)
  // Whoever wants to write there is told.
  if (!file) return { size: 0, midLine: false }
  try {
    const { fd, size } = file
    const from = Math.max(0, size - LONGEST_LINE)
    const buffer = Buffer.alloc(size - from)
    const bytes = buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, from))
    return { size, ...lastEntryIn(bytes, from === 0) }
  } finally {
    closeSync(file.fd)
  }
}

/** Goes back line by line until one is an entry. `whole`: there is nothing before these bytes. */
function lastEntryIn(bytes: Buffer, whole: boolean): Omit<End, 'size'> {
  const midLine = bytes.length > 0 && bytes.at(-1) !== LF
  const stop = midLine ? bytes.length : bytes.length - 1
  for (let end = stop; end > 0; ) {
    const start = bytes.lastIndexOf(LF, end - 1) + 1
    const found = start > 0 || whole ? readEntry(bytes.subarray(start, end)) : undefined
    if (found) {
      const { seq, hash } = found.entry
      return {
        link: { seq, hash },
        midLine,
        ...(end < stop && { torn: describe(bytes.subarray(end + 1, stop)) }),
      }
    }
    end = start - 1
  }
  // More than a crash can leave is not vouched for.
  return { midLine, ...(whole && bytes.length > 0 && { torn: describe(bytes.subarray(0, stop)) }) }
}

function describe(bytes: Buffer): Torn {
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}
