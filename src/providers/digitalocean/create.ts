import type { z } from 'zod'
import { digest } from '../../guard/digest.ts'
import { fail } from '../../snapshots/errors.ts'
import type { Interrupted } from '../../snapshots/interrupted.ts'
import { quotedName } from '../../snapshots/plain.ts'
import type { Context, CreatePlan, CreateRequest, CreateResult } from '../../snapshots/provider.ts'
import { DigitalOceanCreate } from '../../snapshots/requests.ts'
import { neverBegun } from '../refusals.ts'
import { waitFor } from '../wait.ts'
import { ASSUMED } from './assumptions.ts'
import { captureDroplet, DropletCapture, resumeCapture } from './capture-droplet.ts'
import { captureVolume, resumeVolumeCapture, VolumeCapture } from './capture-volume.ts'
import { DIGITALOCEAN, type Env } from './env.ts'
import { findSnapshot } from './find.ts'
import { numberIn } from './ids.ts'
import { costOf, duration, mostMinutes, SHUTDOWN_MS } from './limits.ts'
import { marked } from './names.ts'
import { isOn } from './power.ts'
import type { Droplet } from './schemas.ts'
import { tagNew } from './tagging.ts'
import { PROTECTED, tagsOf } from './tags.ts'

/** Only a running Droplet that is to be switched off has anything done to it. */
export async function planCreate(
  env: Env,
  request: CreateRequest,
  ctx: Context,
): Promise<CreatePlan | undefined> {
  if (!optionsOf(request).power_off) return undefined
  const { id, name, status, disk, region } = await dropletOf(env, request, ctx)
  if (!isOn({ status })) return undefined
  const cost = costOf(disk)
  const minutes = SHUTDOWN_MS / 60_000 + mostMinutes(disk)
  return {
    summary: `Shut down the Droplet ${quotedName(name)} (${id}), capture its disk and switch it on again. It is down meanwhile: ${duration(disk)}.`,
    effects: {
      droplet: { id, name, region: region.slug, disk_gb: disk },
      goes_down: true,
      minutes_down_at_most: minutes,
      snapshot: { cost_per_month_at_most: cost },
    },
    reversible: false,
    warnings: [
      'What runs on the Droplet ends, and whoever uses it is cut off until it is on again.',
      `A guest that does not go down within ${SHUTDOWN_MS / 1000} seconds is switched off, as if the power failed.`,
      `The snapshot costs at most ${cost.amount.toFixed(2)} USD a month, which is for a full disk, until it is deleted. The Droplet costs the same on or off.`,
    ],
    fingerprint: digest([id, status]),
  }
}

export async function create(env: Env, request: CreateRequest, ctx: Context): Promise<CreateResult> {
  const { power_off: powerOff = false } = optionsOf(request)
  const tags = tagsFor(request)
  const name = marked(request.name, ctx.operation, request.auto)
  if (request.source.kind === 'volume')
    return shown(env, await captureVolume(env, { volume: request.source.id, name }, tags, ctx), [], ctx)
  const droplet = await dropletOf(env, request, ctx)
  const id = await captureDroplet(env, { droplet, name, powerOff }, ctx)
  return labelled(env, id, tags, ctx)
}

/** Sees a create of an earlier process through. */
export async function resumeCreate(
  env: Env,
  { request, facts }: Interrupted<CreateRequest>,
  ctx: Context,
): Promise<CreateResult> {
  const droplet = DropletCapture.safeParse(facts).data
  if (droplet) return labelled(env, await resumeCapture(env, droplet, ctx), tagsFor(request), ctx)
  const volume = VolumeCapture.safeParse(facts).data
  if (volume) return shown(env, await resumeVolumeCapture(env, volume, ctx), [], ctx)
  throw neverBegun('snapshot_create', DIGITALOCEAN)
}

/** Images take their tags only when they are there. */
async function labelled(env: Env, id: string, tags: string[], ctx: Context): Promise<CreateResult> {
  const warnings = await tagNew(env, { resource_id: id, resource_type: 'image' }, tags, ctx)
  return shown(env, id, warnings, ctx)
}

async function shown(env: Env, id: string, warnings: string[], ctx: Context): Promise<CreateResult> {
  const { snapshot } = await waitFor(
    {
      what: 'The reading of the snapshot',
      read: (call) => findSnapshot(env, id, call),
      settled: () => true,
      describe: () => 'reading the snapshot',
      firstMs: 2000,
      timeoutMs: ASSUMED.lagMs,
    },
    env,
    ctx,
  )
  return { snapshot, ...(warnings.length > 0 && { warnings }) }
}

function optionsOf({ options, source }: CreateRequest): z.output<typeof DigitalOceanCreate> {
  const parsed = DigitalOceanCreate.parse(options ?? {})
  if (parsed.power_off && source.kind !== 'droplet')
    throw fail(
      'INVALID_ARGUMENT',
      '"power_off" belongs to Droplets; this is a volume. Nothing was done.',
      'Leave it out. What is to be on the volume has to be written out and at rest before.',
    )
  return parsed
}

function tagsFor(request: CreateRequest): string[] {
  const { tags = [] } = optionsOf(request)
  return [...tagsOf(request.labels, tags), ...(request.protected ? [PROTECTED] : [])]
}

async function dropletOf({ api }: Env, { source }: CreateRequest, ctx: Context): Promise<Droplet> {
  const id = numberIn(source.id)
  if (source.kind === 'droplet' && id !== undefined) return api.droplet(id, ctx)
  throw fail(
    'NOT_FOUND',
    `There is no Droplet ${quotedName(source.id)}. Nothing was made.`,
    'snapshot_sources lists what can be captured.',
  )
}
