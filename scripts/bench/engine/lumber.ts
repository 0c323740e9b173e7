import { statfsSync } from 'node:fs'
import { remove } from '../../scratch.ts'

/**
 * Directories that are done with. They stay until the end of the run as long as the disk has room: ext4 without a
 * journal passes over every inode freed in the last minutes when it makes a file, so that deleting one contestant's
 * 60,000 files would slow down the next one's several times.
 */
export interface Lumber {
  discard(path: string): void
  /** Removes what was discarded if less than `bytes` are free. */
  makeRoom(bytes: number): void
}

export function createLumber(dir: string): Lumber {
  const paths: string[] = []
  return {
    discard: (path) => void paths.push(path),
    makeRoom(bytes) {
      const { bavail, bsize } = statfsSync(dir)
      if (bavail * bsize < bytes) for (const path of paths.splice(0)) remove(path)
    },
  }
}
