import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect } from 'vitest'
import { createAudit } from '../../src/guard/audit.ts'
import { audited } from '../../src/guard/audited.ts'
import { createGuard } from '../../src/guard/guard.ts'
import { SnapshotError } from '../../src/snapshots/errors.ts'
import type { Log } from '../../src/snapshots/provider.ts'
import type { CreateReply } from '../../src/snapshots/replies.ts'
import { createService } from '../../src/snapshots/service.ts'
import { createFileStore } from '../../src/state/file-store.ts'
import type { Fault } from '../emulators/http.ts'
import { args, caller, temporaryDirectory } from '../snapshots/world.ts'
import { chaosProxy, type Trouble } from '../support/chaos-proxy.ts'
import type { Vendor } from './vendors.ts'

/** One thing that goes wrong, with the exchange of this number. */
export type Mishap = { name: string } & ({ wire: Trouble } | { vendor: Pick<Fault, 'at' | 'how'> })

const HTML = '<html><head><title>504 Gateway Time-out</title></head><body>nginx</body></html>'
const page = (status: number) => ({ status, raw: HTML, headers: { 'content-type': 'text/html' } })
const busy = (headers = {}) => ({
  status: 429,
  body: { id: 'too_many_requests', message: 'slow down' },
  headers,
})

export const MISHAPS: readonly Mishap[] = [
  { name: 'reset before the request', wire: { how: 'reset request', after: 0 } },
  { name: 'reset within the request', wire: { how: 'reset request', after: 40 } },
  { name: 'reset before the answer', wire: { how: 'reset answer', after: 0 } },
  { name: 'reset within the answer', wire: { how: 'reset answer', after: 60 } },
  { name: 'a truncated answer', wire: { how: 'truncate', after: 60 } },
  { name: 'a black hole', wire: { how: 'blackhole' } },
  { name: 'a lost answer', wire: { how: 'lose answer' } },
  { name: 'an answer in drops', wire: { how: 'drip' } },
  { name: '429 with a wait', vendor: { at: 'before', how: { answer: busy({ 'retry-after': '2' }) } } },
  { name: '429 without a wait', vendor: { at: 'before', how: { answer: busy() } } },
  { name: '429 for a year', vendor: { at: 'before', how: { answer: busy({ 'retry-after': '31536000' }) } } },
  {
    name: '429 for less than nothing',
    vendor: { at: 'before', how: { answer: busy({ 'retry-after': '-9' }) } },
  },
  { name: '500 before it is done', vendor: { at: 'before', how: { answer: { status: 500, body: {} } } } },
  { name: '502 with a page, after it is done', vendor: { at: 'after', how: { answer: page(502) } } },
  { name: '504 with a page, after it is done', vendor: { at: 'after', how: { answer: page(504) } } },
  { name: '200 with a page, after it is done', vendor: { at: 'after', how: { answer: page(200) } } },
]

export interface Outcome {
  /** Requests that came through. */
  exchanges: number
  /** How the snapshot of the one operation stands in the end. */
  state: string
}

/** Makes one snapshot while something goes wrong, sees it through, and checks what has to hold whatever happened. */
export async function survive(vendor: Vendor, mishap?: Mishap, at = 0): Promise<Outcome> {
  const { emulator, key, made, time } = vendor
  const proxy = await chaosProxy(emulator.url)
  const said: unknown[] = []
  const say = (...words: unknown[]) => void said.push(words)
  const log: Log = { debug: say, info: say, warn: say, error: say }
  const directory = temporaryDirectory()

  const start = () => {
    const provider = vendor.provider(proxy.url, { log, time })
    const clock = Date.now
    const state = createFileStore({ directory: join(directory, 'state'), clock })
    const policy = () => ({ read_only: false })
    const bare = createGuard({ state, mode: 'token', policy, clock, log })
    const guard = audited(
      bare,
      createAudit({ directory: join(directory, 'audit'), lock: state.lock, clock }),
      log,
    )
    const registry = { names: [provider.name], get: async () => provider }
    return { provider, ...createService({ registry, guard, state, clock, random: randomBytes, log }) }
  }
  const { provider, ...service } = start()
  const attempt = (call: Promise<unknown>) =>
    call.then(
      (reply) => reply as CreateReply,
      (error: unknown) => {
        said.push(error)
        if (error instanceof SnapshotError) return error
        throw error
      },
    )
  const create = (fields = {}) =>
    attempt(service.create(args.create({ ...vendor.create, ...fields, wait_seconds: 50 }), caller()))

  // What has to be agreed to is agreed to before anything goes wrong.
  const asks = 'digitalocean' in vendor.create
  const plan = asks ? await create() : undefined
  const confirmation = plan && 'confirmation' in plan ? { confirmation: plan.confirmation } : {}
  const quiet = emulator.requests.length
  if (mishap && 'wire' in mishap) proxy.troubles.push(...Array(at).fill(undefined), mishap.wire)
  let seen = 0
  if (mishap && 'vendor' in mishap) emulator.faults.push({ when: () => seen++ === at, ...mishap.vendor })

  const first = await create(confirmation)
  // The trouble is over: from now on the vendor and the way to it are well.
  proxy.troubles.length = 0
  emulator.faults.length = 0
  const operation = first instanceof SnapshotError ? first.problem.operation : first.operation
  let state = first instanceof SnapshotError ? 'refused' : (first.snapshot?.state ?? 'refused')
  for (let tries = 0; operation && tries < 10 && !['ready', 'failed'].includes(state); tries++) {
    const again = args.get({ snapshot: `${provider.name}:${operation}`, wait_seconds: 50 })
    const found = await service.get(again, caller()).catch((error: unknown) => {
      said.push(error)
      if (error instanceof SnapshotError) return undefined
      throw error
    })
    state = found?.snapshot.state ?? state
  }
  await service.close()
  await provider.close?.()

  const story = `${mishap?.name} at exchange ${at}: ${state}, ${inspect(first, { depth: 5 })}`
  // Nothing stays open, and nothing was made twice or without being told.
  expect(operation === undefined ? ['refused'] : ['ready', 'failed'], story).toContain(state)
  expect(made(), story).toBe(state === 'ready' ? 1 : 0)
  expect(vendor.undisturbed(), story).toBe(true)
  const written = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
  const shown = [inspect(said, { depth: 20, showHidden: true }), JSON.stringify(said), ...written].join('\n')
  expect(shown.includes(key), story).toBe(false)
  return { exchanges: emulator.requests.length - quiet, state }
}
