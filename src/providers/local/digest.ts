import { createWriter } from './bytes.ts'
import type { LinkGroups, LiveDirectory, LiveEntry } from './live.ts'
import { objectId } from './object-id.ts'
import { encodeTree, type Terms } from './tree.ts'

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
  return encodeTree(children, COARSE)
}

export function fingerprintOf(root: LiveDirectory, links: string | null): string {
  const { mode, uid, gid, mtime, coarse } = root
  return stateDigest({ mode, uid, gid, mtime: wholeMicroseconds(mtime), tree: coarse }, links)
}

const MICROSECOND = 1000n

function wholeMicroseconds(nanoseconds: bigint): bigint {
  const rest = nanoseconds % MICROSECOND
  return rest < 0n ? nanoseconds - rest - MICROSECOND : nanoseconds - rest
}

const COARSE: Terms = {
  time: wholeMicroseconds,
  tree: (directory) => (directory as LiveDirectory).coarse,
}
