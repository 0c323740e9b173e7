import type { Context } from '../../snapshots/provider.ts'
import { inspect } from './capture.ts'
import { carryOut } from './carry-out.ts'
import type { Directory } from './directory.ts'
import type { Engine } from './engine.ts'
import { type End, firstForeign } from './midway.ts'
import type { ByteString } from './names.ts'
import { createPause } from './pause.ts'
import { stepsTo } from './plan.ts'
import type { Scope } from './scope.ts'
import type { Stored } from './store/manifest.ts'
import type { Verification } from './verify.ts'
import { storedView } from './view.ts'

/** A restore in place that stopped somewhere between its two ends. */
export interface HalfDone {
  root: ByteString
  scope(): Scope
  /** The safety snapshot, and what was to be restored. */
  before: Stored
  after: Stored
  temporary: ByteString
}

/**
 * Goes on to either end from what is there now. That needs no new safety snapshot: whatever it replaces or removes is as
 * one of the two snapshots has it. Returns the first path of which that is not true: then nothing is touched.
 */
export async function goOn(
  engine: Engine,
  directory: Directory,
  { root, scope, before, after, temporary }: HalfDone,
  end: Stored,
  ctx: Context,
): Promise<Verification | ByteString> {
  const found = await inspect(engine, directory, root, after.manifest.exclude, ctx, { settle: true })
  const options = { ...engine.meta, scope: scope(), pause: createPause(ctx) }
  const foreign =
    [...found.torn].find((path) => scope().of(path) === 'inside') ??
    (await firstForeign(found.root, await endOf(engine, before), await endOf(engine, after), options))
  if (foreign !== undefined) return foreign
  const steps = await stepsTo(engine, end, found, scope(), ctx)
  return carryOut(engine, directory, found, { stored: end, scope, steps, safety: before.id, temporary }, ctx)
}

export async function endOf({ store }: Engine, stored: Stored): Promise<End> {
  const { root_meta } = stored.manifest
  return {
    view: await storedView(store.objects, stored),
    meta: { ...root_meta, mtime: BigInt(root_meta.mtime) },
  }
}
