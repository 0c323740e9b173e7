import { fail, SnapshotError } from '../../snapshots/errors.ts'
import { plain } from '../../snapshots/plain.ts'
import type { Context } from '../../snapshots/provider.ts'
import { type PollOptions, poll } from '../http/poll.ts'
import { FIRST_LOOK_MS, MADE_MS } from './assumptions.ts'
import type { Clock, Morph } from './engine.ts'
import { isOf } from './metadata.ts'
import type { MorphSnapshot } from './wire.ts'

type Wait<T> = Pick<PollOptions<T>, 'read' | 'settled' | 'describe' | 'initial'> & {
  /** What was begun, at the beginning of a sentence. */
  what: string
  timeoutMs?: number
}

/**
 * Waits for the end of what Morph has begun. Whatever ends the wait before, it goes on: the outcome is `unknown` then.
 * NOT_FOUND when it is not there any more.
 */
export async function waitFor<T>(
  { what, ...wait }: Wait<T>,
  { time, random }: Clock,
  ctx: Context,
): Promise<T> {
  const { settled, value, error } = await poll<T>(
    { timeoutMs: MADE_MS, ...wait, firstMs: FIRST_LOOK_MS, time, random },
    ctx,
  )
  if (settled) return value as T
  if (error?.code === 'NOT_FOUND') throw error
  throw unwatched(what, error)
}

const LATER =
  'snapshot_get with the id of the operation, or snapshot_status, finds out later what came of it.'

function unwatched(what: string, error: SnapshotError | undefined): SnapshotError {
  const open = { outcome: 'unknown', retryable: false } as const
  if (!error) return fail('TIMEOUT', `${what} takes long and goes on without being watched.`, LATER, open)
  if (error.code === 'CANCELLED') return error
  const message = `${error.problem.message} ${what} may go on all the same.`.replace(
    'Nothing was changed. ',
    '',
  )
  return new SnapshotError({ ...error.problem, ...open, message, hint: LATER }, error)
}

const ENDED: ReadonlySet<string> = new Set(['ready', 'failed', 'deleting'])

/** Waits until the snapshot is ready. Fails for good when it has failed or is gone. Without `initial` it looks at once. */
export async function whenReady(
  { api, ...clock }: Morph,
  id: string,
  ctx: Context,
  initial?: MorphSnapshot,
): Promise<MorphSnapshot> {
  const made = await waitFor<MorphSnapshot>(
    {
      what: 'The snapshot',
      read: (call) => api.snapshot(id, call),
      settled: ({ status }) => ENDED.has(status),
      describe: ({ status }) => `Morph makes the snapshot, it is ${plain(status, 30)}`,
      ...(initial && { initial }),
    },
    clock,
    ctx,
  ).catch((error: unknown) => {
    throw error instanceof SnapshotError && error.code === 'NOT_FOUND' ? deleted(id, error) : error
  })
  if (made.status === 'ready') return made
  if (made.status === 'deleting') throw deleted(id)
  throw isOf(made, ctx.operation) ? failed(id) : failedBefore(id)
}

const failedBefore = (id: string) =>
  fail(
    'CONFLICT',
    `The digest stands for morph:${plain(id, 80)}, which has failed. Nothing was made.`,
    'Remove that one with snapshot_delete, or give another digest.',
  )

const failed = (id: string) =>
  fail(
    'PROVIDER_UNAVAILABLE',
    `Morph could not make the snapshot and gives no reason. morph:${plain(id, 80)} is left, in state failed.`,
    'snapshot_delete removes it; then snapshot_create can be called again.',
    { outcome: 'partial', retryable: false },
  )

const deleted = (id: string, cause?: unknown) =>
  fail(
    'CONFLICT',
    `The snapshot morph:${plain(id, 80)} was begun, and then deleted by somebody. Nothing is left of it.`,
    'Call snapshot_create again if it is still wanted.',
    { cause },
  )
