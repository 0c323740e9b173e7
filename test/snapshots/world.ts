import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createApprovals } from '../../src/guard/approvals.ts'
import { createAudit } from '../../src/guard/audit.ts'
import { audited } from '../../src/guard/audited.ts'
import type { Mode } from '../../src/guard/doors.ts'
import { createGuard } from '../../src/guard/guard.ts'
import type { Policy } from '../../src/guard/policy.ts'
import type { Caller } from '../../src/snapshots/caller.ts'
import { type ErrorCode, type Problem, SnapshotError } from '../../src/snapshots/errors.ts'
import type { Log, Provider } from '../../src/snapshots/provider.ts'
import * as request from '../../src/snapshots/requests.ts'
import { createService } from '../../src/snapshots/service.ts'
import { createFileStore } from '../../src/state/file-store.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { unasked } from '../support/unasked.ts'
import { createMemoryProvider, type MemoryProviderOptions } from './memory-provider.ts'

export const NOON = Date.parse('2026-11-21T12:00:00Z')

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** A directory for the running test, removed after it. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'snapshot-mcp-test-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export function caller(overrides: Partial<Caller> = {}): Caller {
  return {
    principal: 'ann',
    signal: new AbortController().signal,
    progress() {},
    canAsk: false,
    ...overrides,
  }
}

export interface WorldOptions {
  mode?: Mode
  policy?: Partial<Policy>
  memory?: Omit<MemoryProviderOptions, 'clock'>
  /** Beside the memory provider. */
  others?: Provider[]
  directory?: string
  state?: (store: StateStore) => StateStore
}

/** The real service, guard and file store around a provider in memory, at noon until the clock is moved. */
export function createWorld({
  mode = 'token',
  policy = {},
  memory = {},
  others = [],
  ...rest
}: WorldOptions = {}) {
  const time = { now: NOON }
  const clock = () => time.now
  const directory = rest.directory ?? temporaryDirectory()
  const store = createFileStore({ directory, clock })
  const state = rest.state?.(store) ?? store
  const audit = join(directory, 'audit')
  const rules: { now: Policy } = { now: { read_only: false, delete: 'permanent', ...policy } }
  const provider = createMemoryProvider({ ...memory, clock })
  const providers = new Map([provider, ...others].map((each) => [each.name, each]))
  const registry = {
    names: [...providers.keys()],
    get: async (name: string) => providers.get(name) as Provider,
  }

  /** As after a restart: nothing but the directory and the provider is carried over. */
  const start = (how: Mode = mode) => {
    const bare = createGuard({ state, mode: how, policy: () => rules.now, clock, log: silent })
    const guard = audited(bare, createAudit({ directory: audit, lock: state.lock, clock }), silent)
    const service = createService({ registry, guard, state, clock, random: randomBytes, log: silent })
    onTestFinished(() => service.close())
    return unasked(service)
  }
  const service = start()
  return {
    time,
    rules,
    state,
    directory,
    audit,
    provider,
    service,
    start,
    approvals: createApprovals({ state, clock }),
    /** The content of the desk. */
    desk: () => provider.boxes.get('desk'),
    /** Captures the desk, then changes it. */
    async saveAndSpoil() {
      const { snapshot } = await service.create(request.CreateArgs.parse({}), caller())
      provider.boxes.set('desk', { a: 'spoilt' })
      return snapshot.id
    },
  }
}
export type World = ReturnType<typeof createWorld>

/** The arguments as a face would parse them. */
export const args = {
  create: (fields: object = {}) => request.CreateArgs.parse(fields),
  list: (fields: object = {}) => request.ListArgs.parse(fields),
  get: (fields: object) => request.GetArgs.parse(fields),
  diff: (fields: object) => request.DiffArgs.parse(fields),
  restore: (fields: object) => request.RestoreArgs.parse(fields),
  delete: (fields: object) => request.DeleteArgs.parse(fields),
  undo: (operation: string, fields: object = {}) => request.UndoArgs.parse({ operation, ...fields }),
  update: (fields: object) => request.UpdateArgs.parse(fields),
  prune: (fields: object) => request.PruneArgs.parse(fields),
  sources: (fields: object = {}) => request.SourcesArgs.parse(fields),
  status: (fields: object = {}) => request.StatusArgs.parse(fields),
}

/** The problem with which a call was refused. Fails the test when it was not, or with another code. */
export async function refusal(call: Promise<unknown>, code: ErrorCode): Promise<Problem> {
  const outcome = await call.then(
    (reply) => ({ reply }),
    (error: unknown) => ({ error }),
  )
  if (!('error' in outcome))
    throw new Error(`expected ${code}, got a reply: ${JSON.stringify(outcome.reply)}`)
  if (!(outcome.error instanceof SnapshotError)) throw outcome.error
  if (outcome.error.code !== code)
    throw new Error(`expected ${code}, got ${JSON.stringify(outcome.error.problem)}`)
  return outcome.error.problem
}
