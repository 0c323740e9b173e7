import { inspect } from 'node:util'
import { expect, onTestFinished } from 'vitest'
import { z } from 'zod'
import { createSecret } from '../../../src/providers/http/secret.ts'
import { createHttp, type Http, type HttpOptions } from '../../../src/providers/http.ts'
import { type ErrorCode, type Problem, SnapshotError } from '../../../src/snapshots/errors.ts'
import type { Fault } from '../../emulators/http.ts'
import { type ChaosProxy, chaosProxy } from '../../support/chaos-proxy.ts'
import { type HandTime, handTime } from './hand-time.ts'
import { serveThings, type Things, thingDialect } from './things.ts'

/** Must be seen nowhere but in the header that carries it. */
export const CANARY = 'canary+/7f3a=Zq19~key'

export const Thing = z.object({ id: z.string(), name: z.string() })

/** A vendor, a proxy in front of it, and the layer under test in front of that. No real time passes. */
export interface World {
  things: Things
  proxy: ChaosProxy
  time: HandTime
  http: Http
  /** The signal and the log of each call. */
  ctx: { signal: AbortSignal; log: Log }
  cancel(): void
  /** Has the vendor answer so, so many times, instead of doing anything; `after` it has done it. */
  trouble(how: Fault['how'], times?: number, at?: Fault['at']): void
  /** What a call ends with, when it is not a defect. */
  settle<T>(call: Promise<T>): Promise<T | SnapshotError>
  /** The problem that a call ends with. */
  problemOf(call: Promise<unknown>, code?: ErrorCode): Promise<Problem>
  make(name?: string): Promise<z.infer<typeof Thing>>
  read(id: string): Promise<z.infer<typeof Thing>>
  remove(id: string): Promise<number>
}

type Log = Record<
  'debug' | 'info' | 'warn' | 'error',
  (message: string, data?: Record<string, unknown>) => void
>

/** What was said in the running test is searched for the key at its end, however deep it may be hidden. */
export async function world(options: Partial<HttpOptions> = {}): Promise<World> {
  const things = await serveThings(CANARY)
  const proxy = await chaosProxy(things.url)
  const time = handTime()
  const heard: unknown[] = []
  const say = (message: string, data?: Record<string, unknown>) => void heard.push(message, data)
  const cancelling = new AbortController()
  const http = createHttp({
    provider: 'things',
    baseUrl: `${proxy.url}/api/`,
    key: createSecret(CANARY),
    dialect: thingDialect,
    time,
    random: () => 0,
    ...options,
  })
  onTestFinished(async () => {
    await http.close()
    expect(keysIn(heard)).toEqual([])
  })

  const ctx = { signal: cancelling.signal, log: { debug: say, info: say, warn: say, error: say } }
  const listen = async <T>(call: Promise<T>): Promise<T> => {
    const result = await call.catch((error: unknown) => {
      heard.push(error)
      throw error
    })
    heard.push(result)
    return result
  }
  const settle = <T>(call: Promise<T>) =>
    listen(call).catch((error: unknown) => {
      if (error instanceof SnapshotError) return error
      throw error
    })
  const json = <T>(call: Parameters<typeof http.json<T>>[0]) =>
    listen(http.json(call, ctx)).then(({ body }) => body)
  return {
    things,
    proxy,
    time,
    http,
    ctx,
    cancel: () => cancelling.abort(),
    trouble: (how, times = 1, at = 'before') => void things.faults.push({ when: () => true, times, at, how }),
    settle,
    async problemOf(call, code) {
      const error = await settle(call)
      if (!(error instanceof SnapshotError)) return expect.unreachable(`it went well: ${inspect(error)}`)
      if (code) expect(error.problem).toMatchObject({ code, provider: 'things' })
      // What may have happened is not to be done again without a look.
      if (error.problem.outcome === 'unknown') expect(error.problem.retryable).toBe(false)
      return error.problem
    },
    make: (name = 'one') => json({ method: 'POST', path: ['things'], body: { name }, schema: Thing }),
    read: (id) => json({ method: 'GET', path: ['things', id], schema: Thing }),
    remove: (id) => listen(http.remove({ path: ['things', id] }, ctx)).then(({ status }) => status),
  }
}

/** Every form of the key that shows in a value, its hidden properties, causes and stacks included. */
export function keysIn(value: unknown): string[] {
  const shown = [
    inspect(value, {
      depth: Number.POSITIVE_INFINITY,
      showHidden: true,
      maxStringLength: null,
      maxArrayLength: null,
    }),
    JSON.stringify(value) ?? '',
  ]
  const forms = [
    CANARY,
    encodeURIComponent(CANARY),
    Buffer.from(CANARY).toString('base64'),
    Buffer.from(`Bearer ${CANARY}`).toString('base64').slice(12, -4),
    Buffer.from(`user:${CANARY}`).toString('base64').slice(8, -4),
  ]
  return forms.filter((form) => shown.some((text) => text.includes(form)))
}
