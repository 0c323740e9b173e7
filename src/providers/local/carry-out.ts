import { fail } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import { applyPlan, type LeftAlone } from './apply.ts'
import type { Directory } from './directory.ts'
import type { Engine } from './engine.ts'
import { remember } from './known.ts'
import { type ByteString, showText } from './names.ts'
import { createPause } from './pause.ts'
import { counted } from './plan.ts'
import type { Scan } from './scan.ts'
import type { Scope } from './scope.ts'
import { rootOf } from './snapshot-view.ts'
import { isEmptySteps, type RestoreSteps } from './steps.ts'
import type { Stored } from './store/manifest.ts'
import { systemError } from './system-error.ts'
import { differing, touchedBy, type Verification, verify } from './verify.ts'

export interface Job {
  stored: Stored
  scope(): Scope
  steps: RestoreSteps
  /** Id of the snapshot that holds what the steps replace and remove. */
  safety: string
  /** With this begin the names of what is not in its place yet. */
  temporary: ByteString
  staged?(): void
}

/** Takes the steps from what was found, and proves that nothing is left to do. CONFLICT, partial, when something is. */
export async function carryOut(
  engine: Engine,
  directory: Directory,
  found: Scan,
  job: Job,
  ctx: Context,
): Promise<Verification> {
  const { stored, scope, steps, safety } = job
  const leftAlone = isEmptySteps(steps) ? [] : await apply(engine, directory, job, ctx)
  const { roster, storedAt } = found
  const previous = { roster, storedAt, suspects: touchedBy(steps.root, roster) }
  const wanted = { stored, scope: scope(), blocked: steps.blocked }
  const after = await verify(engine, directory, wanted, previous, uninterrupted(ctx)).catch((error) => {
    throw systemError(error, 'The restore was carried out, but could not be verified', 'partial')
  })
  remember(engine, rootOf(stored.manifest), after.found)
  if (leftAlone.length > 0 || after.remaining) throw incomplete(leftAlone, after.remaining, safety)
  return after
}

async function apply(
  engine: Engine,
  directory: Directory,
  { steps, temporary, staged }: Job,
  ctx: Context,
): Promise<LeftAlone[]> {
  let written = 0
  const report = () => ({ done: written, message: `${written} of ${steps.totals.written} written` })
  return applyPlan(directory, steps.root, {
    ...engine.meta,
    objects: engine.store.objects,
    temporary,
    pause: createPause(uninterrupted(ctx), { report }),
    async staged() {
      await ctx.stillHeld?.()
      staged?.()
    },
    written: () => void written++,
  })
}

/** Once the source is being changed, stopping half way would be worse than going on. */
export function uninterrupted(ctx: Context): Context {
  return { ...ctx, signal: new AbortController().signal }
}

function incomplete(leftAlone: LeftAlone[], remaining: RestoreSteps | undefined, safety: string) {
  const { count, paths } = remaining ? differing(remaining) : { count: 0, paths: [] }
  const left = leftAlone.slice(0, 100).map(({ path, reason }) => ({ path: showText(path), reason }))
  return fail(
    'CONFLICT',
    `The restore is incomplete: ${counted(leftAlone.length || count, 'path was', 'paths were')} changed by somebody else meanwhile, or may not be changed, and stayed as found; the rest was restored.`,
    'Call snapshot_diff to see what differs, or snapshot_undo with this operation to go back.',
    {
      outcome: 'partial',
      details: { left_alone: left, differing: paths, safety_snapshot: `local:${safety}` },
    },
  )
}
