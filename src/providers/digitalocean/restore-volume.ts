import { z } from 'zod'
import { digest } from '../../guard/digest.ts'
import { fail } from '../../snapshots/errors.ts'
import { plain, quotedName } from '../../snapshots/plain.ts'
import type { Context, RestorePlan, RestoreRequest, RestoreResult } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { lookFor, sendOnce } from '../once.ts'
import { neverBegun } from '../refusals.ts'
import { ASSUMED } from './assumptions.ts'
import { DIGITALOCEAN, type Env } from './env.ts'
import type { Found } from './find.ts'
import { dollars } from './limits.ts'
import { volumeName } from './names.ts'
import type { NewVolumeOptions } from './restore-options.ts'
import { checkRoom } from './room.ts'
import type { VendorSnapshot, Volume } from './schemas.ts'
import { volumeSource } from './sources.ts'
import { operationTag } from './tags.ts'

/** What is noted before a new volume is asked for. */
export const NewVolumeFacts = z.object({
  tag: z.string(),
  volume: z.object({ name: z.string(), region: z.string(), size_gb: z.number() }),
})
export type NewVolumeFacts = z.infer<typeof NewVolumeFacts>

type Specification = NewVolumeFacts['volume']

export interface NewVolumePlan extends RestorePlan {
  effects: { mode: 'new'; volume: Specification } & Record<string, unknown>
}

export async function planNewVolume(
  env: Env,
  request: RestoreRequest,
  { vendor, snapshot }: Found,
  options: NewVolumeOptions,
  ctx: CallContext,
): Promise<NewVolumePlan> {
  const name = volumeName(request.to, snapshot.name)
  const region = regionFor(vendor, options.region)
  const least = vendor.min_disk_size ?? 1
  const { size_gb = least } = options
  if (size_gb < least)
    throw fail(
      'INVALID_ARGUMENT',
      `The snapshot needs a volume of ${least} GB. Nothing was made.`,
      `Give size_gb:${least} or more, or leave it out.`,
    )
  if ((await env.api.volumes(ctx, { name, region })).length > 0)
    throw fail(
      'ALREADY_EXISTS',
      `There is a volume ${quotedName(name)} in ${region} already. Nothing was made.`,
      'Give another name as "to".',
    )
  await checkRoom(env, 'volume', ctx)
  const cost = costOfVolume(size_gb)
  const volume = { name, region, size_gb }
  return {
    request,
    snapshot,
    target: { kind: 'volume', id: `new ${name} in ${region}`, name },
    summary: `Make a new volume ${quotedName(name)} of ${size_gb} GB in ${region} (about ${cost.amount.toFixed(2)} USD a month until it is deleted) from ${quotedName(snapshot.name)} of ${snapshot.created_at}.`,
    effects: { mode: 'new', volume, cost_per_month: cost },
    reversible: true,
    warnings: ['The new volume is attached to no Droplet, and costs money until it is deleted.'],
    fingerprint: digest([String(vendor.id), vendor.created_at, volume]),
  }
}

/** Done at once. */
export async function restoreToNewVolume(
  env: Env,
  volume: Specification,
  snapshot_id: string,
  ctx: Context,
): Promise<RestoreResult> {
  const { api } = env
  const facts: NewVolumeFacts = { tag: operationTag(ctx.operation), volume }
  await ctx.note?.(facts)
  const { name, region, size_gb: size_gigabytes } = volume
  const body = { name, region, size_gigabytes, snapshot_id, tags: [facts.tag] }
  const send = () => api.newVolume(body, ctx)
  return resultOf(await sendOnce({ send, find: ours(env, facts) }, env, ctx), volume)
}

/** Of one that an earlier process has asked for. */
export async function resumeNewVolume(env: Env, facts: NewVolumeFacts, ctx: Context): Promise<RestoreResult> {
  const found = await lookFor(ours(env, facts), env, ctx)
  if (found) return resultOf(found, facts.volume)
  throw neverBegun('snapshot_restore', DIGITALOCEAN)
}

/** Its name is unique in a region; the tag says that it is not somebody else's. */
const ours =
  ({ api }: Env, { tag, volume: { name, region } }: NewVolumeFacts) =>
  async (ctx: CallContext): Promise<Volume | undefined> =>
    (await api.volumes(ctx, { name, region })).find(({ tags }) => tags?.includes(tag))

function resultOf(volume: Volume, { size_gb }: Specification): RestoreResult {
  const { size_gigabytes: has } = volume
  const price = `The new volume costs about ${costOfVolume(has).amount.toFixed(2)} USD a month until it is deleted.`
  const smaller = `The new volume has ${has} GB instead of ${size_gb} GB: resize it at DigitalOcean if that is too small.`
  return { targets: [volumeSource(volume)], warnings: has === size_gb ? [price] : [price, smaller] }
}

const costOfVolume = (gigabytes: number) => dollars(gigabytes * ASSUMED.usdPerVolumeGigabyte)

function regionFor({ regions }: VendorSnapshot, wanted: string | undefined): string {
  const [home] = regions ?? []
  if (home !== undefined && (wanted ?? home) === home) return home
  throw fail(
    'UNSUPPORTED',
    `The snapshot of a volume stays in its region, ${plain(home ?? 'which is not told')}. Nothing was made.`,
    'Leave the region out.',
  )
}
