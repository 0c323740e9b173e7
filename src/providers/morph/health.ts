import { SnapshotError } from '../../snapshots/errors.ts'
import type { Context, Health } from '../../snapshots/provider.ts'
import { unwell } from '../unwell.ts'
import type { Api } from './api.ts'
import type { Morph } from './engine.ts'
import type { Quota } from './wire.ts'

/** What is used of what the account may have. A server that tells no quota may be well all the same. */
export async function health({ api }: Morph, ctx: Context): Promise<Health> {
  try {
    return { healthy: true, ...numbersOf(await api.quota(ctx)) }
  } catch (error) {
    if (error instanceof SnapshotError && error.code === 'NOT_FOUND') return answers(api, ctx)
    return unwell(error)
  }
}

async function answers(api: Api, ctx: Context): Promise<Health> {
  try {
    await api.images(ctx)
    return { healthy: true }
  } catch (error) {
    return unwell(error)
  }
}

/** By the vendor's codes; where two services share one, the later is told with its service. */
function numbersOf({ services }: Quota): Required<Pick<Health, 'usage' | 'quota'>> {
  const usage: Record<string, number> = {}
  const quota: Record<string, number> = {}
  for (const { service_id, quotas } of services)
    for (const { quota_code, limit_value, used_value } of quotas) {
      const name = Object.hasOwn(usage, quota_code) ? `${service_id}.${quota_code}` : quota_code
      usage[name] = used_value
      quota[name] = limit_value
    }
  return { usage, quota }
}
