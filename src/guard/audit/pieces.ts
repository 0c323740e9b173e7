import { createHash } from 'node:crypto'
import { closeSync } from 'node:fs'
import { readEntry, type StoredEntry, type Torn } from './entry.ts'
import { linesOf, openPlainFile, type Segment } from './files.ts'

/** Lines in a row that are not entries. */
export interface Block extends Torn {
  /** Its first line, from 1. */
  line: number
  /** It ends with a line feed. */
  ended: boolean
}

/** An entry and what lies before it; at the end of a segment what lies there; or neither: the segment is not a file. */
export interface Piece {
  /** From 1; 0 for the file itself. */
  line: number
  stored?: StoredEntry
  block?: Block
  ended: boolean
}

/** A segment from its beginning, as much at a time as one line. */
export function* piecesOf({ path }: Segment, { isNewest }: { isNewest: boolean }): Generator<Piece> {
  const file = openPlainFile(path)
  if (!file) return yield { line: 0, ended: true }
  try {
    let line = 0
    let gathering = gatherer()
    let ended = true
    for (const { bytes, ended: isWhole } of linesOf(file)) {
      line++
      ended = isWhole
      // A segment is only followed by another once its last line is whole.
      const stored = ended || isNewest ? readEntry(bytes) : undefined
      if (stored) {
        yield { line, ended, stored, ...gathering.block() }
        gathering = gatherer()
      } else gathering.add(bytes, line, ended)
    }
    const rest = gathering.block()
    if (rest) yield { line, ended, ...rest }
  } finally {
    closeSync(file.fd)
  }
}

/** Whether the entry says that it found just this before it. */
export function accountsFor({ entry: { torn } }: StoredEntry, { bytes, sha256 }: Block): boolean {
  return torn?.bytes === bytes && torn.sha256 === sha256
}

/** Of lines that are not held: their hash, with line feeds between them. */
function gatherer() {
  const hash = createHash('sha256')
  let found: Omit<Block, 'sha256'> | undefined
  return {
    add(bytes: Buffer, line: number, ended: boolean) {
      if (found) hash.update('\n')
      hash.update(bytes)
      const before = found ? found.bytes + 1 : 0
      found = { line: found?.line ?? line, bytes: before + bytes.length, ended }
    },
    block: (): { block: Block } | undefined => found && { block: { ...found, sha256: hash.digest('hex') } },
  }
}
