import { z } from 'zod'
import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import { absent } from '../absent.ts'
import type { CallContext } from '../http/exchange.ts'
import { lookFor } from '../once.ts'
import { waitFor } from '../wait.ts'
import { type End, endOf, errored, knownActions, startAction, startedAction } from './actions.ts'
import { ASSUMED } from './assumptions.ts'
import type { Env } from './env.ts'
import { undone } from './patiently.ts'
import { isOn, shutDown, thenSwitchedOn, untilOff } from './power.ts'
import type { Droplet } from './schemas.ts'

/** What is noted while a Droplet is captured, enough to find out later what came of it. */
export const DropletCapture = z.object({
  droplet: z.number(),
  /** As it was sent: only one snapshot has it. */
  name: z.string(),
  /** The machine was on, and has to be on again. */
  was_on: z.boolean(),
  /** From here on the snapshot may have been asked for: snapshot actions that there were before. */
  known: z.array(z.number()).optional(),
  action: z.number().optional(),
})
export type DropletCapture = z.infer<typeof DropletCapture>

const AGAIN = 'Call snapshot_create again.'

/** Resolves with the id of the snapshot when it can be seen. */
export async function captureDroplet(
  env: Env,
  { droplet, name, powerOff }: { droplet: Droplet; name: string; powerOff: boolean },
  ctx: Context,
): Promise<string> {
  const facts: DropletCapture = { droplet: droplet.id, name, was_on: powerOff && isOn(droplet) }
  if (!facts.was_on) return take(env, facts, ctx)

  await ctx.note?.(facts)
  await ctx.stillHeld?.()
  const refusal = await shutDown(env, droplet.id, ctx).then(() => undefined, unlessCertain)
  return thenSwitchedOn(env, droplet.id, ctx, async () => {
    if (refusal) throw notCaptured(refusal)
    await untilOff(env, droplet.id, ctx).catch((error) => {
      throw notCaptured(error)
    })
    return take(env, facts, ctx)
  })
}

/** The same for a capture that another process has begun. */
export async function resumeCapture(env: Env, facts: DropletCapture, ctx: Context): Promise<string> {
  const look = () => takeUp(env, facts, ctx)
  return facts.was_on ? thenSwitchedOn(env, facts.droplet, ctx, look) : look()
}

async function take(env: Env, facts: DropletCapture, ctx: Context): Promise<string> {
  const { droplet, name } = facts
  const known = await knownActions(env, droplet, 'snapshot', ctx)
  await ctx.note?.({ ...facts, known })
  const action = await startAction(env, droplet, { type: 'snapshot', name }, known, ctx)
  // The first note is enough to find it.
  await ctx.note?.({ ...facts, known, action: action.id }).catch((error: unknown) => {
    ctx.log.warn('the id of an action was not noted', { error })
  })
  const end = await endOf(env, droplet, action, 'DigitalOcean copies the disk', ctx)
  return made(env, facts, end, ctx)
}

async function takeUp(env: Env, facts: DropletCapture, ctx: Context): Promise<string> {
  const { droplet, known } = facts
  if (known === undefined) throw nothingMade('The process ended before the snapshot was asked for.')
  const ready = await waitFor(
    {
      what: 'The capture',
      read: snapshotNamed(env, facts),
      settled: () => true,
      describe: () => 'looking for the snapshot',
      firstMs: 2000,
      timeoutMs: ASSUMED.lagMs,
    },
    env,
    ctx,
  )
  if (ready !== undefined) return ready
  const wanted = { droplet, type: 'snapshot', known } as const
  const id = facts.action ?? (await startedAction(env, wanted, ctx).catch(absent))?.id
  if (id === undefined) throw nothingMade('The snapshot was never begun.')
  await ctx.note?.({ ...facts, action: id })
  const end = await endOf(env, droplet, { id }, 'DigitalOcean copies the disk', ctx)
  if (end === 'errored') throw failed()
  const found = await lookFor(snapshotNamed(env, facts), env, ctx)
  if (found !== undefined) return found
  // The action was somebody else's.
  throw nothingMade('What was done to the Droplet has left no snapshot of this operation.')
}

/** The action does not tell what it has made, and lists show it a little later. */
async function made(env: Env, facts: DropletCapture, end: End, ctx: Context): Promise<string> {
  if (end === 'errored') throw failed()
  const found = await waitFor(
    {
      what: 'The listing of the snapshot',
      read: snapshotNamed(env, facts),
      settled: (id) => id !== undefined,
      describe: () => 'waiting for the snapshot to be listed',
      firstMs: 2000,
      timeoutMs: ASSUMED.lagMs,
    },
    env,
    ctx,
  )
  return found!
}

/** By its name among those of the Droplet, or among all of them when that is gone. */
const snapshotNamed =
  ({ api }: Env, { droplet, name }: DropletCapture) =>
  async (ctx: CallContext): Promise<string | undefined> => {
    const own = await api.dropletSnapshots(droplet, ctx).catch(absent)
    const all =
      own ??
      (await api.snapshots('droplet', ctx)).filter(({ resource_id }) => String(resource_id) === `${droplet}`)
    const found = all.findLast((one) => one.name === name)
    return found && String(found.id)
  }

/** The failure to ask for a shutdown, where the machine may go down all the same; else there is nothing to put back. */
function unlessCertain(error: unknown): SnapshotError {
  if (error instanceof SnapshotError && error.problem.outcome !== 'not_started') return error
  throw error
}

/** Whatever it is that failed: no snapshot had been asked for. */
function notCaptured(error: unknown): unknown {
  return error instanceof SnapshotError ? undone(error, `${error.message} No snapshot was made.`) : error
}

const failed = () => errored('The snapshot', 'not_started', AGAIN)

const nothingMade = (why: string) =>
  fail('CONFLICT', `${why} No snapshot was made.`, AGAIN, { retryable: true })
