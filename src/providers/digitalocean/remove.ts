import { digest } from '../../guard/digest.ts'
import { someNames } from '../../snapshots/plain.ts'
import type { Context, DeletePlan, DeleteResult } from '../../snapshots/provider.ts'
import { type Deletion, deleteAll, deletionSummary } from '../deleting.ts'
import type { CallContext } from '../http/exchange.ts'
import { checkUnprotected, protectedOnes } from '../refusals.ts'
import { sourceKey } from '../sources.ts'
import { ASSUMED } from './assumptions.ts'
import { DIGITALOCEAN, type Env } from './env.ts'
import { findSnapshot } from './find.ts'
import { snapshotId } from './ids.ts'
import { dollars } from './limits.ts'
import { unmarked } from './names.ts'
import type { VendorSnapshot } from './schemas.ts'
import { isProtected } from './tags.ts'

export async function planDelete(
  env: Env,
  natives: readonly string[],
  ctx: CallContext,
): Promise<DeletePlan> {
  const found = await Promise.all([...new Set(natives)].map((native) => findSnapshot(env, native, ctx)))
  const snapshots = found.map(({ snapshot }) => snapshot)
  checkUnprotected(snapshots, DIGITALOCEAN)
  const bytes = snapshots.reduce((sum, { size_bytes = 0 }) => sum + size_bytes, 0)
  const saved = dollars(snapshots.reduce((sum, { cost_per_month }) => sum + (cost_per_month?.amount ?? 0), 0))
  const orphans = found.filter(({ sourceSeen }) => !sourceSeen).map(({ snapshot }) => snapshot.name)
  return {
    snapshots,
    summary: `${deletionSummary(DIGITALOCEAN.title, snapshots, ', in all regions')} That saves ${saved.amount.toFixed(2)} USD a month.`,
    effects: {
      snapshots: snapshots.map(({ id, name, source, created_at, regions = [] }) => ({
        id,
        name,
        of: sourceKey(source),
        created_at,
        regions,
      })),
      bytes,
      saves_per_month: saved,
    },
    reversible: false,
    warnings:
      orphans.length === 0
        ? []
        : [
            `What these are of does not exist any more, or cannot be seen: they may be the last copy${someNames(orphans)}.`,
          ],
    fingerprint: digest(snapshots.map(({ id, created_at }) => [id, created_at])),
  }
}

/** Gone in all regions. */
export function deleteSnapshots(env: Env, { snapshots }: DeletePlan, ctx: Context): Promise<DeleteResult> {
  const { api } = env
  const deletion: Deletion<VendorSnapshot> = {
    title: DIGITALOCEAN.title,
    look: (id, call) => api.snapshot(snapshotId(id), call),
    refusal: ({ name, tags }) =>
      isProtected(tags) ? protectedOnes([unmarked(name)], DIGITALOCEAN) : undefined,
    remove: api.removeSnapshot,
    ...{ firstMs: 1000, timeoutMs: ASSUMED.lagMs },
  }
  return deleteAll(deletion, snapshots, env, ctx)
}
