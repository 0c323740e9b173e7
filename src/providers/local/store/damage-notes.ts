import { lstatSync } from 'node:fs'
import { readPlainFile, replaceFile } from './plain-file.ts'

/**
 * What was found damaged, and in which pack, for every process of the store: a create stores it again instead of relying
 * on it. A reader pays no heed: it may have been the disk for a moment, or whoever wrote the file. Losing it costs that
 * the damage has to be found again.
 */
export interface DamageNotes {
  has(pack: string, id: string): boolean
  all(): Iterable<{ pack: string; id: string }>
  add(pack: string, id: string): void
  remove(pack: string, id: string): void
  /** Reads what other processes have found. True when there is something new. */
  refresh(): boolean
  /** Writes what is new, of the packs that are still there. */
  save(isThere: (pack: string) => boolean): void
}

/** A line for each object: the pack, a blank, the id. */
const LINE = /^(\S+) ([0-9a-f]{64})$/
/** What is beyond is found again once these were stored anew. */
const MAX_LINES = 100_000
const MAX_BYTES = 32 * 1024 * 1024

export function createDamageNotes(path: string): DamageNotes {
  let lines = new Set<string>()
  /** Found by this process and not written yet. */
  const found = new Set<string>()
  let isNew = false
  let seen = ''

  const version = () => {
    const stats = lstatSync(path, { throwIfNoEntry: false })
    return stats ? `${stats.ino}:${stats.mtimeMs}` : ''
  }

  const all = () =>
    [...lines].flatMap((line) => {
      const [, pack, id] = LINE.exec(line) ?? []
      return pack && id ? [{ pack, id }] : []
    })

  return {
    has: (pack, id) => lines.size > 0 && lines.has(`${pack} ${id}`),
    all,
    add(pack, id) {
      found.add(`${pack} ${id}`)
      lines.add(`${pack} ${id}`)
      isNew = true
    },
    remove(pack, id) {
      if (lines.size === 0 || !lines.delete(`${pack} ${id}`)) return
      found.delete(`${pack} ${id}`)
      isNew = true
    },
    refresh() {
      const now = version()
      if (now === seen) return false
      seen = now
      lines = new Set([...read(path), ...found])
      return true
    },
    save(isThere) {
      if (!isNew) return
      const kept = all().filter(({ pack }) => isThere(pack))
      const text = kept.slice(0, MAX_LINES).map(({ pack, id }) => `${pack} ${id}\n`)
      try {
        replaceFile(path, text.join(''))
        seen = version()
        found.clear()
        isNew = false
      } catch {
        // A full disk must not fail who only wanted to read.
      }
    },
  }
}

function read(path: string): string[] {
  try {
    return readPlainFile(path, MAX_BYTES)
      .toString('utf8')
      .split('\n')
      .filter((line) => LINE.test(line))
  } catch {
    return []
  }
}
