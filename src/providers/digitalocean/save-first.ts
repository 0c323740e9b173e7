import { SnapshotError } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import { stalePlan } from '../refusals.ts'
import { copyDisk } from './capture-droplet.ts'
import { DIGITALOCEAN, type Env, PROVIDER } from './env.ts'
import type { Notebook } from './notebook.ts'
import { withoutNothing } from './nothing.ts'
import { isOff } from './power.ts'
import type { InPlace, Live } from './restore-in-place.ts'
import type { Action } from './schemas.ts'

/** What is on a disk that is to be overwritten, in a snapshot first. Any failure means that the rest does not begin. */
export async function saveFirst(env: Env, book: Notebook<InPlace>, ctx: Context): Promise<string> {
  try {
    return await copyDisk(env, book, ctx)
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error
    const { problem, code, message } = error
    const open = problem.outcome === 'unknown'
    const why =
      code === 'CANCELLED'
        ? 'The call was cancelled while the safety snapshot was taken.'
        : `The safety snapshot failed: ${withoutNothing(message)}`
    throw new SnapshotError(
      {
        ...problem,
        code: code === 'CANCELLED' ? code : 'SAFETY_SNAPSHOT_FAILED',
        message: `${why} The disk of the Droplet was not overwritten.`,
        hint: open
          ? 'snapshot_get with the id of the operation finds out what came of the safety snapshot.'
          : 'Call snapshot_restore again.',
        // One that may be there all the same would be taken twice.
        retryable: !open && code !== 'CANCELLED',
      },
      error,
    )
  }
}

/**
 * PLAN_STALE where somebody has worked on the Droplet while it was saved: that is not overwritten. Resolves with the
 * actions that there are.
 */
export async function untouched(
  { api }: Env,
  live: Live,
  { stop, capture }: InPlace,
  safety: string,
  ctx: Context,
): Promise<Action[]> {
  const { id, status } = live.droplet
  const [now, actions] = await Promise.all([api.droplet(id, ctx), api.actions(id, ctx)])
  const known = new Set([...live.actions.map((one) => one.id), ...(stop?.own ?? []), capture?.action])
  const isQuiet = actions.every((one) => known.has(one.id))
  if (isQuiet && (stop ? isOff(now) : now.status === status)) return actions
  throw savedIn(safety, stalePlan(DIGITALOCEAN))
}

/** The same failure, where a safety snapshot was taken before it: that is there now, and costs something. */
export function savedIn(safety: string | undefined, error: unknown): unknown {
  if (safety === undefined || !(error instanceof SnapshotError)) return error
  const { message, outcome } = error.problem
  return new SnapshotError(
    {
      ...error.problem,
      message: `${withoutNothing(message)} The disk as it was before is in ${PROVIDER}:${safety}.`,
      outcome: outcome === 'not_started' ? 'partial' : outcome,
    },
    error,
  )
}
