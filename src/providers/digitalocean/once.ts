import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import * as once from '../once.ts'
import type { Env } from './env.ts'
import { unsure } from './waiting.ts'

type Find<T> = once.Search<T>['find']
type Clock = Pick<Env, 'time' | 'random'>

/** That nothing was found counts only if somebody looked as lately as this. */
const LATELY_MS = 30_000

/** As `sendOnce` of all providers; but who could not look while the time passed does not say that nothing came of it. */
export async function sendOnce<T>(
  env: Clock,
  { send, find }: Pick<once.Once<T>, 'send' | 'find'>,
  ctx: Context,
): Promise<T> {
  const looks = watched(env, find)
  let doubtful = false
  const sending = async () => {
    try {
      return await send()
    } catch (error) {
      doubtful = error instanceof SnapshotError && error.problem.outcome === 'unknown'
      throw error
    }
  }
  try {
    return await once.sendOnce({ send: sending, find: looks.find, ...clockOf(env) }, ctx)
  } catch (error) {
    throw doubtful && error instanceof SnapshotError && !looks.lately() ? unsure(error) : error
  }
}

/** The same for `lookFor`. */
export async function lookFor<T>(env: Clock, find: Find<T>, ctx: Context): Promise<T | undefined> {
  const looks = watched(env, find)
  const found = await once.lookFor({ find: looks.find, ...clockOf(env) }, ctx)
  if (found !== undefined || looks.lately()) return found
  throw unsure(
    fail('TIMEOUT', 'DigitalOcean could not be asked what came of the request.', 'Look again later.'),
  )
}

const clockOf = ({ time, random }: Clock) => ({ time, random })

function watched<T>({ time }: Clock, find: Find<T>) {
  let last = Number.NEGATIVE_INFINITY
  return {
    async find(ctx: CallContext) {
      const found = await find(ctx)
      last = time.now()
      return found
    },
    lately: () => time.now() - last <= LATELY_MS,
  }
}
