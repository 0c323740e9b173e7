import { fchmodSync, mkdirSync, rmdirSync } from 'node:fs'
import { fail, SnapshotError, toProblem } from '../../snapshots/errors.ts'
import type { Context, RestorePlan, RestoreResult } from '../../snapshots/provider.ts'
import { capture } from './capture.ts'
import { carryOut, uninterrupted } from './carry-out.ts'
import { type Directory, inParentOf, openDirectory } from './directory.ts'
import { type Engine, isoTime, SAFETY_WINDOW_MS } from './engine.ts'
import { ignoreErrors, withinSync } from './entry-ops.ts'
import { goOn, type HalfDone } from './half-done.ts'
import { holdsWhatGoes } from './held.ts'
import type { Journal } from './journal.ts'
import { knownOf, remember } from './known.ts'
import { type ByteString, showText } from './names.ts'
import { createPause, throwIfCancelled } from './pause.ts'
import { ABSENT, stepsTo, usable, warningsOf } from './plan.ts'
import type { Scan } from './scan.ts'
import { createScope, type Scope } from './scope.ts'
import { rootOf } from './snapshot-view.ts'
import type { Stored } from './store/manifest.ts'
import { errno, systemError } from './system-error.ts'
import { removeTemporaries } from './temporaries.ts'
import { verify } from './verify.ts'

/**
 * Makes a source equal to a snapshot. The present state is captured first; only what that capture holds is ever
 * replaced or removed, and only while it is still what was captured.
 */
export async function restoreInPlace(
  engine: Engine,
  plan: RestorePlan,
  ctx: Context,
): Promise<RestoreResult> {
  const stored = usable(engine, plan.request.snapshot)
  const root = rootOf(stored.manifest)
  const path = engine.roots.check(root)
  throwIfCancelled(ctx)
  if (plan.nothing_to_do) {
    const scope = createScope(plan.request.paths, root)
    return openAsPlanned(path, (directory) => confirmEqual(engine, directory, stored, scope, ctx))
  }
  const absent = plan.fingerprint === ABSENT ? engine.roots.missing(path) : undefined
  if (absent?.length === 0) throw stale()
  const { snapshot, paths } = plan.request
  const journal = engine.journals.begin({
    mode: 'in_place',
    operation: ctx.operation,
    snapshot,
    root,
    made: absent?.length ?? 0,
    ...(paths && { paths: [...paths] }),
  })
  let remove = () => {}
  try {
    if (absent) remove = makeAgain(absent, stored.manifest.root_meta.mode)
    return await openAsPlanned(path, (directory) =>
      restoreInto(engine, directory, stored, plan, journal, ctx),
    )
  } catch (error) {
    remove()
    throw error
  } finally {
    journal.end()
  }
}

/** Opens the source; that it is gone or something else by now makes the plan stale. */
async function openAsPlanned<T>(path: ByteString, work: (directory: Directory) => Promise<T>): Promise<T> {
  let directory: Directory
  try {
    directory = openDirectory(path)
  } catch (error) {
    if (isReplaced(error)) throw stale()
    throw systemError(error, 'The source cannot be opened')
  }
  try {
    return await work(directory)
  } finally {
    directory.close()
  }
}

/**
 * The source was removed: it is made again, with the directories above it that went too, and all that the restore puts
 * there is new. Returns how to take that back while it is still empty.
 */
function makeAgain(missing: readonly ByteString[], mode: number): () => void {
  const made: ByteString[] = []
  try {
    for (const directory of missing) {
      inParentOf(directory, (parent, name) => mkdirSync(parent.at(name), 0o700))
      made.push(directory)
    }
    inParentOf(missing.at(-1) as ByteString, (parent, name) =>
      withinSync(parent, name, ({ fd }) => fchmodSync(fd, mode | 0o700)),
    )
  } catch (error) {
    removeEmpty(made)
    throw isReplaced(error) ? stale() : systemError(error, 'The source cannot be made again')
  }
  return () => removeEmpty(made)
}

/** Of directories that a restore has made again, topmost first: those in which nothing is. */
export function removeEmpty(made: readonly ByteString[]): void {
  for (const directory of made.toReversed())
    ignoreErrors(() => inParentOf(directory, (parent, name) => rmdirSync(parent.at(name))))
}

/** What is at a path is not what was there a moment ago. */
function isReplaced(error: unknown): boolean {
  return ['EEXIST', 'ENOENT', 'ENOTDIR', 'ELOOP'].includes(errno(error) ?? '')
}

async function restoreInto(
  engine: Engine,
  directory: Directory,
  stored: Stored,
  plan: RestorePlan,
  journal: Journal,
  ctx: Context,
): Promise<RestoreResult> {
  const root = rootOf(stored.manifest)
  const scope = () => createScope(plan.request.paths, root)
  const expected = plan.fingerprint === ABSENT ? undefined : plan.fingerprint
  let safety = await takeSafetySnapshot(engine, directory, stored, expected, ctx)
  let steps = await stepsTo(engine, stored, safety.found, scope(), ctx)
  if (!(await holdsWhatGoes(engine.store.objects, steps.root, safety.stored.manifest.links, ctx))) {
    // What was damaged is forgotten by now, so this one reads it again from the source.
    safety = await takeSafetySnapshot(engine, directory, stored, expected, ctx)
    steps = await stepsTo(engine, stored, safety.found, scope(), ctx)
    if (!(await holdsWhatGoes(engine.store.objects, steps.root, safety.stored.manifest.links, ctx)))
      throw safetyFailed(undefined)
  }
  rejectTorn(scope(), safety.found)
  journal.staging(safety.stored.id)
  await ctx.record?.({ safety_snapshot: safety.stored.id })
  throwIfCancelled(ctx)
  const { temporary } = journal
  let isChanging = false
  const staged = () => {
    journal.committing()
    isChanging = true
  }
  const job = { stored, scope, steps, safety: safety.stored.id, temporary, staged }
  const after = await carryOut(engine, directory, safety.found, job, ctx).catch(async (error) => {
    if (!isChanging || isEnd(error)) throw error
    const half = { root, scope, before: safety.stored, after: stored, temporary }
    remember(engine, root, safety.found)
    throw await putBack(engine, directory, half, error, ctx)
  })
  return {
    changed: steps.totals,
    verified: after.verified,
    fingerprint: after.found.fingerprint,
    safety_snapshot: safety.stored.id,
    warnings: warningsOf(steps),
  }
}

/** Everything was tried, and what could not be changed is named: that is how it ends. */
function isEnd(error: unknown): boolean {
  return error instanceof SnapshotError && error.code === 'CONFLICT'
}

/** After a failure half way, such as a disk error: brings back what was there before. Returns what to tell. */
async function putBack(
  engine: Engine,
  directory: Directory,
  half: HalfDone,
  error: unknown,
  ctx: Context,
): Promise<unknown> {
  try {
    await removeTemporaries(directory, half.temporary, { deep: true, pause: createPause(uninterrupted(ctx)) })
    const end = await goOn(engine, directory, half, half.before, uninterrupted(ctx))
    if (typeof end === 'string') return error
  } catch (second) {
    engine.log.error('a restore that failed half way could not be taken back', { error: second })
    return error
  }
  if (!(error instanceof SnapshotError)) engine.log.error('a restore failed half way', { error })
  const { code, hint } = toProblem(error)
  return fail(
    code,
    'The restore failed half way, and what it had changed was put back. Nothing was changed.',
    hint,
    { cause: error },
  )
}

/** There was nothing to do when it was planned, and there still is not: no safety snapshot is needed for that. */
async function confirmEqual(
  engine: Engine,
  directory: Directory,
  stored: Stored,
  scope: Scope,
  ctx: Context,
): Promise<RestoreResult> {
  const { exclude } = stored.manifest
  const how = { operation: ctx.operation, pause: createPause(ctx) }
  const previous = await knownOf(engine, rootOf(stored.manifest), exclude, how)
  const wanted = { stored, scope, blocked: [] }
  const { remaining, verified } = await verify(engine, directory, wanted, previous, ctx)
  if (remaining) throw stale()
  return { changed: { written: 0, deleted: 0, metadata: 0, bytes: 0 }, verified, warnings: [] }
}

/** The whole source as it is now, so that whatever the restore replaces or removes can be brought back. */
async function takeSafetySnapshot(
  engine: Engine,
  directory: Directory,
  { manifest, details }: Stored,
  expected: string | undefined,
  ctx: Context,
): Promise<{ stored: Stored; found: Scan }> {
  const until = isoTime(engine.clock() + SAFETY_WINDOW_MS)
  const request = {
    root: rootOf(manifest),
    exclude: manifest.exclude,
    auto: true,
    details: {
      name: `before restoring ${details.name}`.slice(0, 128),
      labels: {},
      protected: false,
      protected_until: until,
      expires_at: until,
    },
    approve(found: Scan) {
      if (expected !== undefined && found.fingerprint !== expected) throw stale()
    },
  }
  try {
    return await capture(engine, directory, request, ctx)
  } catch (error) {
    throw isOwnReason(error) ? error : safetyFailed(error)
  }
}

function isOwnReason(error: unknown): boolean {
  return error instanceof SnapshotError && (error.code === 'PLAN_STALE' || error.code === 'CANCELLED')
}

function safetyFailed(cause: unknown) {
  const problem = cause instanceof SnapshotError ? cause.problem : undefined
  return fail(
    'SAFETY_SNAPSHOT_FAILED',
    `The present state could not be saved first, so the restore did not start: ${problem?.message ?? 'the source could not be read or the store not be written.'}`,
    problem?.hint ?? 'The server log has the details. A restore with mode "new" needs no safety snapshot.',
    { cause },
  )
}

function stale() {
  return fail(
    'PLAN_STALE',
    'The directory changed after the plan was made. Nothing was changed.',
    'Call again without the confirmation to get a fresh plan.',
  )
}

/** What the safety snapshot could not read in peace must not be overwritten or removed. */
function rejectTorn(scope: Scope, found: Scan): void {
  const endangered = [...found.torn].filter((path) => scope.of(path) === 'inside')
  if (endangered.length === 0) return
  throw fail(
    'SAFETY_SNAPSHOT_FAILED',
    `${endangered.slice(0, 5).map(showText).join(', ')} kept changing while it was saved, so the restore did not start. Nothing was changed.`,
    'Stop the program that writes there and call again.',
  )
}
