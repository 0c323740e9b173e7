import { SnapshotError, toProblem } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import { absent } from '../absent.ts'
import type { CallContext } from '../http/exchange.ts'
import { poll } from '../http/poll.ts'
import { waitFor } from '../wait.ts'
import { asking, oldestFirst } from './actions.ts'
import { ASSUMED } from './assumptions.ts'
import type { Env } from './env.ts'
import { SHUTDOWN_MS } from './limits.ts'
import type { Notebook } from './notebook.ts'
import { withoutNothing } from './nothing.ts'
import { outliving } from './outliving.ts'
import { passes, throughOutages } from './patiently.ts'
import { isOff, isOn, isOurs, isStop, type MayStop, power, STEP, type Stop, type Words } from './power.ts'
import type { Action } from './schemas.ts'

/**
 * Does what there is to do while a machine is off, and then switches it on again, however that ends: through outages,
 * for as long as actions are watched. After the caller has cancelled there is half a minute left for it.
 */
export async function thenSwitchedOn<T>(
  env: Env,
  droplet: number,
  book: Pick<Notebook<MayStop>, 'facts'>,
  words: Words,
  ctx: Context,
  work: () => Promise<T>,
): Promise<T> {
  const done = await work().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  const { stop } = book.facts
  const { signal, release } = outliving(ctx.signal, env.time)
  const reach = { ...ctx, signal }
  let wasDown = false
  try {
    if (stop) wasDown = await throughOutages(() => switchOn(env, droplet, stop, reach), env, reach)
  } catch (error) {
    throw leftOff(error, 'error' in done ? done.error : undefined, words)
  } finally {
    release()
  }
  if ('error' in done) throw wasDown ? afterRestart(done.error) : done.error
  return done.value
}

/**
 * Switches on what went off because of us, when nothing else is under way on it; what somebody else has decided since
 * stays as it is. Says whether it was off for us.
 */
async function switchOn(env: Env, droplet: number, stop: Stop, ctx: Context): Promise<boolean> {
  const actions = oldestFirst(await whenIdle(env, droplet, ctx))
  const last = actions.findLast(isStop)
  if (!last || !actions.some((action) => isOurs(action, stop))) return false
  const since = actions.slice(actions.indexOf(last) + 1)
  if (since.some(({ type, status }) => type === 'power_on' && status === 'completed')) return true
  if (!isOurs(last, stop)) {
    ctx.log.info('the Droplet stays off: somebody else has switched it off since', { droplet })
    return true
  }
  // Nothing else is begun before a machine is off: only what came last may still be on its way.
  const timeoutMs = since.length > 0 ? 0 : SHUTDOWN_MS
  if (!(await goesOff(env, droplet, timeoutMs, ctx))) return since.length > 0
  await power(env, droplet, 'power_on', asking(actions, ['power_on'], env), ctx)
  await waitFor(
    {
      what: 'The start of the Droplet',
      read: (call) => env.api.droplet(droplet, call),
      settled: isOn,
      describe: () => 'waiting for the Droplet to be on again',
      timeoutMs: ASSUMED.bootMs,
      ...STEP,
    },
    env,
    ctx,
  )
  return true
}

/** All actions, as soon as none of them is under way; none where the Droplet is gone. */
function whenIdle(env: Env, droplet: number, ctx: Context): Promise<Action[]> {
  return waitFor<Action[]>(
    {
      what: 'What is done to the Droplet',
      read: (call) => env.api.actions(droplet, call),
      settled: (actions) => actions.every(({ status }) => status !== 'in-progress'),
      describe: () => 'waiting for the end of what is done to the Droplet',
      gone: () => [],
      timeoutMs: ASSUMED.actionMs,
      ...STEP,
    },
    env,
    ctx,
  )
}

/** Whether it is off, or goes off within that time. */
async function goesOff(
  { api, time, random }: Env,
  droplet: number,
  timeoutMs: number,
  ctx: Context,
): Promise<boolean> {
  const read = (call: CallContext) => api.droplet(droplet, call)
  const look = { read, settled: isOff, describe: () => 'looking whether the Droplet is off', ...STEP }
  const { settled, late, error } = await poll({ ...look, timeoutMs, time, random }, ctx)
  if (settled) return true
  // Destroyed meanwhile: there is nothing to switch on.
  if (error?.code === 'NOT_FOUND' && !late) return false
  if (error && !late) throw error
  // What was seen last may be old: nobody need have answered since.
  const seen = await read(ctx).catch(absent)
  return seen !== undefined && !isOn(seen)
}

/** A failure after which everything is as before, but for a machine that was off for a while. */
function afterRestart(error: unknown): unknown {
  if (!(error instanceof SnapshotError) || error.problem.outcome === 'unknown') return error
  const message = `${withoutNothing(error.message)} The Droplet was shut down for it, and restarted.`
  return new SnapshotError({ ...error.problem, message, outcome: 'partial' }, error)
}

/** What passes, or what nobody knows, is left to whoever takes the operation up. */
function leftOff(cause: unknown, before: unknown, { done }: Words): SnapshotError {
  const problem = toProblem(cause)
  const first = before === undefined ? problem : toProblem(before)
  const later = passes(cause) || problem.code === 'CANCELLED' || problem.outcome === 'unknown'
  const also = before === undefined ? done : withoutNothing(first.message)
  const how = later ? 'it is not known whether it is on again' : 'it could not be switched on again'
  return new SnapshotError(
    {
      ...first,
      message: `${also} But the Droplet was switched off for it, and ${how}: ${problem.message}`,
      hint: later
        ? 'snapshot_get with the id of the operation switches it on later; so does the control panel of DigitalOcean.'
        : 'Switch it on in the control panel of DigitalOcean.',
      outcome: later ? 'unknown' : 'partial',
      retryable: false,
    },
    cause,
  )
}
