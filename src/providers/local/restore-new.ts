import { mkdirSync, renameSync } from 'node:fs'
import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Verified } from '../../snapshots/model.ts'
import type { Context, RestorePlan, RestoreResult } from '../../snapshots/provider.ts'
import { applyPlan } from './apply.ts'
import { type Directory, openChild, openDirectory } from './directory.ts'
import type { Engine } from './engine.ts'
import { removeWhole } from './entry-ops.ts'
import { createPause } from './pause.ts'
import { copyTargets, stepsTo, usable, warningsOf } from './plan.ts'
import { toSource } from './roots.ts'
import { createScope } from './scope.ts'
import { rootOf } from './snapshot-view.ts'
import type { RestoreSteps } from './steps.ts'
import type { Stored } from './store/manifest.ts'
import { systemError } from './system-error.ts'
import { differing, verify } from './verify.ts'

/** Writes a snapshot to new directories. Each appears under its name only when it is complete and verified. */
export async function restoreNew(engine: Engine, plan: RestorePlan, ctx: Context): Promise<RestoreResult> {
  const stored = usable(engine, plan.request.snapshot)
  const targets = copyTargets(engine, plan.request)
  const [first] = targets as [(typeof targets)[number]]
  const journal = engine.journals.begin({
    mode: 'new',
    operation: ctx.operation,
    snapshot: plan.request.snapshot,
    root: first.parent,
    copies: targets.map(({ name }) => name),
  })
  const made: { path: string; steps: RestoreSteps; verified: Verified }[] = []
  try {
    journal.staging()
    for (const { parent: parentPath, name, path } of targets) {
      const parent = openDirectory(parentPath)
      const staging = `${journal.temporary}${made.length}`
      try {
        mkdirSync(parent.at(staging), 0o700)
        const copy = await fill(engine, parent, staging, stored, plan, ctx)
        renameSync(parent.at(staging), parent.at(name))
        made.push({ path, ...copy })
      } catch (error) {
        removeWhole(parent, staging)
        throw error
      } finally {
        parent.close()
      }
    }
  } catch (error) {
    throw made.length === 0
      ? systemError(error, 'The copy could not be made')
      : halfDone(
          error,
          made.map((copy) => copy.path),
        )
  } finally {
    journal.end()
  }
  const sum = (key: 'written' | 'bytes') => made.reduce((total, { steps }) => total + steps.totals[key], 0)
  return {
    changed: { written: sum('written'), deleted: 0, metadata: 0, bytes: sum('bytes') },
    verified: (made[0] as (typeof made)[number]).verified,
    targets: targets.map(({ parent, name }) => toSource(`${parent}/${name}`)),
    warnings: [...new Set(made.flatMap(({ steps }) => warningsOf(steps)))],
  }
}

async function fill(
  engine: Engine,
  parent: Directory,
  name: string,
  stored: Stored,
  plan: RestorePlan,
  ctx: Context,
) {
  const scope = () => createScope(plan.request.paths, rootOf(stored.manifest))
  const directory = openChild(parent, name)
  try {
    const steps = await stepsTo(engine, stored, undefined, scope(), ctx)
    let written = 0
    const report = () => ({ done: written, message: `${written} of ${steps.totals.written} written` })
    await applyPlan(directory, steps.root, {
      ...engine.meta,
      objects: engine.store.objects,
      temporary: '',
      fresh: true,
      pause: createPause(ctx, { report }),
      written: () => void written++,
    })
    const wanted = { stored, scope: scope(), blocked: [] }
    const { remaining, verified } = await verify(engine, directory, wanted, undefined, ctx)
    if (remaining) throw inexact(remaining)
    return { steps, verified }
  } finally {
    directory.close()
  }
}

/** The file system there cannot hold it (a time beyond its range, say), or the snapshot contradicts itself. */
function inexact(remaining: RestoreSteps) {
  const { paths } = differing(remaining)
  return fail(
    'CONFLICT',
    `The copy did not come out as the snapshot says, so it was removed again: ${paths.slice(0, 3).join(', ')}. Nothing was changed.`,
    'Restore to another file system, or leave out what differs with "paths".',
    { details: { differing: paths } },
  )
}

/** One copy that cannot be made is no reason to hide those that were. */
function halfDone(cause: unknown, copies: string[]) {
  const problem = cause instanceof SnapshotError ? cause.problem : undefined
  return fail(
    problem?.code ?? 'INTERNAL',
    `Only ${copies.length} of the copies could be made: ${problem?.message ?? 'the server failed.'}`,
    'The copies that were made are complete and verified. Call again for the others with another "to".',
    { outcome: 'partial', details: { copies }, cause },
  )
}
