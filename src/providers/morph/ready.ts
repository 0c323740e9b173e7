import { plain } from '../../snapshots/plain.ts'
import type { Context } from '../../snapshots/provider.ts'
import { deletedMeanwhile } from '../refusals.ts'
import { waitFor } from '../wait.ts'
import { FIRST_LOOK_MS, MADE_MS } from './assumptions.ts'
import { failure, MORPH, type Morph } from './engine.ts'
import { isOf } from './metadata.ts'
import type { MorphSnapshot } from './wire.ts'

const ENDED: ReadonlySet<string> = new Set(['ready', 'failed', 'deleting'])

/** Waits until the snapshot is ready. Fails for good when it has failed or is gone. Without `initial` it looks at once. */
export async function whenReady(
  morph: Morph,
  id: string,
  ctx: Context,
  initial?: MorphSnapshot,
): Promise<MorphSnapshot> {
  const made = await waitFor<MorphSnapshot>(
    {
      what: 'The snapshot',
      read: (call) => morph.api.snapshot(id, call),
      settled: ({ status }) => ENDED.has(status),
      describe: ({ status }) => `Morph makes the snapshot, it is ${plain(status, 30)}`,
      gone(cause) {
        throw deleted(id, cause)
      },
      ...(initial && { initial }),
      ...{ firstMs: FIRST_LOOK_MS, timeoutMs: MADE_MS },
    },
    morph,
    ctx,
  )
  if (made.status === 'ready') return made
  if (made.status === 'deleting') throw deleted(id)
  throw isOf(made, ctx.operation) ? failed(id) : failedBefore(id)
}

const failedBefore = (id: string) =>
  failure(
    'CONFLICT',
    `The digest stands for morph:${plain(id, 80)}, which has failed. Nothing was made.`,
    'Remove that one with snapshot_delete, or give another digest.',
  )

const failed = (id: string) =>
  failure(
    'PROVIDER_UNAVAILABLE',
    `Morph could not make the snapshot and gives no reason. morph:${plain(id, 80)} is left, in state failed.`,
    'snapshot_delete removes it; then snapshot_create can be called again.',
    { outcome: 'partial', retryable: false },
  )

const deleted = (id: string, cause?: unknown) =>
  deletedMeanwhile(`The snapshot morph:${plain(id, 80)}`, 'snapshot_create', MORPH, cause)
