import type { LiveDirectory } from './live.ts'
import { objectId } from './object-id.ts'
import { encodeTree, sameTime } from './tree.ts'
import { pairs, type View } from './view.ts'

/**
 * After a restore the times on disk are a fraction of a microsecond off what was asked for. Taking over the recorded
 * times (while the file system still tells the ones that were set) makes the restored directory equal to the snapshot
 * to the nanosecond, so that later comparisons skip it as a whole.
 */
export async function adoptTimes(live: LiveDirectory, target: View, mtime: bigint): Promise<void> {
  if (sameTime(live.mtime, mtime)) live.mtime = mtime
  await adoptBelow(live, target)
}

async function adoptBelow(live: LiveDirectory, target: View): Promise<void> {
  if (live.tree === target.id) return
  for (const [entry, wanted] of pairs(live.children, target.entries)) {
    if (!entry || !wanted || entry.type === 'skipped' || wanted.type !== entry.type) continue
    if (sameTime(entry.mtime, wanted.mtime)) entry.mtime = wanted.mtime
    if (entry.type === 'directory' && wanted.type === 'directory')
      await adoptBelow(entry, await target.enter(wanted))
  }
  live.tree = objectId(encodeTree(live.children))
}
