import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Snapshot } from '../../snapshots/model.ts'
import type { Context, UpdateRequest } from '../../snapshots/provider.ts'
import type { Env } from './env.ts'
import { findSnapshot } from './find.ts'
import { imageId, isOfVolume } from './ids.ts'
import { renamed } from './names.ts'
import { addRegions } from './regions.ts'
import type { VendorSnapshot } from './schemas.ts'
import { addTags, dropTags, tagged } from './tagging.ts'
import { PROTECTED, tagChange } from './tags.ts'

/** Everything that can be refused is refused first. Copies to regions, which go on by themselves, come last. */
export async function update(
  env: Env,
  native: string,
  change: UpdateRequest,
  ctx: Context,
): Promise<Snapshot> {
  const { vendor } = await findSnapshot(env, native, ctx)
  checkPossible(vendor, change)
  const resource = tagged(vendor)
  const { add, drop } = change.labels ? tagChange(vendor.tags ?? [], change.labels) : { add: [], drop: [] }

  const { name, add_regions: regions } = change
  const sent = name === undefined ? undefined : renamed(vendor.name, name)
  let copying: string[] = []
  let updated: Snapshot | undefined
  await inOrder([
    change.protected && (() => addTags(env, resource, [PROTECTED], ctx)),
    sent !== undefined && (() => env.api.renameImage(imageId(vendor), sent, ctx)),
    add.length > 0 && (() => addTags(env, resource, add, ctx)),
    drop.length > 0 && (() => dropTags(env, resource, drop, ctx)),
    regions !== undefined &&
      (async () => {
        copying = await addRegions(env, imageId(vendor), regions, ctx)
      }),
    async () => {
      updated = (await findSnapshot(env, native, ctx)).snapshot
    },
  ])
  return underWay(updated as Snapshot, copying)
}

/** `native.copying_to`: regions that it is still on its way to. `regions` has them when they are there. */
const underWay = (snapshot: Snapshot, copying_to: readonly string[]): Snapshot =>
  copying_to.length === 0 ? snapshot : { ...snapshot, native: { ...snapshot.native, copying_to } }

/** A failure after the first step leaves those before it done. */
async function inOrder(steps: readonly (false | undefined | (() => Promise<unknown>))[]): Promise<void> {
  let done = 0
  for (const step of steps) {
    if (!step) continue
    try {
      await step()
      done++
    } catch (error) {
      if (done === 0 || !(error instanceof SnapshotError) || error.problem.outcome !== 'not_started')
        throw error
      const message = `${error.message} Other parts of the update were made before that.`
      const hint = 'snapshot_get shows how it stands; call again with what is missing.'
      throw new SnapshotError({ ...error.problem, message, hint, outcome: 'partial' }, error)
    }
  }
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
