/**
 * Swaps a directory for a symlink and back, as fast as it can, until it is killed:
 * `swapper.ts DIRECTORY ASIDE TARGET`. Whoever works in DIRECTORY by path sooner or later works in TARGET.
 */
import { renameSync, symlinkSync, unlinkSync } from 'node:fs'

const [directory, aside, target] = process.argv.slice(2) as [string, string, string]

const tried = (work: () => void) => {
  try {
    work()
  } catch {
    // The other side got in between: the next round puts it right.
  }
}

process.stdout.write('ready\n')
for (;;) {
  tried(() => renameSync(directory, aside))
  tried(() => symlinkSync(target, directory))
  tried(() => unlinkSync(directory))
  tried(() => renameSync(aside, directory))
}
