import { createWriter } from './bytes.ts'
import type { Captured, LinkGroups, LiveDirectory, LiveEntry } from './live.ts'
import { objectId } from './object-id.ts'
import { encodeTree } from './tree.ts'

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

/**
 * A directory's entries with times cut to the microsecond, which is what a restore can set. Unlike the tree it does not
 * depend on whether this process remembers the nanoseconds that a restored time stands for.
 */
export function encodeCoarse(children: readonly LiveEntry[]): Buffer {
  return encodeTree(children.map((child) => (child.type === 'skipped' ? child : coarse(child))))
}

export function fingerprintOf(root: LiveDirectory, links: string | null): string {
  return stateDigest({ ...coarse(root), tree: root.coarse }, links)
}

function coarse<T extends Captured>(entry: T): T {
  const rest = ((entry.mtime % MICROSECOND) + MICROSECOND) % MICROSECOND
  const known = { ...entry, mtime: entry.mtime - rest }
  return entry.type === 'directory' ? { ...known, tree: entry.coarse } : known
}

const MICROSECOND = 1000n
