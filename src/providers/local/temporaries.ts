import { type Dirent, fstatSync, readdirSync } from 'node:fs'
import type { Directory } from './directory.ts'
import { openUnlessBarred, removeWhole } from './entry-ops.ts'
import { mountsBelow } from './mounts.ts'
import { type ByteString, join } from './names.ts'
import type { Pause } from './pause.ts'
import { MAX_DEPTH } from './tree.ts'

/**
 * Removes what a restore wrote under its temporary names and never moved to its place: in the directory, and `deep` also
 * in those below it. Follows no link, enters no mount, and touches no name but those that this one restore has made up.
 */
export async function removeTemporaries(
  directory: Directory,
  temporary: ByteString,
  { deep, pause }: { deep: boolean; pause: Pause },
): Promise<void> {
  const { dev } = fstatSync(directory.fd)
  const mounts = mountsBelow(directory)

  const visit = async (dir: Directory, path: ByteString, depth: number): Promise<void> => {
    for (const entry of entriesOf(dir)) {
      if (pause.due()) await pause.take()
      if (isTemporary(entry, temporary)) removeWhole(dir, entry.name)
      else if (deep && depth < MAX_DEPTH && entry.isDirectory())
        await enter(dir, entry.name, join(path, entry.name), depth + 1)
    }
  }

  const enter = async (
    parent: Directory,
    name: ByteString,
    path: ByteString,
    depth: number,
  ): Promise<void> => {
    if (mounts.has(path)) return
    const child = openUnlessBarred(parent, name)
    try {
      if (child && fstatSync(child.fd).dev === dev) await visit(child, path, depth)
    } finally {
      child?.close()
    }
  }

  await visit(directory, '', 0)
}

/** As apply.ts and restore-new.ts name them. */
function isTemporary(entry: Dirent, temporary: ByteString): boolean {
  if (!entry.name.startsWith(temporary)) return false
  return /^(\d+|l)$/.test(entry.name.slice(temporary.length))
}

function entriesOf(dir: Directory): Dirent[] {
  return readdirSync(dir.at('.'), { withFileTypes: true, encoding: 'latin1' })
}
