import { lstatSync } from 'node:fs'
import { type ByteString, toFsPath } from './names.ts'
import { columnsOf, FLAG, pathsOf, type RosterBytes } from './roster-layout.ts'

/** What a check works on: memory that all its threads share. */
export interface CheckTask {
  roster: RosterBytes
  /** Absolute path of the root. */
  path: ByteString
  /** One byte an entry: SAME, or anything else for what has to be looked at. */
  verdicts: Uint8Array
  /** The first entry that nobody has taken yet. */
  cursor: Int32Array
}

export const SAME = 1

/** Entries a thread takes at a time. */
const BATCH = 256

/**
 * Looks whether entries still are what the scan before saw: the very inodes, unchanged since. It asks by path, which is
 * quicker than by descriptor; a path may lead elsewhere, but then what it leads to is not the same, and nothing else is
 * concluded. Returns a function that checks one batch, and false when none is left.
 */
export function createCheck({ roster, path, verdicts, cursor }: CheckTask): () => boolean {
  const columns = columnsOf(roster)
  const pathOf = pathsOf(columns, path)
  return () => {
    const from = Atomics.add(cursor, 0, BATCH)
    if (from >= columns.count) return false
    const to = Math.min(from + BATCH, columns.count)
    for (let n = from; n < to; n++) if (isSame(n)) verdicts[n] = SAME
    return true
  }

  function isSame(n: number): boolean {
    const flags = columns.flags[n] as number
    if ((flags & FLAG.excluded) !== 0) return true
    if ((flags & FLAG.settled) === 0) return false
    const stats = look(pathOf(n))
    return (
      stats !== undefined &&
      stats.ctimeNs === columns.ctime[n] &&
      stats.mtimeNs === columns.mtime[n] &&
      stats.size === columns.size[n] &&
      stats.ino === columns.ino[n] &&
      stats.dev === columns.dev[n] &&
      stats.mode === columns.mode[n]
    )
  }
}

function look(path: ByteString) {
  try {
    return lstatSync(toFsPath(path), { bigint: true, throwIfNoEntry: false })
  } catch {
    return undefined
  }
}
