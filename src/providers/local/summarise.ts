import type { Receipt, Skipped } from '../../snapshots/model.ts'
import type { LinkGroups, LiveDirectory, LiveEntry } from './live.ts'
import { type ByteString, join, show } from './names.ts'

/** What a scanned tree holds, counted from the tree itself, so that the receipt says nothing that is not in it. */
export interface Summary {
  counts: Pick<Receipt, 'files' | 'directories' | 'links'>
  /** Sum of file sizes. */
  size: number
  links: LinkGroups
  skipped: Skipped[]
}

const SAMPLES = 5

export function summarise(root: LiveDirectory): Summary {
  const counts = { files: 0, directories: 1, links: 0 }
  let size = 0
  const inodes = new Map<string, ByteString[]>()
  const skipped = new Map<string, Skipped>()

  const visit = (entry: LiveEntry, parent: ByteString) => {
    if (entry.type === 'file') {
      counts.files++
      size += entry.size
      if (entry.stat.nlink > 1n) {
        const inode = `${entry.stat.dev}:${entry.stat.ino}`
        const names = inodes.get(inode)
        if (names) names.push(join(parent, entry.name))
        else inodes.set(inode, [join(parent, entry.name)])
      }
    } else if (entry.type === 'directory') {
      counts.directories++
      const path = join(parent, entry.name)
      for (const child of entry.children) visit(child, path)
    } else if (entry.type === 'symlink') {
      counts.links++
    } else {
      const known = skipped.get(entry.reason) ?? { reason: entry.reason, count: 0, samples: [] }
      known.count++
      if (known.samples.length < SAMPLES) known.samples.push(show(join(parent, entry.name)))
      skipped.set(entry.reason, known)
    }
  }
  for (const child of root.children) visit(child, '')

  const links = [...inodes.values()].filter((names) => names.length > 1)
  return { counts, size, links, skipped: [...skipped.values()] }
}
