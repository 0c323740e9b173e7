import { z } from 'zod'
import { digest } from '../../guard/digest.ts'
import { fail, SnapshotError, toProblem } from '../../snapshots/errors.ts'
import { quotedName } from '../../snapshots/plain.ts'
import type { Context, RestorePlan, RestoreRequest, RestoreResult } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { type End, endOf, errored, knownActions, startAction, startedAction } from './actions.ts'
import { captureDroplet } from './capture-droplet.ts'
import { type Env, PROVIDER } from './env.ts'
import type { Found } from './find.ts'
import { absent, imageId, isOfVolume, numberIn } from './ids.ts'
import { costOf, duration, mostMinutes } from './limits.ts'
import { marked } from './names.ts'
import type { InPlaceOptions } from './restore-options.ts'
import type { Action, Droplet, VendorSnapshot } from './schemas.ts'
import { dropletSource } from './sources.ts'

/** What is noted before a disk is overwritten, and again when the action is known. */
export const InPlace = z.object({
  droplet: z.number(),
  image: z.number(),
  type: z.enum(['restore', 'rebuild']),
  safety: z.string().optional(),
  /** Actions of its type that there were before. */
  known: z.array(z.number()),
  action: z.number().optional(),
})
export type InPlace = z.infer<typeof InPlace>

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

/** The caller has compared the fingerprint just now. */
export async function restoreInPlace(
  env: Env,
  { request, snapshot, target }: RestorePlan,
  { rebuild = false }: InPlaceOptions,
  ctx: Context,
): Promise<RestoreResult> {
  const facts: Omit<InPlace, 'known'> = {
    droplet: Number(target.id),
    image: imageId({ id: request.snapshot }),
    type: rebuild ? 'rebuild' : 'restore',
  }
  const name = `before the restore of ${snapshot.name}`
  const safety = env.safetySnapshots ? await saveFirst(env, facts.droplet, name, ctx) : undefined
  if (safety !== undefined) await ctx.record?.({ safety_snapshot: safety })
  return overwrite(env, { ...facts, ...(safety !== undefined && { safety }) }, ctx)
}

/** Sees a restore of an earlier process through. */
export async function resumeInPlace(env: Env, facts: InPlace, ctx: Context): Promise<RestoreResult> {
  const { droplet, type, known } = facts
  const id = facts.action ?? (await startedAction(env, { droplet, type, known }, ctx).catch(absent))?.id
  if (id === undefined)
    throw fail(
      'CONFLICT',
      `The server ended before the ${type} was asked for. The Droplet was not touched.`,
      'Call snapshot_restore again.',
      { retryable: true },
    )
  return finish(env, facts, { id }, ctx)
}

async function overwrite(env: Env, facts: Omit<InPlace, 'known'>, ctx: Context): Promise<RestoreResult> {
  const { droplet, type, image } = facts
  const known = await knownActions(env, droplet, type, ctx)
  await ctx.note?.({ ...facts, known })
  await ctx.stillHeld?.()
  const action = await startAction(env, droplet, { type, image }, known, ctx).catch((error: unknown) => {
    throw refused(error, type)
  })
  await ctx.note?.({ ...facts, known, action: action.id }).catch((error: unknown) => {
    ctx.log.warn('the id of an action was not noted', { error })
  })
  return finish(env, { ...facts, known }, action, ctx)
}

async function finish(
  env: Env,
  { droplet, type, safety }: InPlace,
  action: Pick<Action, 'id'> & Partial<Action>,
  ctx: Context,
): Promise<RestoreResult> {
  const end: End = await endOf(env, droplet, action, 'DigitalOcean writes the disk', ctx)
  const back = safety === undefined ? '' : ` What was there before is in ${PROVIDER}:${safety}.`
  if (end === 'errored')
    throw errored(
      `The ${type} of the Droplet (its disk may be written in part)`,
      'partial',
      `Look at the Droplet in the control panel of DigitalOcean, then call snapshot_restore again.${back}`,
    )
  if (end === 'gone')
    throw fail('CONFLICT', 'The Droplet was destroyed while its disk was written.', `${NEW}${back}`, {
      outcome: 'partial',
    })
  const warnings =
    safety === undefined ? ['No safety snapshot was taken: the operator does not want any.'] : []
  return { ...(safety !== undefined && { safety_snapshot: safety }), warnings }
}

/** Any failure means that the restore does not begin. */
async function saveFirst(env: Env, id: number, name: string, ctx: Context): Promise<string> {
  const { note: _, ...unnoted } = ctx
  try {
    const droplet = await env.api.droplet(id, ctx)
    const sent = marked(name, ctx.operation, true)
    // Nothing that would have to be put right if this process ended: so nothing to note.
    return await captureDroplet(env, { droplet, name: sent, powerOff: false }, unnoted)
  } catch (error) {
    const { code, message, status, request_id } = toProblem(error)
    const cancelled = code === 'CANCELLED'
    throw fail(
      cancelled ? 'CANCELLED' : 'SAFETY_SNAPSHOT_FAILED',
      `${cancelled ? 'Cancelled while the safety snapshot was taken.' : `The safety snapshot failed: ${message}`} The Droplet was not touched.`,
      'Call again. If the safety snapshot was begun, snapshot_list with include_auto:true shows it later.',
      {
        cause: error,
        retryable: !cancelled,
        ...(status !== undefined && { status }),
        ...(request_id !== undefined && { request_id }),
      },
    )
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

/** What DigitalOcean says when it restores no such image is nowhere described; it is a 422. */
function refused(error: unknown, type: InPlace['type']): unknown {
  if (!(error instanceof SnapshotError)) return error
  const { status, code, outcome } = error.problem
  if (status !== 422 || code === 'BUSY' || outcome !== 'not_started' || type === 'rebuild') return error
  return new SnapshotError(
    {
      ...error.problem,
      code: 'CONFLICT',
      hint: 'Call again with digitalocean:{"rebuild":true}, which writes the disk in another way and keeps the address, or use mode:"new".',
    },
    error,
  )
}
