import { SnapshotError } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { poll } from '../http/poll.ts'
import { waitFor } from '../wait.ts'
import { asking } from './actions.ts'
import type { Env } from './env.ts'
import { SHUTDOWN_MS } from './limits.ts'
import type { Notebook } from './notebook.ts'
import { withoutNothing } from './nothing.ts'
import { undone } from './patiently.ts'
import { isOff, type MayStop, power, STEP, STOPS, type StopType, type Words } from './power.ts'
import { thenSwitchedOn } from './switch-on.ts'

/**
 * Shuts a machine down, does the work while it is off, and switches it on again, however that ends. A guest that does
 * not go down loses its power.
 */
export async function whileOff<T>(
  env: Env,
  droplet: number,
  book: Notebook<MayStop>,
  words: Words,
  ctx: Context,
  work: () => Promise<T>,
): Promise<T> {
  const { known } = asking(await env.api.actions(droplet, ctx), STOPS, env)
  const stop = async (type: StopType) => {
    const own = book.facts.stop?.own ?? []
    const asked = { known, at: env.time.now() }
    await book.note({ stop: { ...asked, own } })
    await ctx.stillHeld?.()
    const action = await power(env, droplet, type, asked, ctx)
    await book.add({ stop: { known, own: action ? [...own, action.id] : own } })
  }
  const refusal = await stop('shutdown').then(() => undefined, unlessCertain)
  return thenSwitchedOn(env, droplet, book, words, ctx, async () => {
    const down = refusal ? Promise.reject(refusal) : untilOff(env, droplet, () => stop('power_off'), ctx)
    await down.catch((error: unknown) => {
      throw error instanceof SnapshotError
        ? undone(error, `${withoutNothing(error.message)} ${words.notBegun}`)
        : error
    })
    return work()
  })
}

/** Waits until it is down, and takes its power when it does not go. */
async function untilOff(
  env: Env,
  droplet: number,
  takePower: () => Promise<void>,
  ctx: Context,
): Promise<void> {
  const waiting = {
    read: (call: CallContext) => env.api.droplet(droplet, call),
    settled: isOff,
    describe: () => 'waiting for the Droplet to go down',
    timeoutMs: SHUTDOWN_MS,
    ...STEP,
  }
  const { time, random } = env
  const { settled, late, error } = await poll({ ...waiting, time, random }, ctx)
  if (settled) return
  if (error && !late) throw error
  // What was seen last may be old: nobody need have answered since.
  if (error && isOff(await waiting.read(ctx))) return
  await takePower()
  await waitFor({ what: 'The power-off', ...waiting }, env, ctx)
}

/** The failure to ask for a shutdown, where the machine may go down all the same; else there is nothing to put back. */
function unlessCertain(error: unknown): SnapshotError {
  if (error instanceof SnapshotError && error.problem.outcome !== 'not_started') return error
  throw error
}
