import { SnapshotError } from '../../snapshots/errors.ts'
import { CHUNK_BYTES, decodeChunkList } from './content.ts'
import type { ObjectStore } from './store/objects.ts'
import type { FileEntry } from './tree.ts'
import { wellFormed } from './view.ts'

type Content = Pick<FileEntry, 'content' | 'chunked' | 'size'>

/**
 * The store has the content of a file, to the last chunk, and as long as its entry says. To be asked before it is read:
 * a hostile list of chunks may name more than any memory holds.
 */
export async function isStored(objects: ObjectStore, { content, chunked, size }: Content): Promise<boolean> {
  // Another process may have stored it since this one looked.
  if (!objects.has(content)) objects.refresh(true)
  if (!chunked) return objects.length(content) === size
  try {
    const bytes = await objects.read(content)
    const found = wellFormed(content, () => decodeChunkList(bytes))
    return (
      found.size === size &&
      found.chunks.every((id, n) => objects.length(id) === Math.min(CHUNK_BYTES, size - n * CHUNK_BYTES))
    )
  } catch (error) {
    if (error instanceof SnapshotError && error.code === 'CORRUPT') return false
    throw error
  }
}
