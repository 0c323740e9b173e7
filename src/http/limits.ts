import type { IncomingMessage } from 'node:http'
import type { Limits as Numbers } from '../config/listening.ts'
import type { Backend } from '../state/backend.ts'
import { callerKey, type Identity } from './identity.ts'
import type { Metrics } from './metrics.ts'
import { refuse } from './refusal.ts'
import { createSignIns } from './sign-ins.ts'

/** How much one caller, and all together, may ask for. Asked before the body of a request is read. */
export interface Limits {
  /**
   * Asks who comes, unless too many from that address were nobody. Throws a Refusal. `brought` says that there is a
   * credential, where it is not in the header.
   */
  identify<T>(req: IncomingMessage, ask: () => Promise<T>, brought?: boolean): Promise<T>
  /**
   * Lets a request in, and returns how it leaves; leaving twice is leaving once. A `stream` stays open for as long as its
   * client likes and takes no place of the calls. Throws a Refusal (429, or 503 where the server itself is full).
   */
  enter(identity: Identity, kind?: { stream?: boolean }): Promise<() => void>
  /** Those that are in. */
  readonly open: { readonly calls: number; readonly streams: number }
}

/**
 * All callers together may have so many times what one may have, those of one tenant three quarters of it: who sends their
 * bodies slowly holds the places of others for as long.
 */
const ALL = 8
const OF_A_TENANT = 6
const STREAMS = 16
/** When it is worth to come again after something else has to end first, in milliseconds. */
const SOON_MS = 1000

export function createLimits({
  limits,
  backend,
  metrics,
  clock = () => performance.now(),
}: {
  limits: Numbers
  backend: Pick<Backend, 'admit'>
  metrics: Pick<Metrics, 'refused'>
  /** Milliseconds; it only has to rise. */
  clock?: () => number
}): Limits {
  const calls = createPlaces(limits.concurrency)
  const tenants = createPlaces(OF_A_TENANT * limits.concurrency)
  const streams = createPlaces(STREAMS)
  const signIns = createSignIns({ clock, refused: () => metrics.refused('auth') })

  return {
    identify: signIns.identify,
    get open() {
      return { calls: calls.taken(), streams: streams.taken() }
    },
    async enter(identity, { stream = false } = {}) {
      const who = callerKey(identity)
      // No tenant is named so; what the server itself was set up with counts as one.
      const tenant = identity.place.tenant ?? ''
      const places = stream ? streams : calls
      if (!places.hasOwn(who)) {
        metrics.refused('concurrency')
        throw stream ? tooManyStreams() : tooManyCalls(limits.concurrency)
      }
      if (!stream && (calls.taken() >= ALL * limits.concurrency || !tenants.hasOwn(tenant))) {
        metrics.refused('concurrency')
        throw full()
      }
      // Taken before it waits: of many that come at once no more get in than there are places.
      const taken = stream ? [streams.take(who)] : [calls.take(who), tenants.take(tenant)]
      const leave = () => {
        for (const giveBack of taken) giveBack()
      }
      const wait = await backend.admit(who, limits.rate).catch((error: unknown) => {
        leave()
        throw error
      })
      if (wait === 0) return leave
      leave()
      metrics.refused('rate')
      throw tooOften(limits.rate, Math.ceil(wait))
    },
  }
}

/** Who has how many places, of `most` for each. */
function createPlaces(most: number) {
  const taken = new Map<string, number>()
  let all = 0
  const add = (who: string, change: number) => {
    const now = (taken.get(who) ?? 0) + change
    all += change
    if (now === 0) taken.delete(who)
    else taken.set(who, now)
  }
  return {
    taken: () => all,
    hasOwn: (who: string) => (taken.get(who) ?? 0) < most,
    take(who: string) {
      add(who, 1)
      let isIn = true
      return () => {
        if (isIn) add(who, -1)
        isIn = false
      }
    },
  }
}

const tooOften = (rate: number, retry_after_ms: number) =>
  refuse(
    429,
    [
      'RATE_LIMITED',
      `This caller may send ${rate} requests in a minute and has. Nothing was done.`,
      'Wait, then send the request again.',
    ],
    { retry_after_ms },
  )

const tooManyCalls = (most: number) =>
  refuse(
    429,
    [
      'RATE_LIMITED',
      `${most} calls of this caller are running, and no more may. Nothing was done.`,
      'Wait until one of them has ended, then send the request again.',
    ],
    { retry_after_ms: SOON_MS },
  )

const tooManyStreams = () =>
  refuse(
    429,
    [
      'RATE_LIMITED',
      `This caller has ${STREAMS} streams open, and may have no more.`,
      'Close one of them, or use it for all that is to be heard of.',
    ],
    { retry_after_ms: SOON_MS },
  )

const full = () =>
  refuse(
    503,
    [
      'PROVIDER_UNAVAILABLE',
      'This server carries out as many calls as it can, in all or for this tenant. Nothing was done.',
      'Wait, then send the request again.',
    ],
    { retry_after_ms: SOON_MS },
  )
