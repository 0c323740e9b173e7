import type { LinkGroups } from './live.ts'
import { type ByteString, join } from './names.ts'
import type { Pause } from './pause.ts'
import type { Scope } from './scope.ts'
import { type Entry, type Meta, sameTime } from './tree.ts'
import { EMPTY_VIEW, entryLimit, linkIndex, pairs, type View } from './view.ts'

/** One difference between two directories, in the order of a walk. */
export interface Difference {
  path: ByteString
  kind: 'added' | 'removed' | 'modified'
  before?: Entry
  after?: Entry
  /** What differs in a modified entry: type, content, target, mode, owner, mtime, links. */
  aspects: string[]
}

export interface Side {
  view: View
  links: LinkGroups
}

/**
 * All differences, exactly: equal subtrees are skipped by their ids. A directory whose only difference is its mtime is
 * left out, since that follows from what changed in it; so is what neither side captured.
 */
export async function diffTrees(from: Side, to: Side, scope: Scope, pause: Pause): Promise<Difference[]> {
  const found: Difference[] = []
  const linkedBefore = linkIndex(from.links)
  const linkedAfter = linkIndex(to.links)
  const countBefore = entryLimit(from.view)
  const countAfter = entryLimit(to.view)
  const sameLinks = JSON.stringify(from.links) === JSON.stringify(to.links)

  const walk = async (before: View, after: View, parent: ByteString): Promise<void> => {
    if (before.id !== undefined && before.id === after.id && sameLinks && !scope.named) return
    for (const [a, b] of pairs(before.entries, after.entries)) {
      if (pause.due()) await pause.take()
      if (a) countBefore()
      if (b) countAfter()
      const path = join(parent, (a ?? b)?.name as ByteString)
      const where = scope.of(path)
      if (where === 'outside') continue
      if (where === 'inside') compare(path, a, b)
      const left = a?.type === 'directory' ? a : undefined
      const right = b?.type === 'directory' ? b : undefined
      if (!left && !right) continue
      if (left && right && left.tree === right.tree && sameLinks && where === 'inside') continue
      await walk(
        left ? await before.enter(left) : EMPTY_VIEW,
        right ? await after.enter(right) : EMPTY_VIEW,
        path,
      )
    }
  }

  const compare = (path: ByteString, before: Entry | undefined, after: Entry | undefined) => {
    if (!before || !after) {
      const only = (before ?? after) as Entry
      if (only.type === 'skipped') return
      found.push(
        before
          ? { path, kind: 'removed', before, aspects: [] }
          : { path, kind: 'added', after: only, aspects: [] },
      )
      return
    }
    const aspects = differences(before, after)
    if (before.type === 'file' && after.type === 'file' && linkedBefore(path) !== linkedAfter(path))
      aspects.push('links')
    if (
      aspects.length === 0 ||
      (before.type === 'directory' && aspects.length === 1 && aspects[0] === 'mtime')
    )
      return
    found.push({ path, kind: 'modified', before, after, aspects })
  }

  await walk(from.view, to.view, '')
  return found
}

/** What differs between two entries of one name, leaving aside what is below them. */
export function differences(a: Entry, b: Entry): string[] {
  if (a.type !== b.type) return ['type']
  if (a.type === 'skipped' || b.type === 'skipped') return []
  const aspects: string[] = []
  if (a.type === 'file' && b.type === 'file' && a.content !== b.content) aspects.push('content')
  if (a.type === 'symlink' && b.type === 'symlink' && a.target !== b.target) aspects.push('target')
  return aspects.concat(metaDifferences(a, b))
}

function metaDifferences(a: Meta, b: Meta): string[] {
  const aspects: string[] = []
  if (a.mode !== b.mode) aspects.push('mode')
  if (a.uid !== b.uid || a.gid !== b.gid) aspects.push('owner')
  if (!sameTime(a.mtime, b.mtime)) aspects.push('mtime')
  return aspects
}
