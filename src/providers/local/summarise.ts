import type { Receipt, Skipped } from '../../snapshots/model.ts'
import type { LinkGroups } from './live.ts'
import { show } from './names.ts'
import { lookIn, type Roster } from './roster.ts'
import { FLAG } from './roster-layout.ts'

/** What a scanned tree holds, counted from the roster itself, so that the receipt says nothing that is not in it. */
export interface Summary {
  counts: Pick<Receipt, 'files' | 'directories' | 'links'>
  /** Sum of file sizes. */
  size: number
  links: LinkGroups
  skipped: Skipped[]
}

const SAMPLES = 5

export function summarise({ columns }: Roster): Summary {
  const { path, content, skipReason } = lookIn(columns)
  const counts = { files: 0, directories: 0, links: 0 }
  let size = 0
  /** Names of one inode that were read with one content: a file that was written to in between has several. */
  const inodes = new Map<string, number[]>()
  const skipped = new Map<string, Skipped>()
  for (let at = 0; at < columns.count; at++) {
    const flags = columns.flags[at] as number
    const kind = flags & FLAG.kind
    if (kind === FLAG.directory) counts.directories++
    else if (kind === FLAG.symlink) counts.links++
    else if (kind === FLAG.skipped) {
      const reason = skipReason(at)
      const known = skipped.get(reason) ?? { reason, count: 0, samples: [] }
      known.count++
      if (known.samples.length < SAMPLES) known.samples.push(show(path(at)))
      skipped.set(reason, known)
    } else {
      counts.files++
      size += Number(columns.size[at])
      if ((flags & FLAG.linked) !== 0) {
        const inode = `${columns.ino[at]} ${content(at)}`
        const names = inodes.get(inode)
        if (names) names.push(at)
        else inodes.set(inode, [at])
      }
    }
  }
  const links = [...inodes.values()].filter((names) => names.length > 1).map((names) => names.map(path))
  return { counts, size, links, skipped: [...skipped.values()] }
}
