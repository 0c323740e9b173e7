import { SnapshotError } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import { decodeChunkList } from './content.ts'
import type { Captured } from './live.ts'
import { createPause } from './pause.ts'
import type { DirectoryPlan, Step } from './steps.ts'
import type { ObjectStore } from './store/objects.ts'
import { wellFormed } from './view.ts'

/**
 * Reads every stored object of what a restore is about to replace or remove, of the directories it is in, and the hard
 * links of the safety snapshot, which any way back needs. It may share objects with older ones, and an old object may
 * have rotted since: the live file is then the last good copy. False when something is damaged; the store has forgotten
 * it then.
 */
export async function holdsWhatGoes(
  objects: ObjectStore,
  plan: DirectoryPlan,
  links: string | null,
  ctx: Context,
): Promise<boolean> {
  const pause = createPause(ctx)
  let intact = true
  objects.unread()

  const read = async (id: string): Promise<Buffer | undefined> => {
    if (pause.due()) await pause.take()
    try {
      return await objects.read(id)
    } catch (error) {
      if (!(error instanceof SnapshotError && error.code === 'CORRUPT')) throw error
      intact = false
      return undefined
    }
  }

  const readEntry = async (entry: Captured): Promise<void> => {
    if (entry.type === 'symlink') return
    if (entry.type === 'file') {
      const bytes = await read(entry.content)
      if (!bytes || !entry.chunked) return
      for (const chunk of wellFormed(entry.content, () => decodeChunkList(bytes)).chunks) await read(chunk)
      return
    }
    await read(entry.tree)
    for (const child of entry.children) if (child.type !== 'skipped') await readEntry(child)
  }

  const readPlan = async ({ live, steps }: DirectoryPlan): Promise<void> => {
    if (live) await read(live.tree)
    for (const step of steps) {
      const gone = replaced(step)
      if (gone) await readEntry(gone)
      if (step.do === 'enter') await readPlan(step.plan)
    }
  }

  await readPlan(plan)
  if (links !== null) await read(links)
  return intact
}

function replaced(step: Step): Captured | undefined {
  return step.do === 'enter' || step.do === 'meta' ? undefined : step.live
}
