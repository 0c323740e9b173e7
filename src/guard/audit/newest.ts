import { storageError } from '../../state/storage-error.ts'
import type { StoredEntry } from './entry.ts'
import { type Segment, segmentsOf } from './files.ts'
import { accountsFor, piecesOf } from './pieces.ts'

export interface Newest {
  /** Oldest first. */
  entries: StoredEntry[]
  /** What was met on the way and is not as it was written. */
  doubtful: number
}

/** The last entries of the log, whether the chain is whole or not. */
export function newestEntries(directory: string, limit: number): Promise<Newest> {
  return storageError(collect(directory, limit))
}

async function collect(directory: string, limit: number): Promise<Newest> {
  const newest: Newest = { entries: [], doubtful: 0 }
  for (const [age, segment] of segmentsOf(directory).reverse().entries()) {
    const { entries, doubtful } = lastOf(segment, age === 0, limit - newest.entries.length)
    newest.entries.unshift(...entries)
    newest.doubtful += doubtful
    if (newest.entries.length === limit) break
  }
  return newest
}

function lastOf(segment: Segment, isNewest: boolean, limit: number): Newest {
  const entries: StoredEntry[] = []
  let doubtful = 0
  for (const { stored, block, ended } of piecesOf(segment, { isNewest })) {
    if (!stored) {
      // The last line may be one that is being written.
      if (ended || !isNewest) doubtful++
      continue
    }
    if (!stored.intact || (block && !accountsFor(stored, block))) doubtful++
    if (entries.push(stored) > limit) entries.shift()
  }
  return { entries, doubtful }
}
