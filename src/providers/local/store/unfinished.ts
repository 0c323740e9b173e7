import { lstatSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { syncDirectory, unlinkIfThere } from './durable.ts'

/**
 * Names of packs without an index: what creates have left that died, or are still writing. Or the index was lost, and
 * somebody puts it back.
 */
export function withoutIndex(packs: string): string[] {
  const files = new Set(readdirSync(packs))
  return [...files]
    .filter((file) => file.endsWith('.pack'))
    .map((file) => file.slice(0, -'.pack'.length))
    .filter((name) => !files.has(`${name}.idx`))
}

/** The indexes first: none of them ever names a pack that is not there. Returns the bytes freed. */
export function removePacks(packs: string, names: readonly string[]): number {
  if (names.length === 0) return 0
  let freed = 0
  for (const extension of ['idx', 'pack']) {
    for (const name of names) freed += removeFile(join(packs, `${name}.${extension}`))
    syncDirectory(packs)
  }
  return freed
}

const DRAFT_MS = 3_600_000

/** What processes have left that died while they wrote a small file, which takes none of them an hour. */
export function removeDrafts(store: string): void {
  for (const folder of ['.', 'packs', 'snapshots', 'trash', 'details', 'cache', 'leases']) {
    for (const file of readdirSync(join(store, folder))) {
      if (!file.endsWith('.tmp')) continue
      const path = join(store, folder, file)
      const found = lstatSync(path, { throwIfNoEntry: false })
      // The lease of this turn was just written: what time it is by the clock of the file system.
      const now = statSync(join(store, 'leases')).mtimeMs
      if (found && now - found.mtimeMs > DRAFT_MS) removeFile(path)
    }
  }
}

/** The last scans of all sources: the largest of what may go at any time. */
export function removeScans(store: string): void {
  const cache = join(store, 'cache')
  for (const file of readdirSync(cache)) if (file.endsWith('.scan')) removeFile(join(cache, file))
}

/** Returns its bytes. Something else under that name is not ours, and stays. */
function removeFile(path: string): number {
  const found = lstatSync(path, { throwIfNoEntry: false })
  return found?.isFile() && unlinkIfThere(path) ? found.size : 0
}
