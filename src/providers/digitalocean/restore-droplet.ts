import { z } from 'zod'
import { digest } from '../../guard/digest.ts'
import { quotedName } from '../../snapshots/plain.ts'
import type { Context, RestorePlan, RestoreRequest, RestoreResult } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { lookFor, sendOnce } from '../once.ts'
import { deletedMeanwhile, neverBegun } from '../refusals.ts'
import { waitFor } from '../wait.ts'
import { errored } from './actions.ts'
import { ASSUMED } from './assumptions.ts'
import { DIGITALOCEAN, type Env } from './env.ts'
import type { Found } from './find.ts'
import { dollars } from './limits.ts'
import { hostName } from './names.ts'
import { isOff, isOn } from './power.ts'
import type { NewDropletOptions } from './restore-options.ts'
import { checkRoom } from './room.ts'
import type { Action, Droplet } from './schemas.ts'
import { placeFor } from './sizes.ts'
import { dropletSource } from './sources.ts'
import { operationTag } from './tags.ts'

/** What is noted before a new Droplet is asked for, and its id afterwards. */
export const NewDropletFacts = z.object({ tag: z.string(), new_droplet: z.number().optional() })
export type NewDropletFacts = z.infer<typeof NewDropletFacts>

interface Specification {
  name: string
  region: string
  size: string
}

export interface NewDropletPlan extends RestorePlan {
  effects: { mode: 'new'; droplet: Specification } & Record<string, unknown>
}

export async function planNewDroplet(
  env: Env,
  request: RestoreRequest,
  { vendor, snapshot }: Found,
  options: NewDropletOptions,
  ctx: CallContext,
): Promise<NewDropletPlan> {
  const name = hostName(request.to, snapshot.name)
  const { region, size } = await placeFor(env, vendor, options, ctx)
  await checkRoom(env, 'droplet', ctx)
  const droplet = { name, region, size: size.slug }
  const { ssh_keys = [] } = options
  return {
    request,
    snapshot,
    // Names of Droplets are not unique, and its id comes when it does.
    target: { kind: 'droplet', id: `new ${name}`, name },
    summary: `Make a new Droplet ${quotedName(name)} (${size.slug} in ${region}, ${size.price_monthly.toFixed(2)} USD a month until it is destroyed) from ${quotedName(snapshot.name)} of ${snapshot.created_at}.`,
    effects: {
      mode: 'new',
      droplet,
      disk_gb: size.disk,
      cost_per_month: dollars(size.price_monthly),
      ...(ssh_keys.length > 0 && { ssh_keys }),
    },
    reversible: true,
    warnings: [`The new Droplet costs ${size.price_monthly.toFixed(2)} USD a month until it is destroyed.`],
    fingerprint: digest([String(vendor.id), vendor.created_at, droplet, ssh_keys]),
  }
}

export async function restoreToNewDroplet(
  env: Env,
  { name, region, size }: Specification,
  image: number,
  { ssh_keys }: NewDropletOptions,
  ctx: Context,
): Promise<RestoreResult> {
  const { api } = env
  const tag = operationTag(ctx.operation)
  await ctx.note?.({ tag })
  const body = { name, region, size, image, ...(ssh_keys && { ssh_keys }), tags: [tag] }
  const send = () => api.newDroplet(body, ctx)
  const droplet = await sendOnce({ send, find: carrying(env, tag) }, env, ctx)
  await ctx.note?.({ tag, new_droplet: droplet.id }).catch((error: unknown) => {
    ctx.log.warn('the id of a new Droplet was not noted', { error })
  })
  return running(env, droplet.id, ctx, droplet)
}

/** Sees one of an earlier process through. */
export async function resumeNewDroplet(
  env: Env,
  facts: NewDropletFacts,
  ctx: Context,
): Promise<RestoreResult> {
  const id = facts.new_droplet ?? (await lookFor(carrying(env, facts.tag), env, ctx))?.id
  if (id !== undefined) return running(env, id, ctx)
  throw neverBegun('snapshot_restore', DIGITALOCEAN)
}

const carrying =
  ({ api }: Env, tag_name: string) =>
  async (ctx: CallContext): Promise<Droplet | undefined> =>
    (await api.droplets(ctx, { tag_name })).find(({ tags }) => tags?.includes(tag_name))

/** Waits until it is made. `begun` is how it was just shown. */
async function running(env: Env, id: number, ctx: Context, begun?: Droplet): Promise<RestoreResult> {
  const { api } = env
  const { droplet, creation } = await waitFor<{ droplet: Droplet; creation: Action | undefined }>(
    {
      what: `The making of the Droplet ${id}`,
      async read(call) {
        const droplet = await api.droplet(id, call)
        const actions = isOn(droplet) ? [] : await api.actions(id, call)
        return { droplet, creation: actions.find(({ type }) => type === 'create') }
      },
      // Its status follows later, and somebody may have switched it off by then.
      settled: ({ droplet, creation }) =>
        isOn(droplet) || isOff(droplet) || ['completed', 'errored'].includes(creation?.status ?? ''),
      describe: ({ droplet }) => `DigitalOcean makes the Droplet ${droplet.id}`,
      ...(begun && { initial: { droplet: begun, creation: undefined } }),
      gone(cause) {
        throw deletedMeanwhile(`The Droplet ${id}`, 'snapshot_restore', DIGITALOCEAN, cause)
      },
      firstMs: 5000,
      timeoutMs: ASSUMED.actionMs,
    },
    env,
    ctx,
  )
  if (creation?.status !== 'errored') return { targets: [dropletSource(droplet)], warnings: [costs(droplet)] }
  throw errored(
    `The creation of the Droplet ${id}`,
    'partial',
    'What is left of it may cost money: destroy it in the control panel of DigitalOcean, then call again.',
  )
}

function costs({ id, size }: Droplet): string {
  const price = size?.price_monthly
  const how = typeof price === 'number' ? `${price.toFixed(2)} USD a month` : 'money'
  return `The new Droplet ${id} costs ${how} until it is destroyed, also while it is off.`
}
