import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type Audit, createAudit } from '../../src/guard/audit.ts'
import { audited } from '../../src/guard/audited.ts'
import { createGuard } from '../../src/guard/guard.ts'
import type { Policy } from '../../src/guard/policy.ts'
import { createLocalProvider, type LocalOptions } from '../../src/providers/local/index.ts'
import type { Caller } from '../../src/snapshots/caller.ts'
import type { Log, Provider } from '../../src/snapshots/provider.ts'
import { DeleteArgs, RestoreArgs, UndoArgs } from '../../src/snapshots/requests.ts'
import { createService } from '../../src/snapshots/service.ts'
import { createFileStore } from '../../src/state/file-store.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { unasked } from '../support/unasked.ts'

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** What lies in the directory of an assembled server. */
export const placesIn = (dir: string) => ({
  root: join(dir, 'root'),
  store: join(dir, 'home/store'),
  state: join(dir, 'state'),
  audit: join(dir, 'audit'),
})

export interface AssembleOptions {
  clock?: () => number
  policy?: Partial<Policy>
  local?: Partial<LocalOptions>
  /** Put something in front of a part. */
  state?: (part: StateStore) => StateStore
  audit?: (part: Audit) => Audit
  provider?: (part: Provider) => Provider
}

/** A server without its face, all of it real and on disk. Needs no test around it, so that processes can be made of it. */
export function assemble(dir: string, options: AssembleOptions = {}) {
  const { clock = Date.now, policy, local } = options
  const places = placesIn(dir)
  const as = <T>(part: T, wrap: ((part: T) => T) | undefined) => wrap?.(part) ?? part

  const state = as(createFileStore({ directory: places.state, clock }), options.state)
  const audit = as(createAudit({ directory: places.audit, lock: state.lock, clock }), options.audit)
  const provider = as(
    createLocalProvider({
      home: join(dir, 'home'),
      roots: [places.root],
      trashWindowMs: 72 * 3_600_000,
      specialModes: 'keep',
      clock,
      log: silent,
      ...local,
    }),
    options.provider,
  )
  const rules: Policy = { read_only: false, delete: 'trash', ...policy }
  const guard = audited(
    createGuard({ state, mode: 'token', policy: () => rules, clock, log: silent }),
    audit,
    silent,
  )
  const registry = { names: [provider.name], get: async () => provider }
  const service = unasked(createService({ registry, guard, state, clock, random: randomBytes, log: silent }))
  return { service, guard, state, provider }
}
export type Assembled = ReturnType<typeof assemble>

/** Everybody here is the same person at a client that cannot ask. */
export const CALLER: Caller = {
  principal: 'ann',
  signal: new AbortController().signal,
  progress() {},
  canAsk: false,
}

const PARSERS = { restore: RestoreArgs, delete: DeleteArgs, undo: UndoArgs }
export type Destructive = keyof typeof PARSERS

/** As a face would make it. */
export function call({ service }: Pick<Assembled, 'service'>, operation: Destructive, fields: object) {
  return service[operation](PARSERS[operation].parse(fields) as never, CALLER)
}

/** Has the plan shown and then confirms it, where there is something to confirm. */
export async function confirmed(server: Pick<Assembled, 'service'>, operation: Destructive, fields: object) {
  const first = await call(server, operation, fields)
  if (first.status === 'done') return first
  const { confirmation } = first
  return call(server, operation, { ...fields, confirmation })
}
