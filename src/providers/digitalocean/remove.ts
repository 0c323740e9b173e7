import { digest } from '../../guard/digest.ts'
import { fail, toProblem } from '../../snapshots/errors.ts'
import { someNames } from '../../snapshots/plain.ts'
import type { Context, DeletePlan, DeleteResult } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { ASSUMED } from './assumptions.ts'
import type { Env } from './env.ts'
import { type Found, findSnapshot } from './find.ts'
import { absent, snapshotId } from './ids.ts'
import { dollars } from './limits.ts'
import { isProtected } from './tags.ts'
import { until } from './waiting.ts'

const GIGABYTE = ASSUMED.bytesPerGigabyte

export async function planDelete(
  env: Env,
  natives: readonly string[],
  ctx: CallContext,
): Promise<DeletePlan> {
  const found = await Promise.all(natives.map((native) => findSnapshot(env, native, ctx)))
  const kept = found.filter(({ snapshot }) => snapshot.protected)
  if (kept.length > 0) throw protectedOnes(kept)
  const snapshots = found.map(({ snapshot }) => snapshot)
  const bytes = snapshots.reduce((sum, { size_bytes = 0 }) => sum + size_bytes, 0)
  const saved = dollars(snapshots.reduce((sum, { cost_per_month }) => sum + (cost_per_month?.amount ?? 0), 0))
  const orphans = found.filter(({ sourceSeen }) => !sourceSeen).map(({ snapshot }) => snapshot.name)
  const names = snapshots.map(({ name }) => name)
  const count = snapshots.length === 1 ? 'one snapshot' : `${snapshots.length} snapshots`
  return {
    snapshots,
    summary: `Delete ${count} at DigitalOcean for good, in all regions${someNames(names)}. That saves ${saved.amount.toFixed(2)} USD a month.`,
    effects: {
      snapshots: snapshots.map(({ id, name, source, created_at, regions = [] }) => ({
        id,
        name,
        of: `${source.kind}:${source.id}`,
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

/** One after the other. What cannot be deleted does not keep the others. */
export async function deleteSnapshots(
  env: Env,
  { snapshots }: DeletePlan,
  ctx: Context,
): Promise<DeleteResult> {
  if (ctx.signal.aborted) throw fail('CANCELLED', 'Cancelled. Nothing was deleted.', 'Call again.')
  const deleted: string[] = []
  const failed: DeleteResult['failed'] = []
  let freed = 0
  for (const { id } of snapshots) {
    const native = id.slice(id.indexOf(':') + 1)
    try {
      freed += await deleteOne(env, native, ctx)
      deleted.push(native)
    } catch (error) {
      const { code, message } = toProblem(error)
      failed.push({ snapshot: native, code, message })
    }
  }
  return { deleted, failed, freed_bytes: freed }
}

/** Resolves with the bytes given back, when it is gone. */
async function deleteOne(env: Env, native: string, ctx: Context): Promise<number> {
  const { api } = env
  const { tags, size_gigabytes } = await api.snapshot(snapshotId(native), ctx)
  if (isProtected(tags))
    throw fail('PROTECTED', 'It has become protected. It was not deleted.', 'Leave it out.')
  await api.removeSnapshot(native, ctx)
  await until(
    env,
    {
      read: (call) =>
        api.snapshot(native, call).then(
          () => 'there',
          (error: unknown) => absent(error) ?? 'gone',
        ),
      settled: (state) => state === 'gone',
      describe: () => 'waiting for the snapshot to be gone',
      firstMs: 1000,
      timeoutMs: ASSUMED.lagMs,
    },
    ctx,
  )
  return Math.round((size_gigabytes ?? 0) * GIGABYTE)
}

function protectedOnes(kept: readonly Found[]) {
  const names = kept.map(({ snapshot }) => snapshot.name)
  return fail(
    'PROTECTED',
    `Protected${someNames(names)}. Nothing was deleted.`,
    'Leave out what is protected; only a person can lift that, with snapshot-mcp unprotect.',
  )
}
