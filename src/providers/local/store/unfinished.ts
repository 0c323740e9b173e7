import { lstatSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { unlinkIfThere } from './durable.ts'
import type { Leases } from './leases.ts'

/** Packs without an index, and drafts of indexes: what creates have left that died, or are still writing. */
function unfinished(packs: string): string[] {
  const files = new Set(readdirSync(packs))
  return [...files].filter(
    (file) => (file.endsWith('.pack') && !files.has(file.replace(/pack$/, 'idx'))) || file.endsWith('.tmp'),
  )
}

/** Only for who has the store alone, and so knows that none of the writers lives. Returns the bytes freed. */
export function removeUnfinished(packs: string): number {
  let freed = 0
  for (const file of unfinished(packs)) {
    const found = lstatSync(join(packs, file), { throwIfNoEntry: false })
    if (!found?.isFile()) continue
    unlinkIfThere(join(packs, file))
    freed += found.size
  }
  return freed
}

const DRAFT_MS = 3_600_000

/** What processes have left that died while they wrote a small file, which takes none of them an hour. */
export function removeDrafts(store: string): void {
  for (const folder of ['.', 'snapshots', 'trash', 'details', 'cache', 'leases']) {
    for (const file of readdirSync(join(store, folder))) {
      if (!file.endsWith('.tmp')) continue
      const path = join(store, folder, file)
      const found = lstatSync(path, { throwIfNoEntry: false })
      // The lease of this turn was just written: what time it is by the clock of the file system.
      const now = statSync(join(store, 'leases')).mtimeMs
      if (found?.isFile() && now - found.mtimeMs > DRAFT_MS) unlinkIfThere(path)
    }
  }
}

/** Clears away what dead creates have left, unless somebody is at work: then the next gc or start sees to it. */
export function sweepUnfinished(packs: string, leases: Leases): void {
  try {
    const turn = unfinished(packs).length > 0 ? leases.exclude() : undefined
    if (!turn) return
    try {
      removeUnfinished(packs)
    } finally {
      turn.release()
    }
  } catch {
    // The store is read-only, say: that does not keep it from being read.
  }
}
