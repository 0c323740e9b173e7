import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { CallContext } from '../http/exchange.ts'
import { type Env, PROVIDER } from './env.ts'

const KINDS = {
  droplet: { many: 'Droplets', limit: 'droplet_limit', rid: 'Destroy' },
  volume: { many: 'volumes', limit: 'volume_limit', rid: 'Delete' },
} as const

/** QUOTA_EXCEEDED where the account has as many as it may, as far as the key may know. */
export async function checkRoom({ api }: Env, kind: keyof typeof KINDS, ctx: CallContext): Promise<void> {
  const { many, limit: named, rid } = KINDS[kind]
  const reply = await api.account(ctx).catch(unseen)
  const limit = reply?.body.account[named]
  if (typeof limit !== 'number') return
  const { length: count } = await (kind === 'droplet' ? api.droplets(ctx) : api.volumes(ctx))
  if (count < limit) return
  throw fail(
    'QUOTA_EXCEEDED',
    `The account has ${count} ${many}, and its limit is ${limit}. Nothing was made.`,
    `${rid} one in the control panel of DigitalOcean, or ask there for a higher limit.`,
    { provider: PROVIDER },
  )
}

function unseen(error: unknown): undefined {
  if (error instanceof SnapshotError && error.code === 'FORBIDDEN') return undefined
  throw error
}
