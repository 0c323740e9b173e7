import { fail } from '../../snapshots/errors.ts'
import type { Snapshot } from '../../snapshots/model.ts'
import type { Context, UpdateRequest } from '../../snapshots/provider.ts'
import type { Env } from './env.ts'
import { findSnapshot } from './find.ts'
import { imageId, isOfVolume } from './ids.ts'
import { renamed } from './names.ts'
import { risingProgress } from './progress.ts'
import { addRegions } from './regions.ts'
import type { VendorSnapshot } from './schemas.ts'
import { addTags, dropTags, tagged } from './tagging.ts'
import { PROTECTED, tagChange } from './tags.ts'

/** Everything that can be refused is refused first. Copies to regions, which take long, come last. */
export async function update(
  env: Env,
  native: string,
  change: UpdateRequest,
  outer: Context,
): Promise<Snapshot> {
  const ctx = risingProgress(outer, env.time)
  const { vendor } = await findSnapshot(env, native, ctx)
  checkPossible(vendor, change)
  const resource = tagged(vendor)
  const { add, drop } = change.labels ? tagChange(vendor.tags ?? [], change.labels) : { add: [], drop: [] }

  if (change.protected) await addTags(env, resource, [PROTECTED], ctx)
  if (change.name !== undefined)
    await env.api.renameImage(imageId(vendor), renamed(vendor.name, change.name), ctx)
  await addTags(env, resource, add, ctx)
  await dropTags(env, resource, drop, ctx)
  if (change.add_regions) await addRegions(env, imageId(vendor), change.add_regions, ctx)
  return (await findSnapshot(env, native, ctx)).snapshot
}

export async function unprotect(env: Env, native: string, ctx: Context): Promise<Snapshot> {
  const { vendor } = await findSnapshot(env, native, ctx)
  await dropTags(env, tagged(vendor), [PROTECTED], ctx)
  return (await findSnapshot(env, native, ctx)).snapshot
}

function checkPossible(vendor: VendorSnapshot, { name, add_regions }: UpdateRequest) {
  if (!isOfVolume(vendor)) return
  if (name !== undefined)
    throw fail(
      'UNSUPPORTED',
      'DigitalOcean does not rename snapshots of volumes. Nothing was changed.',
      'Tell it by its labels instead: snapshot_update with "labels".',
    )
  if (add_regions)
    throw fail(
      'UNSUPPORTED',
      'The snapshot of a volume stays in the region of its volume. Nothing was changed.',
      'Make a volume of it there with snapshot_restore mode:"new", and copy what is on it over the network.',
    )
}
