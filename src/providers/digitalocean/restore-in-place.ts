import { z } from 'zod'
import { fail, SnapshotError } from '../../snapshots/errors.ts'
import { plain } from '../../snapshots/plain.ts'
import type { Context, RestorePlan, RestoreResult } from '../../snapshots/provider.ts'
import { absent } from '../absent.ts'
import { Asked, asking, type End, endOf, errored, isNear, startAction, startedSince } from './actions.ts'
import { DropletCapture, findCopy } from './capture-droplet.ts'
import type { Env } from './env.ts'
import { imageId } from './ids.ts'
import { marked } from './names.ts'
import { type Notebook, notebook } from './notebook.ts'
import { isOn, type Words } from './power.ts'
import type { InPlaceOptions } from './restore-options.ts'
import { savedIn, saveFirst, untouched } from './save-first.ts'
import type { Action, Droplet } from './schemas.ts'
import { thenSwitchedOn } from './switch-on.ts'
import { whileOff } from './while-off.ts'

/** What is noted while a disk is saved and overwritten. `name` is that of the safety snapshot, where there is one. */
export const InPlace = DropletCapture.extend({
  image: z.number(),
  type: z.enum(['restore', 'rebuild']),
  /** Id of the safety snapshot. */
  safety: z.string().optional(),
  /** From here on the disk may have been overwritten. */
  write: Asked.optional(),
})
export type InPlace = z.infer<typeof InPlace>

/** The Droplet and its actions as the plan was made from them. */
export interface Live {
  droplet: Droplet
  actions: readonly Action[]
}

const NEW = 'Use mode:"new" to get a copy beside it.'

const WORDS: Words = {
  notBegun: 'Its disk was not overwritten.',
  done: 'The disk was overwritten.',
}

/**
 * The caller has compared the fingerprint just now. What is to be saved must not change while it is saved: so the
 * machine is down until its disk has been overwritten.
 */
export async function restoreInPlace(
  env: Env,
  { request, snapshot }: RestorePlan,
  live: Live,
  { rebuild = false }: InPlaceOptions,
  ctx: Context,
): Promise<RestoreResult> {
  const { droplet } = live
  const facts: InPlace = {
    droplet: droplet.id,
    name: marked(`before the restore of ${plain(snapshot.name, 100)}`, ctx.operation, true),
    image: imageId({ id: request.snapshot }),
    type: rebuild ? 'rebuild' : 'restore',
  }
  const book = notebook(facts, ctx)
  if (!env.safetySnapshots) return overwrite(env, book, live.actions, ctx)
  const saveAndOverwrite = async () => {
    const safety = await saveFirst(env, book, ctx)
    const actions = await untouched(env, live, book.facts, safety, ctx)
    await ctx.record?.({ safety_snapshot: safety })
    await book.note({ safety })
    return overwrite(env, book, actions, ctx)
  }
  return isOn(droplet) ? whileOff(env, droplet.id, book, WORDS, ctx, saveAndOverwrite) : saveAndOverwrite()
}

/** Sees a restore of an earlier process through, as far as that had come: a disk that was left alone stays as it is. */
export async function resumeInPlace(env: Env, facts: InPlace, ctx: Context): Promise<RestoreResult> {
  const book = notebook(facts, ctx)
  return thenSwitchedOn(env, facts.droplet, book, WORDS, ctx, () => findWritten(env, book, ctx))
}

async function findWritten(env: Env, book: Notebook<InPlace>, ctx: Context): Promise<RestoreResult> {
  const { droplet, type, write, capture } = book.facts
  const never = `The process ended before the ${type} was asked for. The disk of the Droplet was not overwritten.`
  if (write === undefined) {
    const safety = capture && (await findCopy(env, book, ctx).catch(unlessOpen))
    throw savedIn(safety, fail('CONFLICT', never, AGAIN, { retryable: true }))
  }
  if (write.action !== undefined) return finish(env, book.facts, { id: write.action }, ctx)
  const action = await startedSince(env, droplet, type, write, ctx).catch(absent)
  if (action === undefined)
    throw savedIn(book.facts.safety, fail('CONFLICT', never, AGAIN, { retryable: true }))
  if (!isNear(action, write.at)) throw savedIn(book.facts.safety, notOurs(type))
  await book.note({ write: { ...write, action: action.id } })
  return finish(env, book.facts, action, ctx)
}

/** `seen` are the actions that there are. */
async function overwrite(
  env: Env,
  book: Notebook<InPlace>,
  seen: readonly Action[],
  ctx: Context,
): Promise<RestoreResult> {
  const { droplet, type, image, safety } = book.facts
  const write = asking(seen, [type], env)
  await book.note({ write })
  await ctx.stillHeld?.()
  const action = await startAction(env, droplet, { type, image }, write, ctx).catch((error: unknown) => {
    throw savedIn(safety, refused(error, type))
  })
  await book.add({ write: { ...write, action: action.id } })
  return finish(env, book.facts, action, ctx)
}

async function finish(
  env: Env,
  { droplet, type, safety }: InPlace,
  action: Pick<Action, 'id'> & Partial<Action>,
  ctx: Context,
): Promise<RestoreResult> {
  const end: End = await endOf(env, droplet, action, 'DigitalOcean writes the disk', ctx)
  if (end === 'errored')
    throw savedIn(
      safety,
      errored(
        `The ${type} of the Droplet (its disk may be written in part)`,
        'partial',
        'Look at the Droplet in the control panel of DigitalOcean, then call snapshot_restore again.',
      ),
    )
  if (end === 'gone')
    throw savedIn(
      safety,
      fail('CONFLICT', 'The Droplet was destroyed while its disk was written.', NEW, { outcome: 'partial' }),
    )
  const warnings =
    safety === undefined ? ['No safety snapshot was taken: the operator does not want any.'] : []
  return { ...(safety !== undefined && { safety_snapshot: safety }), warnings }
}

const AGAIN = 'Call snapshot_restore again.'

/** Nothing came of the safety snapshot: undefined. */
function unlessOpen(error: unknown): undefined {
  if (error instanceof SnapshotError && error.problem.outcome === 'not_started') return undefined
  throw error
}

const notOurs = (type: InPlace['type']) =>
  fail(
    'CONFLICT',
    `There was a ${type} of the Droplet at another time than this operation could have asked for it: it seems to be somebody else's.`,
    'Look at the Droplet in the control panel of DigitalOcean before you call snapshot_restore again.',
    { outcome: 'partial' },
  )

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
