import { SnapshotError, toProblem } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import { poll } from '../http/poll.ts'
import type { Time } from '../http/time.ts'
import { waitFor } from '../wait.ts'
import { knownActions, startAction } from './actions.ts'
import { ASSUMED } from './assumptions.ts'
import type { Env } from './env.ts'
import { SHUTDOWN_MS } from './limits.ts'
import type { Droplet } from './schemas.ts'

/** Statuses of a Droplet. That its action is over says nothing: the status follows later. */
export const isOn = ({ status }: Pick<Droplet, 'status'>) => status === 'active'
const isOff = ({ status }: Pick<Droplet, 'status'>) => status === 'off'

const STEP = { firstMs: 5000 } as const

/** Asks the machine to go down. */
export const shutDown = (env: Env, droplet: number, ctx: Context) => start(env, droplet, 'shutdown', ctx)

/** Waits until it is down, and takes its power when it does not go. */
export async function untilOff(env: Env, droplet: number, ctx: Context): Promise<void> {
  const waiting = {
    read: (call: Pick<Context, 'signal' | 'log'>) => env.api.droplet(droplet, call),
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
  await start(env, droplet, 'power_off', ctx)
  await waitFor({ what: 'The power-off', ...waiting }, env, ctx)
}

/**
 * Runs what is done while a machine is off, and switches it on again, however that ends. After the caller has cancelled
 * there is half a minute left for it.
 */
export async function thenSwitchedOn<T>(
  env: Env,
  droplet: number,
  ctx: Context,
  work: () => Promise<T>,
): Promise<T> {
  const done = await work().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  const { signal, release } = outliving(ctx.signal, env.time)
  try {
    await switchOn(env, droplet, { ...ctx, signal })
  } catch (error) {
    throw leftOff(error, 'error' in done ? done.error : undefined)
  } finally {
    release()
  }
  if ('error' in done) throw done.error
  return done.value
}

/** Nothing is done where the machine is on. A shutdown that is still under way is waited for. */
async function switchOn(env: Env, droplet: number, ctx: Context): Promise<void> {
  const { api, time, random } = env
  const read = (call: Pick<Context, 'signal' | 'log'>) => api.droplet(droplet, call)
  const down = { read, settled: isOff, describe: () => 'looking whether the Droplet is off', ...STEP }
  const { settled, late, error } = await poll({ ...down, timeoutMs: SHUTDOWN_MS, time, random }, ctx)
  // Destroyed meanwhile: there is nothing to switch on.
  if (error?.code === 'NOT_FOUND' && !late) return
  if (error && !late) throw error
  // What was seen last may be old: nobody need have answered since.
  if (!settled && isOn(await read(ctx))) return
  await start(env, droplet, 'power_on', ctx)
  const describe = () => 'waiting for the Droplet to be on again'
  const what = 'The start of the Droplet'
  await waitFor({ what, read, settled: isOn, describe, timeoutMs: ASSUMED.bootMs, ...STEP }, env, ctx)
}

async function start(
  env: Env,
  droplet: number,
  type: 'shutdown' | 'power_off' | 'power_on',
  ctx: Context,
): Promise<void> {
  const known = await knownActions(env, droplet, type, ctx)
  try {
    await startAction(env, droplet, { type }, known, ctx)
  } catch (error) {
    // It went off, or on, while this waited for its turn: its status will tell.
    if (!(error instanceof SnapshotError) || error.code !== 'CONFLICT') throw error
  }
}

/** Aborted half a minute after the given one. To be released. */
function outliving(signal: AbortSignal, time: Time): { signal: AbortSignal; release(): void } {
  const own = new AbortController()
  let disarm = () => {}
  const abort = () => {
    disarm = time.after(ASSUMED.graceMs, () => own.abort())
  }
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  return {
    signal: own.signal,
    release() {
      disarm()
      signal.removeEventListener('abort', abort)
    },
  }
}

/** What passes, or what nobody knows, is left to whoever takes the operation up. */
const PASSING: ReadonlySet<string> = new Set([
  ...['BUSY', 'CANCELLED', 'NETWORK', 'TIMEOUT'],
  ...['PROVIDER_UNAVAILABLE', 'RATE_LIMITED'],
])

function leftOff(cause: unknown, before: unknown): SnapshotError {
  const problem = toProblem(cause)
  const first = before === undefined ? problem : toProblem(before)
  const also = before === undefined ? 'The snapshot was made.' : first.message
  const later = PASSING.has(problem.code) || problem.outcome === 'unknown'
  return new SnapshotError(
    {
      ...first,
      message: `${also} The Droplet was switched off and could not be switched on again: ${problem.message}`,
      hint: later
        ? 'snapshot_get with the id of the operation switches it on later; so does the control panel of DigitalOcean.'
        : 'Switch it on in the control panel of DigitalOcean.',
      outcome: later ? 'unknown' : 'partial',
      retryable: false,
    },
    cause,
  )
}
