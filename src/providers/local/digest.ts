import { createWriter } from './bytes.ts'
import type { LinkGroups, LiveDirectory } from './live.ts'
import { objectId } from './store/pack-writer.ts'

/** The object that lists which paths of a snapshot are the same file. Layout: docs/store-format.md. */
export function encodeLinks(groups: LinkGroups): Buffer {
  const writer = createWriter()
  writer.raw(Buffer.from('SHL1', 'latin1'))
  writer.varint(groups.length)
  for (const group of groups) {
    writer.varint(group.length)
    for (const path of group) writer.bytes(path)
  }
  return writer.view()
}

/** One hash for a whole directory: its tree, its hard links and its own metadata. */
export function stateDigest(
  root: Pick<LiveDirectory, 'tree' | 'mode' | 'uid' | 'gid' | 'mtime'>,
  links: string | null,
): string {
  const { tree, mode, uid, gid, mtime } = root
  return objectId(Buffer.from(JSON.stringify({ tree, links, mode, uid, gid, mtime: String(mtime) })))
}
