import { fail } from '../../snapshots/errors.ts'
import type { ShownPath } from '../../snapshots/model.ts'
import { quotedName, someNames } from '../../snapshots/plain.ts'
import type { Context, RestorePlan, RestoreRequest } from '../../snapshots/provider.ts'
import { inspect, withDirectory } from './capture.ts'
import { foldingOf, refuseCollisions } from './case-folding.ts'
import { damagedContent } from './damaged.ts'
import { type Engine, isoTime, SAFETY_WINDOW_MS } from './engine.ts'
import { type ByteString, show, showText } from './names.ts'
import { createPause } from './pause.ts'
import { toSource } from './roots.ts'
import type { Scan } from './scan.ts'
import { createScope, requireNamed, type Scope } from './scope.ts'
import { find } from './shelf.ts'
import { rootOf, toSnapshot } from './snapshot-view.ts'
import { isEmptySteps, planSteps, type RestoreSteps } from './steps.ts'
import type { Stored } from './store/manifest.ts'
import type { ObjectStore } from './store/objects.ts'
import { isStored } from './stored-content.ts'
import { errno } from './system-error.ts'
import { EMPTY_VIEW, liveView, storedLinks, storedView } from './view.ts'
import { pathsOfUndo } from './way-back.ts'

/** The fingerprint of a source that is not there any more. */
export const ABSENT = 'absent'

/** Characters of a directory in a summary. */
const LONGEST_PLACE = 120

/** What a restore would do. Reads the source, changes nothing. */
export async function planRestore(
  engine: Engine,
  request: RestoreRequest,
  ctx: Context,
): Promise<RestorePlan> {
  const stored = usable(engine, request.snapshot)
  return request.mode === 'new'
    ? planNew(engine, stored, request, ctx)
    : planInPlace(engine, stored, request, ctx)
}

async function planInPlace(
  engine: Engine,
  stored: Stored,
  request: RestoreRequest,
  ctx: Context,
): Promise<RestorePlan> {
  const snapshot = toSnapshot(stored, engine.clock())
  const root = rootOf(stored.manifest)
  const path = engine.roots.check(root)
  const found = await inspectIfPresent(engine, path, stored, ctx)
  const scope = createScope(request.paths, root)
  const target = await storedView(engine.store.objects, stored)
  await requireNamed(scope, found ? [liveView(found.root), target] : [target])
  const steps = await stepsTo(engine, stored, found, scope, ctx)
  if (steps.totals.written > 0) await refuseCollisions(steps.root, target, scope, foldingOf(path))
  const { written, deleted, metadata } = steps.totals
  const directory = showText(path)
  const place = quotedName(directory, LONGEST_PLACE)
  const named = quotedName(snapshot.name)
  const undo_paths = pathsOfUndo(steps, scope, found?.links ?? [])
  return {
    request,
    snapshot,
    target: toSource(path),
    summary:
      isEmptySteps(steps) && steps.blocked.length === 0
        ? `Nothing to do: ${place} already equals ${named}.`
        : `Write ${written}, delete ${deleted} and set metadata of ${metadata}, to make ${place} equal to ${named} of ${snapshot.created_at}. A safety snapshot is taken first.${some('Deletes', deleted, steps.samples.deleted)}${some('Writes', written, steps.samples.written)}`,
    effects: {
      mode: 'in_place',
      directory,
      ...steps.totals,
      samples: {
        written: steps.samples.written.map(sample),
        deleted: steps.samples.deleted.map(sample),
        metadata: steps.samples.metadata.map(sample),
      },
      ...(steps.blocked.length > 0 && { left_alone: steps.blocked.slice(0, 10).map(sample) }),
    },
    reversible: true,
    undo_until: isoTime(engine.clock() + SAFETY_WINDOW_MS),
    ...(undo_paths && { undo_paths }),
    warnings: warningsOf(steps),
    fingerprint: found?.fingerprint ?? ABSENT,
    ...(found && isEmptySteps(steps) && steps.blocked.length === 0 && { nothing_to_do: true }),
  }
}

async function planNew(
  engine: Engine,
  stored: Stored,
  request: RestoreRequest,
  ctx: Context,
): Promise<RestorePlan> {
  const snapshot = toSnapshot(stored, engine.clock())
  const targets = copyTargets(engine, request)
  const copies = targets.map((target) => target.path)
  const scope = createScope(request.paths, rootOf(stored.manifest))
  const view = await storedView(engine.store.objects, stored)
  await requireNamed(scope, [view])
  const steps = await stepsTo(engine, stored, undefined, scope, ctx)
  const [first] = targets
  if (first) await refuseCollisions(steps.root, view, scope, foldingOf(first.parent))
  return {
    request,
    snapshot,
    target: toSource(`${first?.parent}/${first?.name}`),
    summary: `Write ${counted(steps.totals.written, 'entry', 'entries')} (${steps.totals.bytes} bytes) to ${counted(copies.length, 'new place', 'new places')}, of ${quotedName(snapshot.name)}${someNames(copies)}.`,
    effects: { mode: 'new', copies, ...steps.totals },
    reversible: true,
    warnings: warningsOf(steps),
    fingerprint: 'new',
  }
}

/** The steps from what a scan found (or from nothing) to a snapshot. CORRUPT when the store lacks what they need. */
export async function stepsTo(
  engine: Engine,
  stored: Stored,
  found: Scan | undefined,
  scope: Scope,
  ctx: Context,
): Promise<RestoreSteps> {
  const { objects } = engine.store
  const { manifest } = stored
  const meta = { ...manifest.root_meta, mtime: BigInt(manifest.root_meta.mtime) }
  const steps = await planSteps(
    found
      ? { view: liveView(found.root), root: found.root, links: found.links }
      : { view: EMPTY_VIEW, links: [] },
    {
      view: await storedView(objects, stored),
      meta,
      links: await storedLinks(objects, manifest),
    },
    {
      scope,
      pause: createPause(ctx),
      ...engine.meta,
      readable: (mode) => engine.meta.owners.own.uid === 0 || (mode & 0o400) !== 0,
    },
  )
  const missing = await missingContents(objects, steps)
  if (missing.length > 0) throw damagedContent(missing)
  return steps
}

/** Files that the restore would write and the store cannot give. */
async function missingContents(objects: ObjectStore, { contents }: RestoreSteps): Promise<ByteString[]> {
  const missing: ByteString[] = []
  for (const file of contents) if (!(await isStored(objects, file))) missing.push(file.path)
  return missing
}

/** A path as the tools take it: text, or its bytes where it is no UTF-8. */
function sample(path: ByteString): string | ShownPath {
  const shown = show(path)
  return shown.bytes === undefined ? shown.path : shown
}

/** The first names behind a count: who is to agree wants to know of what. */
function some(verb: string, n: number, paths: readonly ByteString[]): string {
  return n === 0 ? '' : ` ${verb}${someNames(paths.map(showText), n)}.`
}

export function warningsOf(steps: RestoreSteps): string[] {
  const warnings: string[] = []
  if (steps.blocked.length > 0) {
    const paths = someNames(steps.blocked.map(showText), steps.blocked.length, 5)
    warnings.push(
      `${counted(steps.blocked.length, 'path holds', 'paths hold')} something that was not captured and stays as it is${paths}`,
    )
  }
  if (steps.parted.length > 0) {
    const paths = someNames(steps.parted.map(showText), steps.parted.length, 5)
    warnings.push(
      `${counted(steps.parted.length, 'path is one file with others', 'paths are one file with others')} that "paths" leaves out, and ${steps.parted.length === 1 ? 'comes back as a file of its own' : 'come back as files of their own'}${paths}`,
    )
  }
  if (steps.disowned > 0) {
    warnings.push(
      `${counted(steps.disowned, 'entry gets', 'entries get')} the user of this server as owner: only root can give ${steps.disowned === 1 ? 'it its' : 'them their'} own back`,
    )
  }
  if (steps.stripped > 0) {
    warnings.push(
      `setuid or setgid of ${counted(steps.stripped, 'file', 'files')} is not restored (policy special_modes: strip)`,
    )
  }
  return warnings
}

export function usable(engine: Engine, id: string): Stored {
  const stored = find(engine, id)
  if (!stored.trashed) return stored
  throw fail(
    'CONFLICT',
    `Snapshot local:${id} is in the trash. Nothing was changed.`,
    stored.details.trashed?.expired
      ? 'It expired: call snapshot_update with ttl:"never" to keep it, then restore.'
      : 'Call snapshot_undo with the operation that deleted it, then restore.',
  )
}

/** The directories that mode `new` will make: `to`, or `to-1` to `to-N` when there are several. */
export function copyTargets(engine: Engine, { to, count }: RestoreRequest) {
  if (to === undefined) {
    throw fail(
      'INVALID_ARGUMENT',
      'Mode "new" needs "to": the absolute path of a directory that does not exist yet. Nothing was changed.',
      'Call again with to: "/absolute/path".',
    )
  }
  const base = to.replace(/\/+$/, '')
  return Array.from({ length: count }, (_, n) =>
    engine.roots.resolveNew(count === 1 ? to : `${base}-${n + 1}`),
  )
}

async function inspectIfPresent(
  engine: Engine,
  path: ByteString,
  { manifest }: Stored,
  ctx: Context,
): Promise<Scan | undefined> {
  try {
    return await withDirectory(path, (directory) => inspect(engine, directory, path, manifest.exclude, ctx))
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined
    throw error
  }
}

export function counted(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`
}
