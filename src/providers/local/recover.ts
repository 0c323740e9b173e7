import { lstatSync } from 'node:fs'
import type { RecoveryHands } from '../../snapshots/interrupted.ts'
import type { Context } from '../../snapshots/provider.ts'
import { hasEnded, isCheckable } from '../../state/runner.ts'
import { withDirectory } from './capture.ts'
import type { Directory } from './directory.ts'
import type { Engine } from './engine.ts'
import type { Entry, NewEntry } from './journal.ts'
import { type ByteString, showText } from './names.ts'
import { createPause } from './pause.ts'
import { toSource } from './roots.ts'
import { type Ending, takeUp } from './take-up.ts'
import { removeTemporaries } from './temporaries.ts'

/**
 * Takes up the restores whose process was killed, each under the lock on its source. What had not begun to change the
 * source is rolled back; what had is finished, if nobody has been at work there since. A journal that cannot be taken up, or
 * makes no sense, is left for the next start, and keeps nobody from working until then.
 */
export function createRecovery(engine: Engine): (hands: RecoveryHands, ctx: Context) => Promise<void> {
  const { journals, roots, log } = engine

  async function recover(name: string, hands: RecoveryHands, ctx: Context): Promise<void> {
    const found = journals.read(name)
    // Of a process that cannot be checked, being of another container, the lock tells: it shows signs of life there.
    if (!found || (isCheckable(found.runner) && !hasEnded(found.runner))) return
    // One store serves many projects: what lies outside of this server's roots is for another one.
    if (!roots.allows(found.root)) {
      if (hasEnded(found.runner)) journals.giveUp(name)
      return
    }
    const lock = await hands.hold(toSource(lockedBy(found)))
    if (!lock) return
    try {
      const entry = journals.read(name)
      // Somebody else was quicker.
      if (!entry) return
      const path = roots.check(entry.root)
      // In its name: the journal that keeps others away is its own.
      const work = { ...ctx, operation: entry.operation, stillHeld: lock.stillHeld }
      const ending = await (entry.mode === 'new'
        ? withDirectory(path, (parent) => clearCopies(parent, entry, work))
        : takeUp(engine, path, entry, work))
      const { operation } = entry
      await hands.settle({ operation, ...ending })
      journals.remove(name)
      const { outcome, message } = ending
      log.info('took up an interrupted restore', { operation, outcome, told: message })
    } finally {
      await lock.release()
    }
  }

  return async (hands, ctx) => {
    for (const name of journals.names()) {
      try {
        await recover(name, hands, ctx)
      } catch (error) {
        journals.giveUp(name)
        log.warn('an interrupted restore could not be taken up', { journal: name, error })
      }
    }
  }
}

function lockedBy(entry: Entry): ByteString {
  return entry.mode === 'new' ? `${entry.root}/${entry.copies[0]}` : entry.root
}

/** A copy gets its name when it is whole. What has none yet goes. */
async function clearCopies(
  parent: Directory,
  { temporary, copies }: NewEntry,
  ctx: Context,
): Promise<Ending> {
  await removeTemporaries(parent, temporary, { deep: false, pause: createPause(ctx) })
  const made = copies.filter((name) => lstatSync(parent.at(name), { throwIfNoEntry: false })?.isDirectory())
  if (made.length === copies.length) {
    return { outcome: 'finished', message: 'The server was stopped when the copy was complete.' }
  }
  if (made.length === 0) {
    return {
      outcome: 'rolled_back',
      message: 'The server was stopped before the copy was complete, and what it had written was removed.',
    }
  }
  return {
    outcome: 'left',
    message: `The server was stopped when these copies were complete: ${made.map(showText).join(', ')}. The others were not made.`,
  }
}
