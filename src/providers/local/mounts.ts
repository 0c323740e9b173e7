import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { type Suspects, suspectsOf } from './check.ts'
import type { Directory } from './directory.ts'
import type { LiveEntry } from './live.ts'
import type { ByteString } from './names.ts'
import { childrenOf, type Roster } from './roster.ts'

/** Linux lists here what this process has mounted. Elsewhere only the device numbers tell a mount. */
const TABLE = '/proc/self/mountinfo'
const HAS_TABLE = process.platform === 'linux' && existsSync(TABLE)

/**
 * Paths below an open directory at which something else is mounted: file systems, and directories and files that were
 * bound there, which may be of the very same file system. A mount below such a path is not listed.
 */
export function mountsBelow({ fd }: Directory): ReadonlySet<ByteString> {
  const found = new Set<ByteString>()
  if (!HAS_TABLE) return found
  const mounts = readFileSync(TABLE, 'latin1').split('\n')
  const root = readlinkSync(`/proc/self/fd/${fd}`, 'latin1').replace(/\/$/, '')
  const inside = mountOf(fd)
  for (const mount of mounts) {
    // Number, number of the mount it lies in, device, what of that device, and where: proc_pid_mountinfo(5).
    const [, parent, , , where = ''] = mount.split(' ')
    const path = plain(where)
    // What lies in another mount is below one of ours, or hidden beneath one that was put over it.
    if (path.startsWith(`${root}/`) && (inside === undefined || parent === inside))
      found.add(path.slice(root.length + 1))
  }
  return found
}

/** The number of the mount in which an open directory is; undefined where the system does not tell. */
function mountOf(fd: number): string | undefined {
  const info = `/proc/self/fdinfo/${fd}`
  return existsSync(info) ? /^mnt_id:\s*(\d+)$/m.exec(readFileSync(info, 'latin1'))?.[1] : undefined
}

/** Blanks, line ends and backslashes are written in octal there. */
function plain(field: string): ByteString {
  return field.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8)))
}

/**
 * Has the places of mounts looked at: a directory that is bound to its own place, or a file that is, looks as it did
 * before.
 */
export function withMounts<P extends { roster: Roster; suspects: Suspects }>(
  previous: P,
  mounts: ReadonlySet<ByteString>,
): P {
  const { roster, suspects } = previous
  const places = new Set([...mounts].flatMap((path) => placeIn(roster, path) ?? []))
  if (places.size === 0) return previous
  const mounted = suspectsOf(roster.columns, (at) => places.has(at))
  return {
    ...previous,
    suspects: {
      entry: (at) => suspects.entry(at) || mounted.entry(at),
      within: (at) => suspects.within(at) || mounted.within(at),
    },
  }
}

/** Where a roster has a path that was captured. */
function placeIn({ root, columns }: Roster, path: ByteString): number | undefined {
  let entry: LiveEntry = root
  let place = 0
  for (const name of path.split('/')) {
    if (entry.type !== 'directory') return undefined
    const n = entry.children.findIndex((child) => child.name === name)
    if (n < 0) return undefined
    place = [...childrenOf(columns, place)][n] as number
    entry = entry.children[n] as LiveEntry
  }
  return entry.type === 'skipped' ? undefined : place
}
