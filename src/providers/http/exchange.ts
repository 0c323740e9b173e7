import { SnapshotError } from '../../snapshots/errors.ts'
import type { Context, Log } from '../../snapshots/provider.ts'
import { type Answer, answered, type Result } from './answer.ts'
import { createBreaker, type Health } from './breaker.ts'
import type { Dialect } from './dialect.ts'
import type { Fate, Problems } from './problems.ts'
import { createRateBudget, type Rate } from './rate.ts'
import type { Redact } from './redact.ts'
import { backoffMs, createRetryBudget, healthFrom, MOST_RETRIES, mayHaveActed, mayRepeat } from './retry.ts'
import { createSlots } from './slots.ts'
import type { Time } from './time.ts'
import type { Arrival, Failure, Wire, WireRequest } from './wire.ts'

export type CallContext = Pick<Context, 'signal' | 'log'>

/** How long a call may go on. */
export interface Scope {
  /** Aborted when the call is not wanted any more, and at the deadline. */
  signal: AbortSignal
  deadline: number
  /** Whether it is not wanted any more. */
  cancelled(): boolean
  log: Log
}

/** Makes something of a good answer; that can still fail on the way. */
type Take<Good> = (arrival: Arrival, signal: AbortSignal) => Promise<Good | Failure>

/** Sends a request until it is answered well, or throws. `fate` tells how it came about. */
export type Exchange = <Good extends object>(
  request: WireRequest,
  scope: Scope,
  take: Take<Good>,
) => Promise<{ good: Good; fate: Fate }>

type Tried<Good> = { good: Good } | { bad: Result }

interface Options {
  provider: string
  wire: Wire
  dialect: Dialect
  problems: Problems
  redact: Redact
  time: Time
  random: () => number
  rate: Rate | undefined
  /** Of an answer that is not good. */
  read: Take<Answer>
}

/** How many requests are under way at a time. */
const CONCURRENT = 4

/** All calls with one key share what this keeps: slots, budgets and the breaker. */
export function createExchange(options: Options): Exchange {
  const { provider, wire, dialect, problems, redact, time, random, read } = options
  const slots = createSlots(CONCURRENT)
  const rate = createRateBudget(options.rate)
  const retries = createRetryBudget()
  const breaker = createBreaker()

  /** Waits for its turn. Throws when it does not come in time; else gives back the way out. */
  async function enter(fate: Fate, { signal, deadline }: Scope): Promise<() => void> {
    const leave = await slots.enter(signal)
    try {
      const left = deadline - time.now()
      const wait = rate.take(time.now(), left)
      if (wait >= left) throw problems.heldBack('RATE_LIMITED', wait, fate)
      if (wait > 0) await time.sleep(wait, signal)
      const closed = breaker.wait(time.now())
      if (closed > 0) throw problems.heldBack('PROVIDER_UNAVAILABLE', closed, fate)
      return leave
    } catch (error) {
      leave()
      throw error
    }
  }

  /** Milliseconds until the request may be repeated, or the error that ends the call. */
  function pauseAfter(result: Result, fate: Fate, { cancelled, deadline }: Scope): number {
    const now = time.now()
    const waitMs = answered(result) ? dialect.waitOf(result, now) : undefined
    const pause = Math.max(waitMs ?? 0, backoffMs(fate.tries - 1, random))
    const may = fate.tries <= MOST_RETRIES && mayRepeat(fate.method, result)
    if (may && now + pause < deadline && retries.take()) return pause
    const asked = waitMs === undefined ? fate : { ...fate, waitMs }
    throw answered(result) ? problems.refused(result, asked) : problems.unanswered(result, asked, cancelled())
  }

  return async <Good extends object>(request: WireRequest, scope: Scope, take: Take<Good>) => {
    const { method } = request
    const { signal } = scope
    const fate: Fate = { method, tries: 0, acted: false }

    const judge = async (arrival: Arrival | Failure): Promise<Tried<Good>> => {
      if ('why' in arrival) return { bad: arrival }
      const gone = method === 'DELETE' && arrival.status === 404 && fate.acted
      if (arrival.status >= 300 && !gone) return { bad: await read(arrival, signal) }
      const taken = await take(arrival, signal)
      return 'why' in taken ? { bad: taken } : { good: taken as Good }
    }
    const tryOnce = async (): Promise<Tried<Good>> => {
      const leave = await enter(fate, scope)
      let health: Health = 'unknown'
      try {
        fate.tries++
        const tried = await judge(await wire.send(request, signal))
        health = 'good' in tried ? 'up' : healthFrom(tried.bad)
        return tried
      } finally {
        breaker.tell(health, time.now())
        leave()
      }
    }

    try {
      for (;;) {
        const tried = await tryOnce()
        if ('good' in tried) {
          retries.refund()
          return { good: tried.good, fate }
        }
        const pause = pauseAfter(tried.bad, fate, scope)
        fate.acted ||= mayHaveActed(tried.bad)
        const what = answered(tried.bad) ? tried.bad.status : tried.bad.why
        // Without the query: it may hold what is not for everybody.
        const [place] = request.path.split('?')
        scope.log.debug(
          'a request is repeated',
          redact({ provider, method, path: place, after: what, pause_ms: pause }),
        )
        await time.sleep(pause, signal)
      }
    } catch (error) {
      if (!signal.aborted || error instanceof SnapshotError) throw error
      throw problems.unanswered({ why: 'stopped', sent: false }, fate, scope.cancelled())
    }
  }
}
