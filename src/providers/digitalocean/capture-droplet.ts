import { z } from 'zod'
import { fail } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import { absent } from '../absent.ts'
import type { CallContext } from '../http/exchange.ts'
import { lookFor } from '../once.ts'
import { waitFor } from '../wait.ts'
import { Asked, asking, type End, endOf, errored, startAction, startedSince } from './actions.ts'
import { ASSUMED } from './assumptions.ts'
import type { Env } from './env.ts'
import { type Notebook, notebook } from './notebook.ts'
import { isOn, Stop, type Words } from './power.ts'
import type { Droplet } from './schemas.ts'
import { thenSwitchedOn } from './switch-on.ts'
import { whileOff } from './while-off.ts'

/** What is noted while a Droplet is captured, enough to find out later what came of it. */
export const DropletCapture = z.object({
  droplet: z.number(),
  /** As it was sent: only one snapshot has it. */
  name: z.string(),
  /** The machine was on, and may be off because of us. */
  stop: Stop.optional(),
  /** From here on the snapshot may have been asked for. */
  capture: Asked.optional(),
})
export type DropletCapture = z.infer<typeof DropletCapture>

const AGAIN = 'Call snapshot_create again.'

const WORDS: Words = { notBegun: 'No snapshot was made.', done: 'The snapshot was made.' }

/** Resolves with the id of the snapshot when it can be seen. */
export async function captureDroplet(
  env: Env,
  { droplet, name, powerOff }: { droplet: Droplet; name: string; powerOff: boolean },
  ctx: Context,
): Promise<string> {
  const book = notebook<DropletCapture>({ droplet: droplet.id, name }, ctx)
  const copy = () => copyDisk(env, book, ctx)
  return powerOff && isOn(droplet) ? whileOff(env, droplet.id, book, WORDS, ctx, copy) : copy()
}

/** The same for a capture that another process has begun. */
export async function resumeCapture(env: Env, facts: DropletCapture, ctx: Context): Promise<string> {
  const book = notebook(facts, ctx)
  const find = () => findCopy(env, book, ctx)
  return facts.stop ? thenSwitchedOn(env, facts.droplet, book, WORDS, ctx, find) : find()
}

/** Asks for the snapshot, and watches until it can be seen. */
export async function copyDisk(env: Env, book: Notebook<DropletCapture>, ctx: Context): Promise<string> {
  const { droplet, name } = book.facts
  const capture = asking(await env.api.actions(droplet, ctx), ['snapshot'], env)
  await book.note({ capture })
  const action = await startAction(env, droplet, { type: 'snapshot', name }, capture, ctx)
  // The first note is enough to find it.
  await book.add({ capture: { ...capture, action: action.id } })
  const end = await endOf(env, droplet, action, 'DigitalOcean copies the disk', ctx)
  return made(env, book.facts, end, ctx)
}

/** Finds the snapshot that an earlier process may have asked for. */
export async function findCopy(env: Env, book: Notebook<DropletCapture>, ctx: Context): Promise<string> {
  const { droplet, capture } = book.facts
  if (capture === undefined) throw nothingMade('The process ended before the snapshot was asked for.')
  const ready = await waitFor(
    {
      what: 'The capture',
      read: snapshotNamed(env, book.facts),
      settled: () => true,
      describe: () => 'looking for the snapshot',
      firstMs: 2000,
      timeoutMs: ASSUMED.lagMs,
    },
    env,
    ctx,
  )
  if (ready !== undefined) return ready
  const action =
    capture.action ?? (await startedSince(env, droplet, 'snapshot', capture, ctx).catch(absent))?.id
  if (action === undefined) throw nothingMade('The snapshot was never begun.')
  await book.note({ capture: { ...capture, action } })
  const end = await endOf(env, droplet, { id: action }, 'DigitalOcean copies the disk', ctx)
  if (end === 'errored') throw failed()
  const found = await lookFor(snapshotNamed(env, book.facts), env, ctx)
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

const failed = () => errored('The snapshot', 'not_started', AGAIN)

const nothingMade = (why: string) =>
  fail('CONFLICT', `${why} No snapshot was made.`, AGAIN, { retryable: true })
