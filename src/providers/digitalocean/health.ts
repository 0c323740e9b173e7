import { plain } from '../../snapshots/plain.ts'
import type { Health } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { unwell } from '../unwell.ts'
import type { Env } from './env.ts'
import { allSnapshots } from './find.ts'
import { costOf, dollars } from './limits.ts'

/** Whether the account may be used, what its snapshots cost, and how many calls are left. */
export async function health(env: Env, ctx: CallContext): Promise<Health> {
  try {
    const [{ body, headers }, snapshots] = await Promise.all([env.api.account(ctx), allSnapshots(env, ctx)])
    const { status, status_message, droplet_limit, volume_limit } = body.account
    const gigabytes = snapshots.map(({ size_gigabytes }) => size_gigabytes ?? 0)
    const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0)
    const locked = status === 'locked'
    return {
      healthy: !locked,
      usage: {
        snapshots: snapshots.length,
        gigabytes: Math.round(sum(gigabytes) * 100) / 100,
        cost_per_month: dollars(sum(gigabytes.map((each) => costOf(each).amount))),
      },
      quota: {
        account: status,
        ...(typeof droplet_limit === 'number' && { droplets: droplet_limit }),
        ...(typeof volume_limit === 'number' && { volumes: volume_limit }),
        ...callsLeft(headers),
      },
      ...(locked && {
        error: {
          code: 'FORBIDDEN',
          message: `The account is locked: ${plain(status_message || 'no reason is given')}`,
        },
      }),
    }
  } catch (error) {
    return unwell(error)
  }
}

/** In the present hour. `until` is when the oldest call of it no longer counts. */
function callsLeft(headers: Record<string, string | string[] | undefined>) {
  const [limit, remaining, reset] = ['limit', 'remaining', 'reset'].map((name) =>
    Number(headers[`ratelimit-${name}`] ?? Number.NaN),
  ) as [number, number, number]
  if (![limit, remaining, reset].every(Number.isSafeInteger)) return {}
  return { calls_per_hour: { limit, remaining, until: new Date(reset * 1000).toISOString() } }
}
