import { mkdtempSync } from 'node:fs'
import { basename, join } from 'node:path'
import { diskUse, sync } from '../command.ts'
import type { Contestant, Session } from '../contestants.ts'
import type { Lumber } from './lumber.ts'
import { type Walked, walk } from './walk.ts'
import type { Workspace } from './workspaces.ts'

/** What is timed. Operations that a contestant lacks have no samples. */
export const OPERATIONS = {
  first: 'first save',
  unchanged: 'unchanged',
  edit: 'after the edit',
  diff: 'diff',
  restore: 'in place',
  inPlace: 'with its plan',
  rescue: 'in place, unsaved',
  new: 'to new',
} as const
export type Operation = keyof typeof OPERATIONS | 'freshReady' | 'freshAnswer' | 'fresh'

/** All that was measured of one contestant on one workspace. */
export interface Result {
  contestant: Contestant
  rounds: number
  /** Milliseconds, one sample a round. */
  times: Partial<Record<Operation, number[]>>
  /** Bytes on disk after the first save. */
  store: number
  /** The most memory of all rounds, in bytes. */
  peak?: number
}

export interface Game {
  dir: string
  /** The tree, in the same state before and after each round. */
  root: string
  walked: Walked
  workspace: Workspace
  lumber: Lumber
  signal: AbortSignal
}

/** The free room for a round, in sizes of the tree: a few copies, and what small files waste in blocks. */
const ROOM = 10

/** One round of one contestant, with a store of its own. Throws when a restore does not bring the tree back. */
export async function play(game: Game, result: Result, round: number): Promise<void> {
  const { root, walked, workspace, lumber, signal } = game
  const { contestant } = result
  const dir = mkdtempSync(join(game.dir, 'round-'))
  const to = `${root}-${basename(dir)}`
  lumber.makeRoom(ROOM * walked.bytes)
  const session = await contestant.open({ root, dir, signal })
  const timed = async (operation: Operation, run: () => Promise<void>) => {
    await sync()
    signal.throwIfAborted()
    add(result, operation, await time(run))
  }
  const check = (path: string) => {
    if (walk(path).digest !== walked.digest)
      throw new Error(`${contestant.name} did not bring ${workspace.name} back as it was`)
  }
  try {
    await timed('first', session.save)
    result.store = await diskUse(session.store)
    if (session.restoreInPlace) await timed('unchanged', session.save)
    // Writing the whole tree again takes long, and once is enough to show how long.
    if (session.restoreInPlace && (round === 0 || !contestant.wholesale)) {
      workspace.edit(root, walked.files, 2 * round)
      await timed('edit', session.save)
      if (session.diff) await timed('diff', session.diff)
      await sync()
      const { plan, restore } = await goBack(session)
      add(result, 'restore', restore)
      if (session.planInPlace) add(result, 'inPlace', plan + restore)
      check(root)
      if (!contestant.wholesale) {
        workspace.edit(root, walked.files, 2 * round + 1)
        await sync()
        // A contestant whose restore takes no safety snapshot has to save first to offer the same.
        const saved = session.planInPlace ? 0 : await time(session.save)
        const again = await goBack(session)
        add(result, 'rescue', saved + again.plan + again.restore)
        check(root)
      }
    }
    await timed('new', () => session.restoreNew(to))
    check(to)
    await lookAtProcess(session, result)
  } finally {
    await session.close()
    for (const path of [dir, to]) lumber.discard(path)
  }
}

async function goBack(session: Session): Promise<{ plan: number; restore: number }> {
  const plan = session.planInPlace ? await time(session.planInPlace) : 0
  return { plan, restore: await time(session.restoreInPlace!) }
}

/** What only a contestant has that stays in memory: how much of it, and what a start from nothing costs. */
async function lookAtProcess(session: Session, result: Result): Promise<void> {
  const peak = session.peak?.()
  if (peak !== undefined) result.peak = Math.max(peak, result.peak ?? 0)
  if (!session.saveFresh) return
  await session.save() // so that the process to come finds nothing changed
  const { ready, answer } = await session.saveFresh()
  add(result, 'freshReady', ready)
  add(result, 'freshAnswer', answer)
  add(result, 'fresh', ready + answer)
}

async function time(run: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await run()
  return performance.now() - started
}

function add({ times }: Result, operation: Operation, ms: number): void {
  times[operation] = [...(times[operation] ?? []), ms]
}
