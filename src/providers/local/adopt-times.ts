import type { LiveDirectory, LiveEntry } from './live.ts'
import type { ObjectStore } from './store/objects.ts'
import { encodeTree, sameTime } from './tree.ts'
import { pairs, type View } from './view.ts'

/**
 * After a restore the times on disk are a fraction of a microsecond off what was asked for. With the recorded times
 * (while the file system still tells the ones that were set) the restored directory is equal to the snapshot to the
 * nanosecond, so that later comparisons skip it as a whole. Returns `live` itself where nothing is to be taken over.
 */
export async function adoptTimes(
  live: LiveDirectory,
  target: View,
  mtime: bigint,
  objects: Pick<ObjectStore, 'has' | 'idOf'>,
): Promise<LiveDirectory> {
  const adopted = await adoptBelow(live, target, objects)
  return sameTime(live.mtime, mtime) ? withTime(adopted, mtime) : adopted
}

async function adoptBelow(
  live: LiveDirectory,
  target: View,
  objects: Pick<ObjectStore, 'has' | 'idOf'>,
): Promise<LiveDirectory> {
  if (live.tree === target.id) return live
  const children: LiveEntry[] = []
  for (const [entry, wanted] of pairs(live.children, target.entries)) {
    if (!entry) continue
    if (!wanted || wanted.type !== entry.type || entry.type === 'skipped' || wanted.type === 'skipped') {
      children.push(entry)
      continue
    }
    const below =
      entry.type === 'directory' && wanted.type === 'directory'
        ? await adoptBelow(entry, await target.enter(wanted), objects)
        : entry
    children.push(sameTime(below.mtime, wanted.mtime) ? withTime(below, wanted.mtime) : below)
  }
  if (children.every((child, n) => child === live.children[n])) return live
  const tree = objects.idOf(encodeTree(children))
  const { seat: _, unsaved: __, ...rest } = live
  return { ...rest, children, tree, ...(objects.has(tree) ? {} : { unsaved: true }) }
}

function withTime<E extends Exclude<LiveEntry, { type: 'skipped' }>>(entry: E, mtime: bigint): E {
  if (entry.mtime === mtime) return entry
  if (entry.type !== 'directory') return { ...entry, mtime }
  const { seat: _, ...rest } = entry
  return { ...rest, mtime } as E
}
