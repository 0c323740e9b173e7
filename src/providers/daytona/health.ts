import { SnapshotError } from '../../snapshots/errors.ts'
import type { Context, Health } from '../../snapshots/provider.ts'
import { unwell } from '../unwell.ts'
import type { Api } from './api.ts'

/** Whether the key is taken, what it may do, and what the organisation uses, as far as the key may know. */
export async function health(api: Api, organization: string | undefined, ctx: Context): Promise<Health> {
  try {
    const own = await api.anySnapshot(ctx)
    const id = organization ?? own?.organizationId ?? undefined
    const [key, usage] = await Promise.all([
      unlessRefused(api.key(ctx)),
      id === undefined ? undefined : unlessRefused(api.usage(id, ctx)),
    ])
    const { currentSnapshotUsage: used, totalSnapshotQuota: quota, ...rest } = usage ?? {}
    return {
      healthy: true,
      usage: {
        ...(typeof used === 'number' && { snapshots: used }),
        ...(key && { permissions: key.permissions }),
      },
      quota: { ...(typeof quota === 'number' && { snapshots: quota }), ...rest },
    }
  } catch (error) {
    return unwell(error)
  }
}

/** A token of a person is no key, and not every key may see the usage: that is no illness. */
async function unlessRefused<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (error instanceof SnapshotError && error.code !== 'CANCELLED') return undefined
    throw error
  }
}
