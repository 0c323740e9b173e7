import type { Interrupted } from '../../snapshots/interrupted.ts'
import type { Context, RestorePlan, RestoreRequest, RestoreResult } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { neverBegun, stalePlan } from '../refusals.ts'
import { DIGITALOCEAN, type Env } from './env.ts'
import { findSnapshot } from './find.ts'
import { imageId, isOfVolume } from './ids.ts'
import { planInPlace } from './plan-in-place.ts'
import { NewDropletFacts, planNewDroplet, restoreToNewDroplet, resumeNewDroplet } from './restore-droplet.ts'
import { InPlace, restoreInPlace, resumeInPlace } from './restore-in-place.ts'
import { optionsOf } from './restore-options.ts'
import { NewVolumeFacts, planNewVolume, restoreToNewVolume, resumeNewVolume } from './restore-volume.ts'

/** A plan, and how to carry it out. */
interface Way {
  plan: RestorePlan
  run(ctx: Context): Promise<RestoreResult>
}

export async function planRestore(env: Env, request: RestoreRequest, ctx: CallContext): Promise<RestorePlan> {
  return (await wayOf(env, request, ctx)).plan
}

/** PLAN_STALE where what the plan was made from has changed since. */
export async function restore(env: Env, plan: RestorePlan, ctx: Context): Promise<RestoreResult> {
  const way = await wayOf(env, plan.request, ctx)
  if (way.plan.fingerprint === plan.fingerprint) return way.run(ctx)
  throw stalePlan(DIGITALOCEAN)
}

async function wayOf(env: Env, request: RestoreRequest, ctx: CallContext): Promise<Way> {
  const found = await findSnapshot(env, request.snapshot, ctx)
  const options = optionsOf(request, found.vendor)
  if (request.mode === 'in_place') {
    const { plan, live } = await planInPlace(env, request, found, options, ctx)
    return { plan, run: (ctx) => restoreInPlace(env, plan, live, options, ctx) }
  }
  if (isOfVolume(found.vendor)) {
    const plan = await planNewVolume(env, request, found, options, ctx)
    return { plan, run: (ctx) => restoreToNewVolume(env, plan.effects.volume, request.snapshot, ctx) }
  }
  const plan = await planNewDroplet(env, request, found, options, ctx)
  const image = imageId(found.vendor)
  return { plan, run: (ctx) => restoreToNewDroplet(env, plan.effects.droplet, image, options, ctx) }
}

/** Sees a restore of an earlier process through. */
export async function resumeRestore(
  env: Env,
  { facts }: Interrupted<RestoreRequest>,
  ctx: Context,
): Promise<RestoreResult> {
  const inPlace = InPlace.safeParse(facts).data
  if (inPlace) return resumeInPlace(env, inPlace, ctx)
  const volume = NewVolumeFacts.safeParse(facts).data
  if (volume) return resumeNewVolume(env, volume, ctx)
  const droplet = NewDropletFacts.safeParse(facts).data
  if (droplet) return resumeNewDroplet(env, droplet, ctx)
  throw neverBegun('snapshot_restore', DIGITALOCEAN)
}
