import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLocalProvider } from '../../src/providers/local/index.ts'
import type { Provider } from '../../src/snapshots/provider.ts'
import { type Picture, picture } from '../../test/support/oracle.ts'
import { content } from '../../test/support/trees.ts'
import { save, silent, trash } from './calls.ts'
import type { Job, Operation } from './operations.ts'
import { build, edit, wreck } from './workspace.ts'

/**
 * A store and a source in a known state, brought back to it before every point. Several lanes can work side by side.
 */
export interface Lane {
  dir: string
  home: string
  root: string
  /** A second source, free to be changed and restored while the first one keeps its inodes. */
  other: string
  /** Where copies go. */
  out: string
  /** The snapshots that were there before, by what they are for. */
  ids: Record<'first' | 'second' | 'trashed' | 'later' | 'other', string>
  /** What each of them holds, by id. */
  pictures: Map<string, Picture>
  /** The source before the operation. */
  before: Picture
  job(operation: Operation): Job
  /** Back to the state before the operation. */
  reset(): void
  open(clock?: () => number): Provider
  remove(): void
}

/** In memory where there is such a place: a thousand stores are written here, and a kill loses nothing but a process. */
const SCRATCH = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/**
 * Makes a lane below `parent`. Only `restore` changes the source, so that all other operations keep one with the inodes
 * and times that the stat cache of the prepared store knows.
 */
export async function makeLane(operation: Operation, parent = SCRATCH): Promise<Lane> {
  const dir = realpathSync(mkdtempSync(join(parent, 'snapshot-mcp-crash-')))
  const [home, root, other, out] = ['home', 'root', 'other', 'out'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
    string,
  ]
  const kept = realpathSync(mkdtempSync(join(SCRATCH, 'snapshot-mcp-crash-kept-')))
  const roots = [root, other, out]
  for (const path of roots) mkdirSync(path)
  const open = (clock = Date.now) =>
    createLocalProvider({
      home,
      roots,
      trashWindowMs: 3_600_000,
      specialModes: 'keep',
      clock,
      log: silent,
    })
  const provider = open()
  const pictures = new Map<string, Picture>()
  const saved = async (from: string, name: string) => {
    const id = await save(provider, from, name)
    pictures.set(id, picture(from))
    return id
  }

  build(root)
  const first = await saved(root, 'first')
  edit(root)
  const second = await saved(root, 'second')
  // A pack of which a purge may drop one part and has to copy the other.
  writeFileSync(join(root, 'shared.bin'), content(20_000, 8))
  writeFileSync(join(root, 'short-lived.bin'), content(40_000, 9))
  const trashed = await saved(root, 'trashed')
  await trash(provider, trashed)
  unlinkSync(join(root, 'short-lived.bin'))
  // What was changed a moment ago is read again next time: lanes would differ in the files that they open.
  await sleep(100)
  const later = await saved(root, 'later')
  writeFileSync(join(other, 'kept.txt'), 'kept\n')
  const otherId = await saved(other, 'other')
  wreck(root)
  await provider.close?.()
  copy(home, join(kept, 'home'))
  copy(root, join(kept, 'root'))

  // With nothing there yet, the operation makes the store too.
  if (operation === 'first') pictures.clear()
  return {
    ...{ dir, home, root, other, out, pictures, open },
    ids: { first, second, trashed, later, other: otherId },
    before: picture(root),
    job: (name) => ({
      ...{ operation: name, home, roots, root },
      snapshot: { restore: first, copy: first, undelete: trashed, purge: trashed }[name as string] ?? second,
      to: join(out, 'copy'),
    }),
    reset() {
      if (operation === 'first') erase(home)
      else copy(join(kept, 'home'), home)
      if (operation === 'restore') copy(join(kept, 'root'), root)
      erase(out)
      mkdirSync(out)
    },
    remove() {
      erase(dir)
      erase(kept)
    },
  }
}

/** With all inodes new, as after a restore from a backup. */
function copy(from: string, to: string): void {
  erase(to)
  execFileSync('cp', ['-a', from, to])
}

export function erase(path: string): void {
  rmSync(path, { recursive: true, force: true })
}
