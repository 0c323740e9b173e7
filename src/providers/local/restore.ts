import { randomBytes } from 'node:crypto'
import { mkdirSync, renameSync } from 'node:fs'
import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Context, RestorePlan, RestoreRequest, RestoreResult } from '../../snapshots/provider.ts'
import { adoptTimes } from './adopt-times.ts'
import { applyPlan, type LeftAlone, removeWhole } from './apply.ts'
import { capture, inspect, withDirectory } from './capture.ts'
import { type Directory, openChild, openDirectory } from './directory.ts'
import { type Engine, isoTime, SAFETY_WINDOW_MS } from './engine.ts'
import { compileExclude } from './exclude.ts'
import { type ByteString, showText, toFsPath } from './names.ts'
import { createPause, throwIfCancelled } from './pause.ts'
import {
  isEmptyPlan,
  type PlanOptions,
  planRestore as planSteps,
  type RestorePlanTree,
} from './restore-plan.ts'
import { toSource } from './roots.ts'
import { type Scan, scan, stateDigest } from './scan.ts'
import { createScope, requireSeen, type Scope } from './scope.ts'
import { rootOf, toSnapshot } from './snapshot-view.ts'
import type { Stored } from './store/manifests.ts'
import { errno } from './system-error.ts'
import { EMPTY_VIEW, liveView, storedLinks, storedView } from './view.ts'

/** What a restore would do. Reads the source, changes nothing. */
export async function planRestore(
  engine: Engine,
  request: RestoreRequest,
  ctx: Context,
): Promise<RestorePlan> {
  const stored = usable(engine, request.snapshot)
  const root = rootOf(stored.manifest)
  const shared = { request, snapshot: toSnapshot(stored, engine.clock()) }
  if (request.mode === 'new') {
    const targets = copyTargets(engine, request)
    const plan = await planAgainst(engine, stored, undefined, createScope(request.paths, root), ctx)
    return {
      ...shared,
      target: toSource(`${targets[0]?.parent}/${targets[0]?.name}`),
      summary: `Write ${count(plan.totals.written, 'entry', 'entries')} (${plan.totals.bytes} bytes) of "${shared.snapshot.name}" to ${targets.map((target) => target.path).join(', ')}.`,
      effects: { mode: 'new', copies: targets.map((target) => target.path), ...plan.totals },
      reversible: true,
      warnings: warningsOf(plan),
      fingerprint: 'new',
    }
  }
  const path = engine.roots.check(root)
  const found = await inspectIfPresent(engine, path, stored, ctx)
  const plan = await planAgainst(engine, stored, found, createScope(request.paths, root), ctx)
  const { written, deleted, metadata } = plan.totals
  return {
    ...shared,
    target: toSource(path),
    summary: isEmptyPlan(plan)
      ? `Nothing to do: ${showText(path)} already equals "${shared.snapshot.name}".`
      : `Make ${showText(path)} equal to "${shared.snapshot.name}" of ${stored.manifest.created_at}: write ${written}, delete ${deleted}, set metadata of ${metadata}. A safety snapshot is taken first.`,
    effects: {
      mode: 'in_place',
      directory: showText(path),
      ...plan.totals,
      samples: {
        written: plan.samples.written.map(showText),
        deleted: plan.samples.deleted.map(showText),
        metadata: plan.samples.metadata.map(showText),
      },
      ...(plan.blocked.length > 0 && { left_alone: plan.blocked.slice(0, 10).map(showText) }),
    },
    reversible: true,
    undo_until: isoTime(engine.clock() + SAFETY_WINDOW_MS),
    warnings: warningsOf(plan),
    fingerprint: found?.digest ?? 'absent',
  }
}

export async function restore(engine: Engine, plan: RestorePlan, ctx: Context): Promise<RestoreResult> {
  const stored = usable(engine, plan.request.snapshot)
  return plan.request.mode === 'new'
    ? restoreNew(engine, stored, plan, ctx)
    : restoreInPlace(engine, stored, plan, ctx)
}

async function restoreInPlace(
  engine: Engine,
  stored: Stored,
  plan: RestorePlan,
  ctx: Context,
): Promise<RestoreResult> {
  const root = rootOf(stored.manifest)
  const path = engine.roots.check(root)
  const created = plan.fingerprint === 'absent' && makeRoot(path)
  return withDirectory(path, async (directory) => {
    const scope = () => createScope(plan.request.paths, root)
    const safety = await takeSafetySnapshot(
      engine,
      directory,
      stored,
      created ? undefined : plan.fingerprint,
      ctx,
    )
    await ctx.record?.({ safety_snapshot: safety.stored.id })
    const steps = await planAgainst(engine, stored, safety.found, scope(), ctx)
    rejectTorn(steps, safety.found)
    throwIfCancelled(ctx)
    const leftAlone = isEmptyPlan(steps) ? [] : await apply(engine, directory, steps, false, ctx)
    const { found, remaining } = await verify(engine, directory, path, stored, safety.found, scope(), ctx)
    if (leftAlone.length > 0 || remaining) throw incomplete(leftAlone, remaining, safety.stored.id)
    return {
      changed: steps.totals,
      verified: verified(found),
      safety_snapshot: safety.stored.id,
      warnings: warningsOf(steps),
    }
  })
}

/** The whole source as it is now, so that whatever the restore replaces or removes can be brought back. */
async function takeSafetySnapshot(
  engine: Engine,
  directory: Directory,
  target: Stored,
  expected: string | undefined,
  ctx: Context,
) {
  const until = isoTime(engine.clock() + SAFETY_WINDOW_MS)
  try {
    return await capture(
      engine,
      directory,
      {
        root: rootOf(target.manifest),
        exclude: target.manifest.exclude,
        auto: true,
        details: {
          name: `before restoring ${target.details.name}`.slice(0, 128),
          labels: {},
          protected: false,
          protected_until: until,
          expires_at: until,
        },
        approve(found) {
          if (expected !== undefined && found.digest !== expected) throw stale()
        },
      },
      ctx,
    )
  } catch (error) {
    if (error instanceof SnapshotError && (error.code === 'PLAN_STALE' || error.code === 'CANCELLED'))
      throw error
    const why =
      error instanceof SnapshotError ? error.problem.message : 'the source could not be read completely.'
    throw fail(
      'SAFETY_SNAPSHOT_FAILED',
      `The present state could not be saved first, so the restore did not start: ${why}`,
      error instanceof SnapshotError
        ? error.problem.hint
        : 'The server log has the details. Restore with mode "new" needs no safety snapshot.',
      { cause: error },
    )
  }
}

function stale() {
  return fail(
    'PLAN_STALE',
    'The directory changed after the plan was made. Nothing was changed.',
    'Look at the fresh plan and confirm that one.',
  )
}

async function restoreNew(
  engine: Engine,
  stored: Stored,
  plan: RestorePlan,
  ctx: Context,
): Promise<RestoreResult> {
  const targets = copyTargets(engine, plan.request)
  const changed = { written: 0, deleted: 0, metadata: 0, bytes: 0 }
  let result: { digest: string; files: number; bytes: number } | undefined
  const warnings = new Set<string>()
  const done: string[] = []
  for (const target of targets) {
    const parent = openDirectory(target.parent)
    const staging = `.snapshot-mcp-${randomBytes(8).toString('hex')}.partial`
    try {
      mkdirSync(parent.at(staging), 0o700)
      const directory = openChild(parent, staging)
      try {
        const scope = () => createScope(plan.request.paths, rootOf(stored.manifest))
        const steps = await planAgainst(engine, stored, undefined, scope(), ctx)
        await apply(engine, directory, steps, true, ctx)
        const found = await scan(directory, {
          exclude: () => false,
          pause: createPause(ctx),
          clock: engine.clock,
        })
        if (await differsFrom(engine, stored, found, scope(), ctx))
          throw new Error('the copy differs from the snapshot')
        result = verified(found)
        for (const warning of warningsOf(steps)) warnings.add(warning)
        for (const key of ['written', 'bytes'] as const) changed[key] += steps.totals[key]
      } finally {
        directory.close()
      }
      renameSync(parent.at(staging), parent.at(target.name))
      done.push(target.path)
    } catch (error) {
      removeWhole(parent, staging)
      throw done.length === 0 ? error : halfDone(error, done)
    } finally {
      parent.close()
    }
  }
  return {
    changed,
    verified: result as NonNullable<typeof result>,
    targets: targets.map((target) => toSource(`${target.parent}/${target.name}`)),
    warnings: [...warnings],
  }
}

/** One copy more than can be made is no reason to hide those that were. */
function halfDone(error: unknown, done: string[]) {
  const cause = error instanceof SnapshotError ? error.problem : undefined
  return fail(
    cause?.code ?? 'INTERNAL',
    `Only ${done.length} of the copies were made, then: ${cause?.message ?? 'the server failed.'}`,
    'The copies that were made are complete and verified; call again for the others with another "to".',
    { outcome: 'partial', details: { copies: done }, cause: error },
  )
}

async function apply(
  engine: Engine,
  directory: Directory,
  steps: RestorePlanTree,
  fresh: boolean,
  ctx: Context,
): Promise<LeftAlone[]> {
  let written = 0
  const total = steps.totals.written
  const pause = createPause(fresh ? ctx : uninterrupted(ctx), {
    report: () => ({ done: written, message: `${written} of ${total} written` }),
  })
  return applyPlan(directory, steps.root, {
    ...engine.meta,
    objects: engine.store.objects,
    temporary: `.snapshot-mcp-${randomBytes(6).toString('hex')}-`,
    fresh,
    pause,
    written: () => void written++,
  })
}

/** Once the source is being changed, stopping half way would be worse than going on. */
function uninterrupted(ctx: Context): Context {
  return { ...ctx, signal: new AbortController().signal }
}

/** Reads the source again: what was written is new to the scan, so it is hashed from the disk. */
async function verify(
  engine: Engine,
  directory: Directory,
  path: ByteString,
  stored: Stored,
  before: Scan,
  scope: Scope,
  ctx: Context,
) {
  const found = await scan(directory, {
    exclude: compileExclude(stored.manifest.exclude),
    previous: before.root,
    pause: createPause(uninterrupted(ctx)),
    clock: engine.clock,
  })
  const remaining = await differsFrom(engine, stored, found, scope, ctx)
  await adoptTimes(
    found.root,
    await storedView(engine.store.objects, stored.manifest.tree),
    BigInt(stored.manifest.root_meta.mtime),
  )
  const adopted = { ...found, digest: stateDigest(found.root, found.linksId) }
  engine.cache.set(path, found.root)
  return { found: adopted, remaining }
}

async function differsFrom(
  engine: Engine,
  stored: Stored,
  found: Scan,
  scope: Scope,
  ctx: Context,
): Promise<RestorePlanTree | undefined> {
  const plan = await planAgainst(engine, stored, found, scope, uninterrupted(ctx))
  return isEmptyPlan(plan) ? undefined : plan
}

async function planAgainst(
  engine: Engine,
  stored: Stored,
  found: Scan | undefined,
  scope: Scope,
  ctx: Context,
): Promise<RestorePlanTree> {
  const { objects } = engine.store
  const { tree, links, root_meta: meta } = stored.manifest
  const options: PlanOptions = {
    scope,
    pause: createPause(ctx),
    ...engine.meta,
    readable: (mode) => engine.meta.owners || (mode & 0o400) !== 0,
  }
  const plan = await planSteps(
    found
      ? { view: liveView(found.root), root: found.root, links: found.links }
      : { view: EMPTY_VIEW, links: [] },
    {
      view: await storedView(objects, tree),
      meta: { ...meta, mtime: BigInt(meta.mtime) },
      links: await storedLinks(objects, links),
    },
    options,
  )
  requireSeen(scope)
  const missing = plan.contents.filter(({ content }) => !objects.has(content))
  if (missing.length > 0) throw missingContent(missing.map(({ path }) => path))
  return plan
}

function missingContent(paths: ByteString[]) {
  return fail(
    'CORRUPT',
    `The content of ${count(paths.length, 'file', 'files')} is missing from the store: ${paths.slice(0, 5).map(showText).join(', ')}. Nothing was changed.`,
    'Restore the other paths with "paths", or choose another snapshot: the others are not affected by this.',
    { details: { damaged: paths.slice(0, 100).map(showText) } },
  )
}

/** What the safety snapshot could not read in peace must not be overwritten. */
function rejectTorn(steps: RestorePlanTree, found: Scan): void {
  const endangered = [...found.torn].filter((path) => steps.contents.some((entry) => entry.path === path))
  if (endangered.length === 0) return
  throw fail(
    'SAFETY_SNAPSHOT_FAILED',
    `${endangered.slice(0, 5).map(showText).join(', ')} kept changing while it was saved, so the restore did not start. Nothing was changed.`,
    'Stop the program that writes there and call again.',
  )
}

function incomplete(leftAlone: LeftAlone[], remaining: RestorePlanTree | undefined, safety: string) {
  const paths = leftAlone.map(({ path, reason }) => ({ path: showText(path), reason }))
  const samples = remaining
    ? [...remaining.samples.written, ...remaining.samples.deleted, ...remaining.samples.metadata]
    : []
  const differing = samples.map(showText)
  return fail(
    'CONFLICT',
    `The restore is incomplete: ${paths.length || differing.length} paths were changed by somebody else meanwhile or may not be changed, and were left alone; the rest was restored.`,
    'Call snapshot_diff to see what differs, and snapshot_undo with the operation to go back.',
    {
      outcome: 'partial',
      details: { left_alone: paths.slice(0, 100), differing, safety_snapshot: `local:${safety}` },
    },
  )
}

function usable(engine: Engine, id: string): Stored {
  const stored = engine.store.manifests.get(id)
  if (!stored.trashed) return stored
  throw fail(
    'CONFLICT',
    `Snapshot local:${id} is in the trash. Nothing was changed.`,
    'Call snapshot_undo with the operation that deleted it, then restore.',
  )
}

async function inspectIfPresent(
  engine: Engine,
  path: ByteString,
  stored: Stored,
  ctx: Context,
): Promise<Scan | undefined> {
  try {
    return await withDirectory(path, (directory) =>
      inspect(engine, directory, path, stored.manifest.exclude, ctx),
    )
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The source was removed: it is made again, and what the restore then puts there is all new. */
function makeRoot(path: ByteString): boolean {
  mkdirSync(toFsPath(path), { mode: 0o700 })
  return true
}

function copyTargets(engine: Engine, request: RestoreRequest) {
  if (request.to === undefined) {
    throw fail(
      'INVALID_ARGUMENT',
      'Mode "new" needs "to": the absolute path of a directory that does not exist yet. Nothing was changed.',
      'Call again with to: "/absolute/path".',
    )
  }
  const { to, count: copies } = request
  return Array.from({ length: copies }, (_, n) =>
    engine.roots.resolveNew(copies === 1 ? to : `${to.replace(/\/+$/, '')}-${n + 1}`),
  )
}

function warningsOf(plan: RestorePlanTree): string[] {
  const warnings: string[] = []
  if (plan.blocked.length > 0) {
    warnings.push(
      `${count(plan.blocked.length, 'path holds', 'paths hold')} something that was not captured and stays as it is: ${plan.blocked.slice(0, 5).map(showText).join(', ')}`,
    )
  }
  if (plan.stripped > 0)
    warnings.push(
      `setuid or setgid of ${count(plan.stripped, 'file', 'files')} is not restored (policy special_modes: strip)`,
    )
  return warnings
}

function verified(found: Scan) {
  return { digest: `sha256:${found.digest}`, files: found.receipt.files, bytes: found.size }
}

function count(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`
}
