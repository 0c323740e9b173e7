import { digest } from '../../guard/digest.ts'
import { fail } from '../../snapshots/errors.ts'
import { quotedName } from '../../snapshots/plain.ts'
import type { RestorePlan, RestoreRequest } from '../../snapshots/provider.ts'
import { absent } from '../absent.ts'
import type { CallContext } from '../http/exchange.ts'
import type { Env } from './env.ts'
import type { Found } from './find.ts'
import { isOfVolume, numberIn } from './ids.ts'
import { costOf, duration, mostMinutes } from './limits.ts'
import type { InPlaceOptions } from './restore-options.ts'
import type { Droplet, VendorSnapshot } from './schemas.ts'
import { dropletSource } from './sources.ts'

const NEW = 'Use mode:"new" to get a copy beside it.'

export async function planInPlace(
  env: Env,
  request: RestoreRequest,
  { vendor, snapshot }: Found,
  { rebuild = false }: InPlaceOptions,
  ctx: CallContext,
): Promise<RestorePlan> {
  const droplet = await ownDroplet(env, vendor, ctx)
  checkFits(droplet, vendor)
  const { id, name, status, disk, region } = droplet
  const safety = env.safetySnapshots
  const { amount } = costOf(disk)
  const how = rebuild ? 'Rebuild' : 'Restore'
  const saved = safety
    ? `A safety snapshot of it is taken first, at up to ${amount.toFixed(2)} USD a month until it is deleted.`
    : 'No safety snapshot is taken: the operator does not want any.'
  return {
    request,
    snapshot,
    target: dropletSource(droplet),
    summary: `${how} the Droplet ${quotedName(name)} (${id}) from ${quotedName(snapshot.name)} of ${snapshot.created_at}: its whole disk of ${disk} GB is overwritten. ${saved}`,
    effects: {
      mode: 'in_place',
      action: how.toLowerCase(),
      droplet: { id, name, status, region: region.slug, disk_gb: disk },
      overwrites: 'the whole disk',
      ...(safety && { safety_snapshot: { cost_per_month_at_most: costOf(disk) } }),
      minutes_at_most: mostMinutes(disk) * (safety ? 2 : 1),
    },
    reversible: false,
    warnings: [
      `Everything that was written to the disk since ${snapshot.created_at} is lost from it, and what runs on the Droplet ends.`,
      `The Droplet is out of service until it is done. How long depends on what is on the disk; a copy of it takes ${duration(disk)}.`,
      ...(safety
        ? [
            `The safety snapshot takes as long again. It costs at most ${amount.toFixed(2)} USD a month, which is for a full disk.`,
          ]
        : [
            'There will be no way back: what is on the disk now is not saved anywhere before it is overwritten.',
          ]),
      'Volumes that are attached to the Droplet are not touched.',
    ],
    fingerprint: await fingerprintOf(env, droplet, vendor, rebuild, ctx),
  }
}

async function ownDroplet({ api }: Env, vendor: VendorSnapshot, ctx: CallContext): Promise<Droplet> {
  if (isOfVolume(vendor))
    throw fail(
      'UNSUPPORTED',
      'The snapshot of a volume cannot be put back into the volume. Nothing was changed.',
      'Use mode:"new" to get a new volume.',
    )
  const id = numberIn(String(vendor.resource_id))
  const droplet = id === undefined ? undefined : await api.droplet(id, ctx).catch(absent)
  if (droplet) return droplet
  throw fail(
    'CONFLICT',
    'The Droplet that this snapshot is of does not exist any more, and DigitalOcean restores onto no other one. Nothing was changed.',
    'Use mode:"new" to get a new Droplet.',
  )
}

function checkFits({ disk, region }: Droplet, { min_disk_size, regions }: VendorSnapshot) {
  if (disk < (min_disk_size ?? 0))
    throw fail(
      'CONFLICT',
      `The snapshot needs a disk of ${min_disk_size} GB, and that of the Droplet has ${disk} GB. Nothing was changed.`,
      NEW,
    )
  if (regions && !regions.includes(region.slug))
    throw fail(
      'CONFLICT',
      `The snapshot is not in the region of the Droplet, ${region.slug}. Nothing was changed.`,
      `Call snapshot_update with add_regions:["${region.slug}"] first.`,
    )
}

/** What is written to a disk cannot be seen from outside; what is done to the machine can. */
async function fingerprintOf(
  { api }: Env,
  { id, status, disk }: Droplet,
  snapshot: VendorSnapshot,
  rebuild: boolean,
  ctx: CallContext,
): Promise<string> {
  const actions = await api.actions(id, ctx)
  const done = actions.map((action) => [action.id, action.type, action.status])
  return digest([id, status, disk, done, String(snapshot.id), snapshot.created_at, rebuild])
}
