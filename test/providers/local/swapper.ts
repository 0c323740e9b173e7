/**
 * `swapper.ts DIRECTORY ASIDE TARGET`: each time it is sent a number, swaps DIRECTORY for a symlink to TARGET and back,
 * as fast as it can, for so many milliseconds. Whoever works in DIRECTORY by path meanwhile ends up in TARGET.
 */
import { existsSync, renameSync, rmSync, symlinkSync, unlinkSync } from 'node:fs'

const [directory, aside, target] = process.argv.slice(2) as [string, string, string]

function tried(work: () => void): void {
  try {
    work()
  } catch {
    // The other side got in between: the next round puts it right.
  }
}

process.on('message', (ms: number) => {
  process.send?.('started')
  const end = performance.now() + ms
  while (performance.now() < end) {
    tried(() => renameSync(directory, aside))
    tried(() => symlinkSync(target, directory))
    tried(() => unlinkSync(directory))
    tried(() => renameSync(aside, directory))
    // A restore has put a directory there while ours was away.
    if (existsSync(aside)) rmSync(aside, { recursive: true })
  }
  process.send?.('done')
})
