import { digest } from '../../guard/digest.ts'
import { fail } from '../../snapshots/errors.ts'
import { quotedName } from '../../snapshots/plain.ts'
import type { RestorePlan, RestoreRequest } from '../../snapshots/provider.ts'
import { absent } from '../absent.ts'
import type { CallContext } from '../http/exchange.ts'
import type { Env } from './env.ts'
import type { Found } from './find.ts'
import { isOfVolume, numberIn } from './ids.ts'
import { costOf, duration, mostMinutes, SHUTDOWN_MS } from './limits.ts'
import { isOn } from './power.ts'
import type { Live } from './restore-in-place.ts'
import type { InPlaceOptions } from './restore-options.ts'
import type { Droplet, VendorSnapshot } from './schemas.ts'
import { dropletSource } from './sources.ts'

const NEW = 'Use mode:"new" to get a copy beside it.'

/** And what it is made from. */
export async function planInPlace(
  env: Env,
  request: RestoreRequest,
  { vendor, snapshot }: Found,
  { rebuild = false }: InPlaceOptions,
  ctx: CallContext,
): Promise<{ plan: RestorePlan; live: Live }> {
  const droplet = await ownDroplet(env, vendor, ctx)
  checkFits(droplet, vendor)
  const actions = await env.api.actions(droplet.id, ctx)
  const { id, name, status, disk, region } = droplet
  const safety = env.safetySnapshots
  const goesDown = safety && isOn(droplet)
  const how = rebuild ? 'Rebuild' : 'Restore'
  const plan: RestorePlan = {
    request,
    snapshot,
    target: dropletSource(droplet),
    summary: `${how} the Droplet ${quotedName(name)} (${id}) from ${quotedName(snapshot.name)} of ${snapshot.created_at}: its whole disk of ${disk} GB is overwritten. ${savedFirst(droplet, safety)}`,
    effects: {
      mode: 'in_place',
      action: how.toLowerCase(),
      droplet: { id, name, status, region: region.slug, disk_gb: disk },
      overwrites: 'the whole disk',
      ...(goesDown && { goes_down: true }),
      ...(safety && { safety_snapshot: { cost_per_month_at_most: costOf(disk) } }),
      minutes_at_most: mostMinutes(disk) * (safety ? 2 : 1) + (goesDown ? SHUTDOWN_MS / 60_000 : 0),
    },
    reversible: false,
    warnings: warningsOf(droplet, snapshot.created_at, safety),
    fingerprint: fingerprintOf({ droplet, actions }, vendor, rebuild),
  }
  return { plan, live: { droplet, actions } }
}

function savedFirst(droplet: Droplet, safety: boolean): string {
  if (!safety) return 'No safety snapshot is taken: the operator does not want any.'
  const { amount } = costOf(droplet.disk)
  const down = isOn(droplet) ? ', for which it is shut down' : ''
  return `A safety snapshot of it is taken first${down}, at up to ${amount.toFixed(2)} USD a month until it is deleted.`
}

function warningsOf(droplet: Droplet, created_at: string, safety: boolean): string[] {
  const { disk } = droplet
  const lost = `Everything that was written to the disk since ${created_at} is lost from it, and what runs on the Droplet ends.`
  const volumes = 'Volumes that are attached to the Droplet are not touched.'
  if (!safety)
    return [
      lost,
      `The Droplet is out of service until it is done. How long depends on what is on the disk; a copy of it takes ${duration(disk)}.`,
      'There will be no way back: what is on the disk now is not saved anywhere before it is overwritten.',
      volumes,
    ]
  const saving = `a copy of it takes ${duration(disk)}, and to overwrite it as long again.`
  return [
    lost,
    isOn(droplet)
      ? `The Droplet is shut down, and stays down while its disk is saved and then overwritten: ${saving}`
      : `How long that takes depends on what is on the disk: ${saving}`,
    ...(isOn(droplet)
      ? [
          `A guest that does not go down within ${SHUTDOWN_MS / 1000} seconds is switched off, as if the power failed.`,
        ]
      : []),
    `The safety snapshot costs at most ${costOf(disk).amount.toFixed(2)} USD a month, which is for a full disk.`,
    volumes,
  ]
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
function fingerprintOf({ droplet, actions }: Live, snapshot: VendorSnapshot, rebuild: boolean): string {
  const { id, status, disk } = droplet
  const done = actions.map((action) => [action.id, action.type, action.status])
  return digest([id, status, disk, done, String(snapshot.id), snapshot.created_at, rebuild])
}
