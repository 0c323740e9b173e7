import { expect, onTestFinished } from 'vitest'
import {
  type AccountTransfer,
  createAccountTransfer,
  createDigitalOceanProvider,
} from '../../../src/providers/digitalocean/index.ts'
import { createSecret } from '../../../src/providers/http/secret.ts'
import type { Problem } from '../../../src/snapshots/errors.ts'
import { SnapshotError } from '../../../src/snapshots/errors.ts'
import type { Snapshot, Source } from '../../../src/snapshots/model.ts'
import type {
  Context,
  CreateRequest,
  Facts,
  Log,
  Provider,
  RestoreRequest,
} from '../../../src/snapshots/provider.ts'
import { createDigitalOcean, type DigitalOcean } from '../../emulators/digitalocean.ts'
import type { Fault } from '../../emulators/http.ts'
import { type HandTime, handTime } from '../http/hand-time.ts'
import { CANARY, keysIn } from '../http/world.ts'

export interface World {
  cloud: DigitalOcean
  provider: Provider
  time: HandTime
  source: Source
  volume: Source
  /** What a call tells while it runs, each its own. */
  call(overrides?: Partial<Context>): Call
  request(fields?: Partial<CreateRequest>): CreateRequest
  create(fields?: Partial<CreateRequest>, call?: Call): Promise<Snapshot>
  /** Names of all snapshots of Droplets, as they are at the vendor. */
  names(): string[]
  /** Requests of this method whose path ends so. */
  sent(method: string, end: string): { path: string; body: unknown }[]
  /** Actions asked for, in order. */
  actions(): unknown[]
  /** What is to happen to the next POST to a path that ends so. */
  trouble(end: string, how: Fault['how'], at?: Fault['at'], times?: number): void
  /** Another process with the same account: time passes in it on its own. */
  process(): Provider
  transfers(): AccountTransfer
}

export interface Call extends Context {
  told: number[]
  messages: string[]
  notes: Facts[]
  cancel(): void
}

interface Options {
  safetySnapshots?: boolean
  polls?: number
}

let operations = 0

/** An emulated account and a provider on it, for the running test. No real time passes. The key must be seen nowhere. */
export async function world({ safetySnapshots, polls }: Options = {}): Promise<World> {
  const time = handTime()
  const cloud = await createDigitalOcean({
    token: CANARY,
    now: time.now,
    limits: { perHour: 50_000, perMinute: 50_000 },
    ...(polls !== undefined && { pollsToComplete: polls }),
  })
  const heard: unknown[] = []
  const say = (message: string, data?: Record<string, unknown>) => void heard.push(message, data)
  const log: Log = { debug: say, info: say, warn: say, error: say }
  const closing: (() => Promise<void> | undefined)[] = []
  const account = { key: createSecret(CANARY), baseUrl: cloud.url, log, random: () => 0 }
  const start = (of: HandTime) => {
    const safety = safetySnapshots === undefined ? {} : { safetySnapshots }
    const provider = createDigitalOceanProvider({ ...account, time: of, ...safety })
    closing.push(() => provider.close?.())
    return listened(provider, heard)
  }
  const provider = start(time)
  onTestFinished(async () => {
    for (const close of closing) await close()
    await cloud.close()
    expect(keysIn(heard)).toEqual([])
  })

  const source = { kind: 'droplet', id: String(cloud.droplet.id), name: cloud.droplet.name }
  const call = (overrides: Partial<Context> = {}): Call => {
    const stopper = new AbortController()
    const told: number[] = []
    const messages: string[] = []
    const notes: Facts[] = []
    return {
      signal: stopper.signal,
      progress(done, _, message) {
        told.push(done)
        messages.push(message)
      },
      log,
      operation: `op_${String(++operations).padStart(20, '0')}`,
      note: async (facts) => void notes.push(structuredClone(facts)),
      ...overrides,
      told,
      messages,
      notes,
      cancel: () => stopper.abort(),
    }
  }
  const request = (fields: Partial<CreateRequest> = {}): CreateRequest => ({
    source,
    name: 'before the change',
    labels: {},
    auto: false,
    protected: false,
    ...fields,
  })
  const sent = (method: string, end: string) =>
    cloud.requests.filter((one) => one.method === method && one.path.endsWith(end))
  return {
    cloud,
    provider,
    time,
    source,
    volume: { kind: 'volume', id: cloud.volume.id, name: cloud.volume.name },
    call,
    request,
    create: async (fields, of = call()) => (await provider.create(request(fields), of)).snapshot,
    names: () =>
      [...cloud.cloud.images.values()].filter(({ type }) => type === 'snapshot').map(({ name }) => name),
    sent,
    actions: () =>
      sent('POST', '/actions')
        .filter(({ path }) => path.includes('/droplets/'))
        .map(({ body }) => (body as { type: string }).type),
    trouble: (end, how, at = 'before', times = 1) =>
      void cloud.faults.push({
        when: ({ method, path }) => method === 'POST' && path.endsWith(end),
        times,
        at,
        how,
      }),
    process: () => start(handTime(time.now())),
    transfers() {
      const transfers = createAccountTransfer({ ...account, time })
      closing.push(transfers.close)
      return transfers
    },
  }
}

/** The same provider; everything it answers is kept for the search for the key. */
function listened(provider: Provider, heard: unknown[]): Provider {
  const listen =
    (method: (...given: unknown[]) => unknown) =>
    (...given: unknown[]) =>
      Promise.resolve(method(...given)).then(
        (result) => {
          heard.push(result)
          return result
        },
        (error: unknown) => {
          heard.push(error)
          throw error
        },
      )
  const wrapped = Object.entries(provider).map(([name, value]) => [
    name,
    typeof value === 'function' ? listen(value) : value,
  ])
  return Object.fromEntries(wrapped) as Provider
}

/** The problem that a call ends with. */
export async function problemOf(call: Promise<unknown>): Promise<Problem> {
  const error = await call.then(
    (value) => expect.unreachable(`it went well: ${JSON.stringify(value)}`),
    (error: unknown) => error,
  )
  if (!(error instanceof SnapshotError)) throw error
  return error.problem
}

export const native = ({ id }: { id: string }) => id.slice(id.indexOf(':') + 1)

export const inPlace = (snapshot: Snapshot, fields: Partial<RestoreRequest> = {}): RestoreRequest => ({
  snapshot: native(snapshot),
  mode: 'in_place',
  count: 1,
  ...fields,
})

export const toNew = (snapshot: Snapshot, fields: Partial<RestoreRequest> = {}): RestoreRequest => ({
  snapshot: native(snapshot),
  mode: 'new',
  count: 1,
  ...fields,
})

/** What a proxy answers when it has lost patience. */
export const gatewayPage = {
  answer: {
    status: 504,
    raw: '<html><h1>504 Gateway Time-out</h1></html>',
    headers: { 'content-type': 'text/html' },
  },
} as const

/**
 * Lets a process die at its nth note: it never goes on. Resolves with what it had noted by then.
 */
export function dyingAt(nth: number, start: (note: NonNullable<Context['note']>) => Promise<unknown>) {
  return new Promise<Facts>((resolve, reject) => {
    let count = 0
    start((facts) => {
      if (++count < nth) return Promise.resolve()
      resolve(structuredClone(facts))
      return new Promise(() => {})
    }).then(() => reject(new Error(`there was no note number ${nth}`)), reject)
  })
}
