import { fail, SnapshotError } from '../../../snapshots/errors.ts'
import { decodeChunkList } from '../content.ts'
import type { Pause } from '../pause.ts'
import { decodeTree } from '../tree.ts'
import { wellFormed } from '../view.ts'
import type { Stored } from './manifest.ts'
import type { ManifestStore } from './manifests.ts'
import type { ObjectStore } from './objects.ts'

/** What the snapshots need, those in the trash included. It only grows: what was needed once stays so to the end. */
export interface Mark {
  /** Walks the snapshots that were not there before. CORRUPT when one cannot be read: nothing may be deleted then. */
  update(pause: Pause): Promise<void>
  isLive(id: string): boolean
  /** Nothing that is live is missing, as far as the indexes tell. */
  isWhole(): boolean
  /** Where a packer puts an object that is live. */
  streamOf(id: string): 'tree' | 'content'
}

export interface MarkOptions {
  manifests: ManifestStore
  objects: ObjectStore
  /** Snapshots that count as deleted. */
  except?: ReadonlySet<string>
}

export function createMark({ manifests, objects, except = new Set() }: MarkOptions): Mark {
  const walked = new Set<string>()
  const live = new Set<string>()
  // By what they are walked as: a file may hold the very bytes of a tree, and that it is live says nothing of the
  // objects that the tree names.
  const trees = new Set<string>()
  const lists = new Set<string>()
  const links = new Set<string>()

  const walk = async (root: string, pause: Pause): Promise<void> => {
    const ahead = [root]
    for (let id = ahead.pop(); id !== undefined; id = ahead.pop()) {
      if (trees.has(id)) continue
      trees.add(id)
      live.add(id)
      const bytes = await objects.read(id)
      const tree = id
      for (const entry of wellFormed(tree, () => decodeTree(bytes))) {
        if (entry.type === 'directory') ahead.push(entry.tree)
        else if (entry.type === 'file' && entry.chunked) await walkList(entry.content)
        else if (entry.type === 'file') live.add(entry.content)
      }
      if (pause.due()) await pause.take()
    }
  }

  const walkList = async (id: string): Promise<void> => {
    if (lists.has(id)) return
    lists.add(id)
    live.add(id)
    const bytes = await objects.read(id)
    for (const chunk of wellFormed(id, () => decodeChunkList(bytes)).chunks) live.add(chunk)
  }

  const walkSnapshot = async ({ id, manifest }: Stored, pause: Pause): Promise<void> => {
    try {
      await walk(manifest.tree, pause)
    } catch (error) {
      throw error instanceof SnapshotError && error.code === 'CORRUPT' ? damagedSnapshot(id, error) : error
    }
    if (manifest.links === null) return
    links.add(manifest.links)
    live.add(manifest.links)
  }

  return {
    async update(pause) {
      const { stored, damaged } = manifests.list()
      const unreadable = damaged.find(({ id }) => !except.has(id))
      if (unreadable) throw damagedManifest(unreadable.id)
      for (const snapshot of stored) {
        if (walked.has(snapshot.id) || except.has(snapshot.id)) continue
        await walkSnapshot(snapshot, pause)
        walked.add(snapshot.id)
      }
    },
    isLive: (id) => live.has(id),
    isWhole() {
      for (const id of live) if (!objects.has(id)) return false
      return true
    },
    streamOf: (id) => (trees.has(id) || links.has(id) ? 'tree' : 'content'),
  }
}

function damagedSnapshot(id: string, cause: SnapshotError) {
  return fail(
    'CORRUPT',
    `Snapshot local:${id} is damaged, so it cannot be told what it still needs. No space was freed.`,
    'Restore from it what is needed, delete it and call snapshot-mcp purge --all; or run snapshot-mcp verify to see what is damaged.',
    { cause },
  )
}

function damagedManifest(id: string) {
  return fail(
    'CORRUPT',
    `The manifest of snapshot local:${id} is damaged, so it cannot be told what it still needs. No space was freed.`,
    `Put back ${id}.json of the store from a backup, or move it away if the snapshot is given up.`,
  )
}
