import { SnapshotError } from '../../snapshots/errors.ts'
import { CHUNK_BYTES, decodeChunkList } from './content.ts'
import { type DamageReport, PATHS_SHOWN, refOf } from './damage-report.ts'
import { type ByteString, join } from './names.ts'
import type { Pause } from './pause.ts'
import type { Stored } from './store/manifest.ts'
import type { ObjectStore } from './store/objects.ts'
import { decodeTree, type Entry, type FileEntry, MAX_DEPTH } from './tree.ts'
import { storedLinks, wellFormed } from './view.ts'

/** Follows what snapshots refer to, down to the last chunk. */
export interface References {
  /** Adds to the report what this snapshot needs and the store cannot give. Costs what was not seen with another one. */
  check(stored: Stored): Promise<void>
  /** Says which of the damaged things this snapshot needs, and where. Enters damaged directories only. */
  trace(stored: Stored): Promise<void>
}

export function createReferences(objects: ObjectStore, report: DamageReport, pause: Pause): References {
  /** Trees and lists of chunks, by id: whether everything below is there. Most are shared by many snapshots. */
  const whole = new Map<string, boolean>()
  /** For which size of the file a list of chunks was found to be whole. */
  const sizes = new Map<string, number>()

  /** Undefined when it cannot be read or makes no sense. */
  const readTree = async (id: string): Promise<Entry[] | undefined> => {
    try {
      const bytes = await objects.read(id)
      return wellFormed(id, () => decodeTree(bytes))
    } catch (error) {
      return unlessDamage(error)
    }
  }

  const readChunks = async (id: string): Promise<{ size: number; chunks: string[] } | undefined> => {
    try {
      const bytes = await objects.read(id)
      return wellFormed(id, () => decodeChunkList(bytes))
    } catch (error) {
      return unlessDamage(error)
    }
  }

  const isWholeTree = async (id: string, depth: number): Promise<boolean> => {
    const known = whole.get(id)
    if (known !== undefined) return known
    if (pause.due()) await pause.take()
    const entries = depth > MAX_DEPTH ? undefined : await readTree(id)
    let sound = entries !== undefined
    for (const entry of entries ?? []) {
      if (entry.type === 'directory' && !(await isWholeTree(entry.tree, depth + 1))) sound = false
      if (entry.type === 'file' && !(await isWholeFile(entry))) sound = false
    }
    if (!entries?.every(fits)) report.add('directory', id)
    whole.set(id, sound && !report.has(id))
    return sound && !report.has(id)
  }

  /** An entry says how long its file is: one that says something else than the store was never written by a scan. */
  const fits = (entry: Entry): boolean => {
    if (entry.type !== 'file' || entry.chunked) return true
    const length = objects.length(entry.content)
    return length === undefined || length === entry.size
  }

  const isWholeFile = async (entry: FileEntry): Promise<boolean> => {
    if (entry.chunked) return isWholeList(entry)
    if (objects.has(entry.content)) return true
    report.add('content', entry.content)
    return false
  }

  const isWholeList = async ({ content, size }: FileEntry): Promise<boolean> => {
    const known = whole.get(content)
    if (known === false || (known && sizes.get(content) === size)) return known
    const list = await readChunks(content)
    const isList =
      list?.size === size &&
      list.chunks.every((chunk, n) => {
        const length = objects.length(chunk)
        return length === undefined || length === Math.min(CHUNK_BYTES, size - n * CHUNK_BYTES)
      })
    if (!isList) report.add('content', content)
    const missing = list?.chunks.filter((chunk) => !objects.has(chunk)) ?? []
    for (const chunk of missing) report.add('content', chunk)
    whole.set(content, isList && missing.length === 0)
    sizes.set(content, size)
    return isList && missing.length === 0
  }

  return {
    async check({ manifest }) {
      await isWholeTree(manifest.tree, 0)
      if (manifest.links === null || whole.has(manifest.links)) return
      const links = await storedLinks(objects, manifest).catch(unlessDamage)
      if (!links) report.add('hard links', manifest.links)
      whole.set(manifest.links, links !== undefined)
    },
    async trace(stored) {
      const snapshot = refOf(stored)
      /** A hostile tree may hold itself to more paths than anyone can walk; each is entered a few times at most. */
      const visits = new Map<string, number>()
      const touch = (id: string, path: ByteString) => report.has(id) && report.touch(id, snapshot, path)

      const visit = async (id: string, path: ByteString): Promise<void> => {
        if (whole.get(id) !== false) return
        touch(id, path)
        const seen = visits.get(id) ?? 0
        visits.set(id, seen + 1)
        if (seen >= PATHS_SHOWN) return
        if (pause.due()) await pause.take()
        for (const entry of (await readTree(id)) ?? []) {
          const at = join(path, entry.name)
          if (entry.type === 'directory') await visit(entry.tree, at)
          if (entry.type === 'file') await visitFile(entry, at)
        }
      }

      const visitFile = async ({ content, chunked }: FileEntry, path: ByteString): Promise<void> => {
        touch(content, path)
        if (!chunked || whole.get(content) !== false) return
        for (const chunk of (await readChunks(content))?.chunks ?? []) touch(chunk, path)
      }

      await visit(stored.manifest.tree, '')
      const { links } = stored.manifest
      if (links !== null && report.has(links)) report.touch(links, snapshot)
    },
  }
}

/** What is larger than this process has memory for is as good as damaged. */
function unlessDamage(error: unknown): undefined {
  if (!(error instanceof SnapshotError && ['CORRUPT', 'UNSUPPORTED'].includes(error.code))) throw error
}
