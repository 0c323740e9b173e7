import { mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { expect, onTestFinished } from 'vitest'
import { createDaytonaProvider, type DaytonaOptions } from '../../../src/providers/daytona/index.ts'
import { createSecret } from '../../../src/providers/http/secret.ts'
import type { Source } from '../../../src/snapshots/model.ts'
import type {
  Context,
  CreateRequest,
  Facts,
  Provider,
  RestoreRequest,
} from '../../../src/snapshots/provider.ts'
import {
  createDaytona,
  type Daytona,
  type DaytonaOptions as EmulatorOptions,
} from '../../emulators/daytona.ts'
import type { Fault } from '../../emulators/http.ts'
import { temporaryDirectory } from '../../snapshots/world.ts'
import { type HandTime, handTime } from '../http/hand-time.ts'
import { CANARY, keysIn } from '../http/world.ts'

/** The emulator, the provider in front of it, and a project directory. No real time passes. */
export interface World {
  daytona: Daytona
  provider: Provider
  time: HandTime
  /** The only root. */
  root: string
  /** The sandbox that is there from the start. */
  devbox: Source
  /** Every note of every call, in order. */
  notes: Facts[]
  /** Every message of progress. */
  told: string[]
  /** Of a call of its own; ends when it is cancelled. */
  ctx(more?: Partial<Context>): Context
  cancel(): void
  create(source: Source, name: string, more?: Partial<CreateRequest>): ReturnType<Provider['create']>
  /** Plans it and carries it out. */
  restore(snapshot: string, more?: Partial<RestoreRequest>, ctx?: Context): ReturnType<Provider['restore']>
  write(files: Record<string, string>): void
  /** Trouble with the next requests to a route. */
  trouble(method: string, path: RegExp, how: Fault['how'], at?: Fault['at'], times?: number): void
  /** How many requests there were. */
  asked(method: string, path: RegExp): number
}

let operations = 0

/** `behindMs`: so far the clock of the vendor is behind ours. */
export async function world(
  { behindMs = 0, ...emulator }: EmulatorOptions & { behindMs?: number } = {},
  options: Partial<DaytonaOptions> = {},
): Promise<World> {
  const time = handTime()
  const now = () => time.now() - behindMs
  const daytona = await createDaytona({ key: CANARY, now, ...emulator })
  const root = realpathSync(temporaryDirectory())
  const heard: unknown[] = []
  const say = (message: string, data?: Record<string, unknown>) => void heard.push(message, data)
  const log = { debug: say, info: say, warn: say, error: say }
  const honest = createDaytonaProvider({
    ...{ key: createSecret(CANARY), baseUrl: daytona.apiUrl, roots: [root], time, random: () => 0, log },
    ...options,
  })
  const cancelling = new AbortController()
  const notes: Facts[] = []
  const told: string[] = []
  const provider = listening(honest, heard)
  onTestFinished(async () => {
    await provider.close?.()
    await daytona.close()
    expect(keysIn([heard, notes, told])).toEqual([])
    const said = inspect([heard, notes, told], { depth: null, maxStringLength: null, maxArrayLength: null })
    const { secret, sessionToken } = daytona.world.objects.credentials
    expect([secret, sessionToken].filter((each) => said.includes(each))).toEqual([])
  })

  const ctx = (more: Partial<Context> = {}): Context => {
    let last = Number.NEGATIVE_INFINITY
    return {
      signal: cancelling.signal,
      progress(done, _total, message) {
        expect(done).toBeGreaterThan(last)
        last = done
        told.push(message)
      },
      log,
      operation: `op_daytona${String(++operations).padStart(6, '0')}`,
      note: async (facts) => void notes.push(structuredClone(facts)),
      ...more,
    }
  }
  const { id, name } = daytona.sandbox
  return {
    ...{ daytona, provider, time, root, notes, told, ctx },
    devbox: { kind: 'sandbox', id, name },
    cancel: () => cancelling.abort(),
    create: (source, name, more = {}) =>
      provider.create({ source, name, labels: {}, auto: false, protected: false, ...more }, ctx()),
    async restore(snapshot, more = {}, given = ctx()) {
      const request: RestoreRequest = { snapshot, mode: 'new', count: 1, ...more }
      return provider.restore(await provider.planRestore(request, given), given)
    },
    write(files) {
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(dirname(join(root, path)), { recursive: true })
        writeFileSync(join(root, path), content)
      }
    },
    trouble(method, path, how, at = 'before', times = 1) {
      daytona.faults.push({ when: (x) => x.method === method && path.test(x.path), at, how, times })
    },
    asked: (method, path) =>
      daytona.requests.filter((each) => each.method === method && path.test(each.path)).length,
  }
}

/** Everything that comes out of it is searched for the key later. */
function listening(provider: Provider, heard: unknown[]): Provider {
  const listen =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    (...args: A) =>
      call(...args).then(
        (result) => {
          heard.push(result)
          return result
        },
        (error: unknown) => {
          heard.push(error)
          throw error
        },
      )
  const { resume, update } = provider
  return {
    ...provider,
    resolveSource: listen(provider.resolveSource),
    create: listen(provider.create),
    get: listen(provider.get),
    list: listen(provider.list),
    planRestore: listen(provider.planRestore),
    restore: listen(provider.restore),
    planDelete: listen(provider.planDelete),
    delete: listen(provider.delete),
    update: listen(update!),
    health: listen(provider.health),
    resume: { create: listen(resume!.create), restore: listen(resume!.restore) },
  }
}

export const image = (id: string): Source => ({ kind: 'image', id, name: id })

export const native = ({ id }: { id: string }) => id.slice('daytona:'.length)

/** All that a list of everything asks for. */
export const EVERYTHING = { include_auto: true, include_trashed: false, limit: 100 }
