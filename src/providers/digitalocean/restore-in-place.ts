import { z } from 'zod'
import { fail, SnapshotError, toProblem } from '../../snapshots/errors.ts'
import { plain } from '../../snapshots/plain.ts'
import type { Context, RestorePlan, RestoreResult } from '../../snapshots/provider.ts'
import { absent } from '../absent.ts'
import { type End, endOf, errored, knownActions, startAction, startedAction } from './actions.ts'
import { captureDroplet } from './capture-droplet.ts'
import { type Env, PROVIDER } from './env.ts'
import { imageId } from './ids.ts'
import { marked } from './names.ts'
import type { InPlaceOptions } from './restore-options.ts'
import type { Action } from './schemas.ts'

/** What is noted before a disk is overwritten, and again when the action is known. */
export const InPlace = z.object({
  droplet: z.number(),
  image: z.number(),
  type: z.enum(['restore', 'rebuild']),
  safety: z.string().optional(),
  /** Actions of its type that there were before. */
  known: z.array(z.number()),
  action: z.number().optional(),
})
export type InPlace = z.infer<typeof InPlace>

const NEW = 'Use mode:"new" to get a copy beside it.'

/** The caller has compared the fingerprint just now. */
export async function restoreInPlace(
  env: Env,
  { request, snapshot, target }: RestorePlan,
  { rebuild = false }: InPlaceOptions,
  ctx: Context,
): Promise<RestoreResult> {
  const facts: Omit<InPlace, 'known'> = {
    droplet: Number(target.id),
    image: imageId({ id: request.snapshot }),
    type: rebuild ? 'rebuild' : 'restore',
  }
  const name = `before the restore of ${plain(snapshot.name, 100)}`
  const safety = env.safetySnapshots ? await saveFirst(env, facts.droplet, name, ctx) : undefined
  if (safety !== undefined) await ctx.record?.({ safety_snapshot: safety })
  return overwrite(env, { ...facts, ...(safety !== undefined && { safety }) }, ctx)
}

/** Sees a restore of an earlier process through. */
export async function resumeInPlace(env: Env, facts: InPlace, ctx: Context): Promise<RestoreResult> {
  const { droplet, type, known } = facts
  const id = facts.action ?? (await startedAction(env, { droplet, type, known }, ctx).catch(absent))?.id
  if (id === undefined)
    throw fail(
      'CONFLICT',
      `The process ended before the ${type} was asked for. The Droplet was not touched.`,
      'Call snapshot_restore again.',
      { retryable: true },
    )
  return finish(env, facts, { id }, ctx)
}

async function overwrite(env: Env, facts: Omit<InPlace, 'known'>, ctx: Context): Promise<RestoreResult> {
  const { droplet, type, image } = facts
  const known = await knownActions(env, droplet, type, ctx)
  await ctx.note?.({ ...facts, known })
  await ctx.stillHeld?.()
  const action = await startAction(env, droplet, { type, image }, known, ctx).catch((error: unknown) => {
    throw refused(error, type)
  })
  await ctx.note?.({ ...facts, known, action: action.id }).catch((error: unknown) => {
    ctx.log.warn('the id of an action was not noted', { error })
  })
  return finish(env, { ...facts, known }, action, ctx)
}

async function finish(
  env: Env,
  { droplet, type, safety }: InPlace,
  action: Pick<Action, 'id'> & Partial<Action>,
  ctx: Context,
): Promise<RestoreResult> {
  const end: End = await endOf(env, droplet, action, 'DigitalOcean writes the disk', ctx)
  const back = safety === undefined ? '' : ` What was there before is in ${PROVIDER}:${safety}.`
  if (end === 'errored')
    throw errored(
      `The ${type} of the Droplet (its disk may be written in part)`,
      'partial',
      `Look at the Droplet in the control panel of DigitalOcean, then call snapshot_restore again.${back}`,
    )
  if (end === 'gone')
    throw fail('CONFLICT', 'The Droplet was destroyed while its disk was written.', `${NEW}${back}`, {
      outcome: 'partial',
    })
  const warnings =
    safety === undefined ? ['No safety snapshot was taken: the operator does not want any.'] : []
  return { ...(safety !== undefined && { safety_snapshot: safety }), warnings }
}

/** Any failure means that the restore does not begin. */
async function saveFirst(env: Env, id: number, name: string, ctx: Context): Promise<string> {
  const { note: _, ...unnoted } = ctx
  try {
    const droplet = await env.api.droplet(id, ctx)
    const sent = marked(name, ctx.operation, true)
    // Nothing that would have to be put right if this process ended: so nothing to note.
    return await captureDroplet(env, { droplet, name: sent, powerOff: false }, unnoted)
  } catch (error) {
    const { code, message, status, request_id } = toProblem(error)
    const cancelled = code === 'CANCELLED'
    throw fail(
      cancelled ? 'CANCELLED' : 'SAFETY_SNAPSHOT_FAILED',
      `${cancelled ? 'The call was cancelled while the safety snapshot was taken.' : `The safety snapshot failed: ${message}`} The Droplet was not touched.`,
      'Call again. If the safety snapshot was begun, snapshot_list with include_auto:true shows it later.',
      {
        cause: error,
        retryable: !cancelled,
        ...(status !== undefined && { status }),
        ...(request_id !== undefined && { request_id }),
      },
    )
  }
}

/** What DigitalOcean says when it restores no such image is nowhere described; it is a 422. */
function refused(error: unknown, type: InPlace['type']): unknown {
  if (!(error instanceof SnapshotError)) return error
  const { status, code, outcome } = error.problem
  if (status !== 422 || code === 'BUSY' || outcome !== 'not_started' || type === 'rebuild') return error
  return new SnapshotError(
    {
      ...error.problem,
      code: 'CONFLICT',
      hint: 'Call again with digitalocean:{"rebuild":true}, which writes the disk in another way and keeps the address, or use mode:"new".',
    },
    error,
  )
}
