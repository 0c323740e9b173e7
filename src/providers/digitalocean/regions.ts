import { fail, SnapshotError } from '../../snapshots/errors.ts'
import { plain } from '../../snapshots/plain.ts'
import type { Context } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { sendOnce } from '../once.ts'
import { waitFor } from '../wait.ts'
import { ASSUMED } from './assumptions.ts'
import type { Env } from './env.ts'
import type { Action } from './schemas.ts'

/** Copies an image to more regions, all at the same time, and waits until it is there. Where it is already, nothing is done. */
export async function addRegions(
  env: Env,
  image: number,
  wanted: readonly string[],
  ctx: Context,
): Promise<void> {
  const has = await regionsOf(env, image, ctx)
  const regions = [...new Set(wanted)].filter((region) => !has.includes(region))
  const begun: { region: string; action: Action | undefined }[] = []
  for (const region of regions) begun.push({ region, action: await begin(env, image, region, ctx) })
  for (const { region, action } of begun) await arrived(env, image, region, action, ctx)
}

/** Undefined: it has arrived there meanwhile, without our doing. */
async function begin(env: Env, image: number, region: string, ctx: Context): Promise<Action | undefined> {
  const { api } = env
  const known = (await api.imageActions(image, ctx)).map(({ id }) => id)
  const send = () => api.transferImage(image, region, ctx)
  const find = async (call: CallContext) =>
    (await api.imageActions(image, call)).find(
      ({ id, type, region_slug }) => type === 'transfer' && region_slug === region && !known.includes(id),
    )
  try {
    return await sendOnce({ send, find }, env, ctx)
  } catch (error) {
    const refused = error instanceof SnapshotError && error.problem.status === 422
    if (refused && (await regionsOf(env, image, ctx)).includes(region)) return undefined
    throw error
  }
}

/** The action is over first, and the region is listed then. */
async function arrived(
  env: Env,
  image: number,
  region: string,
  action: Action | undefined,
  ctx: Context,
): Promise<void> {
  const what = `The copy to ${plain(region)}`
  const describe = () => `DigitalOcean copies the snapshot to ${region}`
  if (action) {
    const { status } = await waitFor(
      {
        what,
        // By the id of the image: under that of the action nothing is found.
        read: (call) => env.api.imageAction(image, action.id, call),
        settled: ({ status }) => status === 'completed' || status === 'errored',
        initial: action,
        describe,
        firstMs: 5000,
        timeoutMs: ASSUMED.actionMs,
      },
      env,
      ctx,
    )
    if (status === 'errored') throw lost(region)
  }
  const settled = (regions: string[]) => regions.includes(region)
  const read = (call: CallContext) => regionsOf(env, image, call)
  await waitFor({ what, read, settled, describe, firstMs: 2000, timeoutMs: ASSUMED.lagMs }, env, ctx)
}

const regionsOf = async ({ api }: Env, image: number, ctx: CallContext): Promise<string[]> =>
  (await api.snapshot(String(image), ctx)).regions ?? []

const lost = (region: string) =>
  fail(
    'PROVIDER_UNAVAILABLE',
    `The copy to ${plain(region)} failed at DigitalOcean, which gives no reason. Other regions may have been added.`,
    'snapshot_get shows the regions; call snapshot_update again for those that are missing.',
    { outcome: 'partial', retryable: true },
  )
