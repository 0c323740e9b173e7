import { z } from 'zod'
import { fail } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { lookFor, sendOnce } from '../once.ts'
import { neverBegun } from '../refusals.ts'
import { DIGITALOCEAN, type Env, PROVIDER } from './env.ts'
import { BETWEEN_MS, SNAPSHOTS_PER_VOLUME } from './limits.ts'
import type { VendorSnapshot } from './schemas.ts'

/** What is noted before the snapshot is asked for. */
export const VolumeCapture = z.object({ volume: z.string(), name: z.string() })
export type VolumeCapture = z.infer<typeof VolumeCapture>

/** Done at once. QUOTA_EXCEEDED where the volume has as many as it may. Resolves with the id. */
export async function captureVolume(
  env: Env,
  facts: VolumeCapture,
  tags: string[],
  ctx: Context,
): Promise<string> {
  const { api } = env
  const { volume, name } = facts
  await api.volume(volume, ctx)
  const present = await api.volumeSnapshots(volume, ctx)
  if (present.length >= SNAPSHOTS_PER_VOLUME) throw full(present.length)
  checkPause(present, env.time.now())
  await ctx.note?.(facts)
  const send = () => api.newVolumeSnapshot(volume, { name, tags }, ctx)
  const { id } = await sendOnce({ send, find: named(env, facts) }, env, ctx)
  return String(id)
}

/** Of a capture that another process has begun. */
export async function resumeVolumeCapture(env: Env, facts: VolumeCapture, ctx: Context): Promise<string> {
  const found = await lookFor(named(env, facts), env, ctx)
  if (found) return String(found.id)
  throw neverBegun('snapshot_create', DIGITALOCEAN)
}

const named =
  ({ api }: Env, { volume, name }: VolumeCapture) =>
  async (ctx: CallContext): Promise<VendorSnapshot | undefined> =>
    (await api.volumeSnapshots(volume, ctx)).find((one) => one.name === name)

/** Where the clocks disagree, and the last one seems to come from the future, DigitalOcean is asked. */
function checkPause(present: readonly VendorSnapshot[], now: number): void {
  const since = now - Math.max(...present.map(({ created_at }) => Date.parse(created_at)))
  if (since < 0 || since >= BETWEEN_MS) return
  const left = BETWEEN_MS - since
  throw fail(
    'RATE_LIMITED',
    `This volume was captured ${Math.round(since / 1000)} seconds ago, and DigitalOcean takes one snapshot of a volume in ten minutes. Nothing was made.`,
    `Call again in ${Math.ceil(left / 1000)} seconds.`,
    { provider: PROVIDER, retryable: true, retry_after_ms: left },
  )
}

const full = (count: number) =>
  fail(
    'QUOTA_EXCEEDED',
    `This volume has ${count} snapshots, and DigitalOcean keeps at most ${SNAPSHOTS_PER_VOLUME} of one volume. Nothing was made.`,
    'Delete one that is not needed any more with snapshot_delete.',
  )
