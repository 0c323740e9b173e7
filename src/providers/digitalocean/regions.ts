import { fail, SnapshotError } from '../../snapshots/errors.ts'
import { plain } from '../../snapshots/plain.ts'
import type { Context } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { poll } from '../http/poll.ts'
import { sendOnce } from '../once.ts'
import type { Env } from './env.ts'
import { withoutNothing } from './nothing.ts'
import type { Action } from './schemas.ts'

/** A copy takes half an hour and more: nobody is kept waiting for it longer than this. */
const PATIENCE_MS = 25_000

/**
 * Copies an image to more regions, all at the same time. Where it is already, or on its way to, nothing is done. Waits
 * for a moment, and resolves with the regions that it is still on its way to: the snapshot lists each in its regions as
 * soon as it is there. `partial` when some are on their way and others were refused or have failed.
 */
export async function addRegions(
  env: Env,
  image: number,
  wanted: readonly string[],
  ctx: Context,
): Promise<string[]> {
  const seen = await transfersOf(env, image, ctx)
  const has = await regionsOf(env, image, ctx)
  const begun = new Map<string, number>()
  for (const region of new Set(wanted)) {
    if (has.includes(region)) continue
    const underWay = seen.find((one) => one.status === 'in-progress' && one.region_slug === region)
    const action =
      underWay ??
      (await begin(env, image, region, seen, ctx).catch((error: unknown) => {
        throw begun.size > 0 ? notAll([...begun.keys()], region, error) : error
      }))
    if (action) begun.set(region, action.id)
  }
  return begun.size === 0 ? [] : stillCopying(env, image, begun, ctx)
}

/** Undefined: it has arrived there meanwhile, without our doing. */
async function begin(
  env: Env,
  image: number,
  region: string,
  seen: readonly Action[],
  ctx: Context,
): Promise<Action | undefined> {
  const known = new Set(seen.map(({ id }) => id))
  const send = () => env.api.transferImage(image, region, ctx)
  const find = async (call: CallContext) =>
    (await transfersOf(env, image, call)).find(
      ({ id, region_slug }) => region_slug === region && !known.has(id),
    )
  try {
    return await sendOnce({ send, find }, env, ctx)
  } catch (error) {
    const refused = error instanceof SnapshotError && error.problem.status === 422
    if (refused && (await regionsOf(env, image, ctx)).includes(region)) return undefined
    throw error
  }
}

interface Look {
  left: string[]
  failed: string[]
}

async function stillCopying(
  env: Env,
  image: number,
  begun: ReadonlyMap<string, number>,
  ctx: Context,
): Promise<string[]> {
  const { time, random } = env
  const { value, error } = await poll<Look>(
    {
      async read(call) {
        const [transfers, has] = [await transfersOf(env, image, call), await regionsOf(env, image, call)]
        const isErrored = (id?: number) => transfers.some((one) => one.id === id && one.status === 'errored')
        const left = [...begun.keys()].filter((region) => !has.includes(region))
        return { left, failed: left.filter((region) => isErrored(begun.get(region))) }
      },
      settled: ({ left, failed }) => left.length === failed.length,
      describe: ({ left }) => `DigitalOcean copies the snapshot to ${left.join(', ')}`,
      ...{ firstMs: 2000, timeoutMs: PATIENCE_MS, time, random },
    },
    ctx,
  )
  if (value && value.failed.length > 0) throw lost(value.failed)
  if (error?.code === 'CANCELLED') throw error
  // Accepted they are, whether that can be seen just now or not.
  return value?.left ?? [...begun.keys()]
}

const transfersOf = async ({ api }: Env, image: number, ctx: CallContext): Promise<Action[]> =>
  (await api.imageActions(image, ctx)).filter(({ type }) => type === 'transfer')

const regionsOf = async ({ api }: Env, image: number, ctx: CallContext): Promise<string[]> =>
  (await api.snapshot(String(image), ctx)).regions ?? []

const NEXT = 'snapshot_get shows the regions; call snapshot_update again for those that are missing.'

const names = (regions: readonly string[]) => regions.map((one) => plain(one)).join(', ')

const lost = (regions: readonly string[]) =>
  fail(
    'PROVIDER_UNAVAILABLE',
    `The copy to ${names(regions)} failed at DigitalOcean, which gives no reason. Other regions may have been added.`,
    NEXT,
    { outcome: 'partial', retryable: true },
  )

/** Some copies are under way, and this one was not begun, or nobody knows. */
function notAll(accepted: readonly string[], region: string, error: unknown): unknown {
  if (!(error instanceof SnapshotError)) return error
  const { outcome, message } = error.problem
  return new SnapshotError(
    {
      ...error.problem,
      message: `The copy to ${names(accepted)} is under way; not so that to ${plain(region)}: ${withoutNothing(message)}`,
      hint: NEXT,
      outcome: outcome === 'not_started' ? 'partial' : outcome,
    },
    error,
  )
}
