import type { Caller } from '../snapshots/caller.ts'
import type { Log } from '../snapshots/provider.ts'
import type { Service } from '../snapshots/service-api.ts'
import type { Backend } from '../state/backend.ts'

/** Whether this server should be sent requests. Anybody may ask: it says nothing of paths, tenants or errors. */
export interface Health {
  /** `draining`: it is about to end, and takes nothing new. */
  ready(draining?: boolean): Promise<Report>
  /** Whether what it writes down can be written down. */
  stateIsUp(): Promise<boolean>
}

export interface Report {
  ready: boolean
  state: Condition
  /** Those that have been looked at. */
  providers: Record<string, Condition>
}

type Condition = 'ok' | 'failed'

/** How long an answer counts, and how long one is waited for, in milliseconds. */
const STATE = { keep: 2000, wait: 2000 }
const HERE = { keep: 10_000, wait: 2000 }
const REMOTE = { keep: 60_000, wait: 30_000 }

export interface HealthOptions {
  backend: Pick<Backend, 'check'>
  service(): Promise<Service>
  principal: string
  /** Providers that work on this machine: without one of them the server is not ready. */
  local: readonly string[]
  /** Those of vendors. That one of them is down is no reason to send requests elsewhere, and nobody waits to hear of it. */
  remote: readonly string[]
  clock: () => number
  log: Log
}

export function createHealth({
  backend,
  service,
  principal,
  local,
  remote,
  clock,
  log,
}: HealthOptions): Health {
  async function check(provider: string, signal: AbortSignal) {
    const caller: Caller = { principal, signal, progress: () => {}, canAsk: false }
    const { providers } = await (await service()).status({ provider }, caller)
    if (!providers.every(({ healthy }) => healthy)) throw new Error('not healthy')
  }
  const look = (name: string, times: Times, work: (signal: AbortSignal) => Promise<unknown>) => ({
    name,
    ...createLook(work, times, clock, (error) => log.debug('Not healthy', { part: name, error })),
  })
  const state = look('state', STATE, () => backend.check())
  const here = local.map((name) => look(name, HERE, (signal) => check(name, signal)))
  const there = remote.map((name) => look(name, REMOTE, (signal) => check(name, signal)))

  return {
    stateIsUp: async () => (await state.now()) === 'ok',
    async ready(draining = false) {
      for (const vendor of there) void vendor.now()
      const [stateNow, ...conditions] = await Promise.all([state.now(), ...here.map((each) => each.now())])
      const providers = Object.fromEntries([
        ...here.map(({ name }, index) => [name, conditions[index]]),
        ...there.flatMap(({ name, last }) => (last() === undefined ? [] : [[name, last()]])),
      ])
      const isUp = stateNow === 'ok' && conditions.every((condition) => condition === 'ok')
      return { ready: isUp && !draining, state: stateNow, providers }
    },
  }
}

interface Times {
  keep: number
  wait: number
}

/** Looks at something when asked, but no more often than it must, and once for all who ask meanwhile. */
function createLook(
  work: (signal: AbortSignal) => Promise<unknown>,
  { keep, wait }: Times,
  clock: () => number,
  failed: (error: unknown) => void,
) {
  let last: Condition | undefined
  let looking: Promise<Condition> | undefined
  let again = Number.NEGATIVE_INFINITY

  async function look(): Promise<Condition> {
    try {
      await within(wait, work)
      return 'ok'
    } catch (error) {
      failed(error)
      return 'failed'
    }
  }

  return {
    last: () => last,
    now(): Promise<Condition> {
      if (looking && clock() < again) return looking
      again = clock() + keep
      looking = look().then((condition) => {
        last = condition
        return condition
      })
      return looking
    },
  }
}

/** Rejects when it takes longer, and tells `work` so. */
async function within<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const reason = new Error(`no answer within ${ms} ms`)
      reject(reason)
      stop.abort(reason)
    }, ms)
  })
  try {
    return await Promise.race([work(stop.signal), late])
  } finally {
    clearTimeout(timer)
  }
}
