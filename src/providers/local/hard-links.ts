import type { LinkGroups, LiveDirectory } from './live.ts'
import { type ByteString, join } from './names.ts'
import type { Scope } from './scope.ts'

/** Paths that are one file. */
export interface LinkGroup {
  names: readonly ByteString[]
  /** The same for the same names. */
  key: string
  /** All of them are what the call is about. */
  inside: boolean
}

export interface HardLinks {
  /** The group that a path belongs to in the snapshot, if the call is about all of it. */
  wanted(path: ByteString): LinkGroup | undefined
  /** In the snapshot it is one file with names that the call is not about. */
  hasOthers(path: ByteString): boolean
  /** The path is linked to the same names as in the snapshot. */
  same(path: ByteString): boolean
  /** Every name of the inode is in the source and inside the scope: nobody else is affected by a change to it. */
  isOurs(path: ByteString, nlink: bigint): boolean
  /** Nothing differs anywhere. */
  readonly unchanged: boolean
}

/**
 * Compares the hard links of the live source with those of a snapshot. Names at which something lies that was not
 * captured are left out: they stay as they are, and the others of their group still are one file.
 */
export function compareLinks(
  live: { root?: LiveDirectory; links: LinkGroups },
  target: LinkGroups,
  scope: Scope,
): HardLinks {
  const isBlocked = target.length > 0 && live.root ? blocksOf(live.root) : () => false
  const before = index(live.links, scope)
  const after = index(
    target.map((names) => names.filter((path) => !isBlocked(path))).filter((names) => names.length > 1),
    scope,
  )
  return {
    wanted(path) {
      const group = after.get(path)
      return group?.inside ? group : undefined
    },
    hasOthers: (path) => after.get(path)?.inside === false,
    same: (path) => before.get(path)?.key === after.get(path)?.key,
    isOurs(path, nlink) {
      const group = before.get(path)
      return group ? group.inside && nlink === BigInt(group.names.length) : nlink === 1n
    },
    unchanged: JSON.stringify(live.links) === JSON.stringify(target),
  }
}

function index(groups: LinkGroups, scope: Scope): Map<ByteString, LinkGroup> {
  const found = new Map<ByteString, LinkGroup>()
  for (const names of groups) {
    const inside = names.every((path) => scope.of(path) === 'inside')
    const group = { names, key: names.join('\0'), inside }
    for (const path of names) found.set(path, group)
  }
  return found
}

/** Tells whether something that was not captured is at a path, above it or in it. */
function blocksOf(root: LiveDirectory): (path: ByteString) => boolean {
  const skipped = new Set<ByteString>()
  const holding = new Set<ByteString>()
  const visit = (directory: LiveDirectory, path: ByteString): boolean => {
    let holds = false
    for (const child of directory.children) {
      const at = join(path, child.name)
      if (child.type === 'skipped') skipped.add(at)
      if (child.type === 'skipped' || (child.type === 'directory' && visit(child, at))) holds = true
    }
    if (holds) holding.add(path)
    return holds
  }
  if (!visit(root, '')) return () => false
  return (path) => {
    if (skipped.has(path) || holding.has(path)) return true
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      if (skipped.has(path.slice(0, at))) return true
    }
    return false
  }
}
