import { inspect } from 'node:util'
import { expect, onTestFinished } from 'vitest'
import { createSecret } from '../../../src/providers/http/secret.ts'
import { createMorphProvider } from '../../../src/providers/morph/index.ts'
import type { ErrorCode, Problem } from '../../../src/snapshots/errors.ts'
import type { Snapshot, Source } from '../../../src/snapshots/model.ts'
import type {
  Context,
  CreateRequest,
  Facts,
  ListQuery,
  Provider,
  RestoreRequest,
} from '../../../src/snapshots/provider.ts'
import type { Exchange, Fault } from '../../emulators/http.ts'
import type { Instance, Snapshot as Kept } from '../../emulators/morph/model.ts'
import { createMorph, type Morph, type MorphOptions } from '../../emulators/morph.ts'
import { refusal } from '../../snapshots/world.ts'
import { type ChaosProxy, chaosProxy } from '../../support/chaos-proxy.ts'
import { type HandTime, handTime } from '../http/hand-time.ts'
import { CANARY, keysIn } from '../http/world.ts'

/** An account at the emulated Morph, a proxy in front of it, and the provider in front of that. No real time passes. */
export interface World {
  morph: Morph
  proxy: ChaosProxy
  time: HandTime
  provider: Provider
  /** The instance that the account starts with. */
  source: Source
  /** Another process with the same account. */
  restart(): Provider
  /** A context of an operation of its own that keeps what is noted and told. */
  context(overrides?: Partial<Context>): Call
  create(fields?: Partial<CreateRequest>, ctx?: Context): Promise<Snapshot>
  restore(
    snapshot: Snapshot,
    fields?: Partial<RestoreRequest>,
    ctx?: Context,
  ): ReturnType<Provider['restore']>
  list(query?: Partial<ListQuery>): Promise<Snapshot[]>
  /** Has the vendor answer the matching requests so, so many times; `after` it has done what was asked. */
  trouble(route: string, how: Fault['how'], at?: Fault['at'], times?: number): void
  problem(call: Promise<unknown>, code: ErrorCode): Promise<Problem>
  /** How many requests there were to this route so far. */
  asked(route: string): number
  /** All snapshots that there are at the vendor. */
  shelf(): Kept[]
  /** All instances but the one that the account starts with. */
  copies(): Instance[]
}

export interface Call extends Context {
  notes: Facts[]
  told: number[]
  cancel(): void
}

/**
 * All that was said in the running test is searched for the key at its end, however deep it may be hidden. `address`:
 * where the provider finds its vendor, when something else is in between.
 */
export async function world(options: MorphOptions = {}, address?: string): Promise<World> {
  const time = handTime()
  const morph = await createMorph({ key: CANARY, now: time.now, ...options })
  const proxy = await chaosProxy(morph.url)
  const heard: unknown[] = []
  const say = (message: string, data?: Record<string, unknown>) => void heard.push(message, data)
  const log = { debug: say, info: say, warn: say, error: say }
  const providers: Provider[] = []
  const restart = () => {
    const key = createSecret(CANARY)
    const baseUrl = address ?? `${proxy.url}/api`
    const made = createMorphProvider({ key, baseUrl, log, time, random: () => 0.5 })
    providers.push(made)
    return made
  }
  onTestFinished(async () => {
    for (const each of providers) await each.close?.()
    await morph.close()
    expect(keysIn(heard)).toEqual([])
  })
  const provider = restart()
  const source: Source = { kind: 'instance', id: morph.instance.id, name: morph.instance.id }

  let operations = 0
  const context = (overrides: Partial<Context> = {}): Call => {
    const stopper = new AbortController()
    const call: Call = {
      signal: stopper.signal,
      log,
      operation: `op_test${String(++operations).padStart(4, '0')}`,
      progress(done, _total, message) {
        call.told.push(done)
        say(message)
      },
      async note(facts) {
        call.notes.push(structuredClone(facts))
      },
      notes: [],
      told: [],
      cancel: () => stopper.abort(),
      ...overrides,
    }
    return call
  }
  const listen = async <T>(call: Promise<T>): Promise<T> => {
    const [result] = await Promise.allSettled([call])
    heard.push(result)
    return call
  }
  const isAbout = (route: string) => (exchange: Pick<Exchange, 'method' | 'path'>) =>
    new RegExp(`^${route.replace(' ', ' /api').replaceAll('*', '[^/]+')}$`).test(
      `${exchange.method} ${exchange.path}`,
    )
  return {
    morph,
    proxy,
    time,
    provider,
    source,
    restart,
    context,
    async create(fields = {}, ctx = context()) {
      const request = { source, name: 'a save point', labels: {}, auto: false, protected: false, ...fields }
      const { snapshot } = await listen(provider.create(request, ctx))
      heard.push(snapshot)
      return snapshot
    },
    async restore({ id }, fields = {}, ctx = context()) {
      const request = { snapshot: id.slice('morph:'.length), mode: 'new', count: 1, ...fields } as const
      const plan = await listen(provider.planRestore(request, ctx))
      return listen(provider.restore(plan, ctx))
    },
    async list(query = {}) {
      const all = { include_auto: false, include_trashed: false, limit: 100, ...query }
      return (await listen(provider.list(all, context()))).items
    },
    trouble: (route, how, at = 'before', times = 1) =>
      void morph.faults.push({ when: isAbout(route), at, times, how }),
    async problem(call, code) {
      const problem = await refusal(listen(call), code)
      // What only waits for time or for the caller is nobody's.
      if (code !== 'TIMEOUT' && code !== 'CANCELLED') expect(problem.provider, inspect(problem)).toBe('morph')
      // What may have happened is not to be done again without a look.
      if (problem.outcome !== 'not_started') expect(problem.retryable, inspect(problem)).toBe(false)
      return problem
    },
    asked: (route) => morph.requests.filter(isAbout(route)).length,
    shelf: () => [...morph.cloud.snapshots.values()],
    copies: () => [...morph.cloud.instances.values()].filter(({ id }) => id !== source.id),
  }
}

export const native = ({ id }: Pick<Snapshot, 'id'>) => id.slice('morph:'.length)

export const image = (id = 'morphvm-minimal'): Source => ({ kind: 'image', id, name: id })
