import { userInfo } from 'node:os'
import { join } from 'node:path'
import { livePolicy } from './config/policy.ts'
import type { Config } from './config.ts'
import type { Approvals } from './guard/approvals.ts'
import type { Audit } from './guard/audit.ts'
import { permit } from './guard/policy.ts'
import { removable } from './guard/removal.ts'
import { createLog } from './log.ts'
import { createRegistry, type ProviderOptions, REMOTE } from './providers/index.ts'
import { durationMs } from './snapshots/model.ts'
import type { Log, ProviderRegistry } from './snapshots/provider.ts'
import type { Service } from './snapshots/service-api.ts'
import type { Backend, Changes } from './state/backend.ts'

/**
 * The composition root: what a Config becomes. The parts that do the work are loaded by the first call that needs
 * them, because clients start servers to list tools far more often than to use them.
 */
export interface App {
  config: Config
  log: Log
  /** Who calls, on this machine: the user of the operating system. */
  principal: string
  /** Some enabled provider acts on systems beyond this machine. */
  openWorld: boolean
  registry: ProviderRegistry
  service(): Promise<Service>
  approvals(): Promise<Approvals>
  audit(): Promise<Audit>
  /** Tells that snapshots came, went or changed. */
  changes(): Promise<Changes>
  /** Signs what a client carries between a question and its answer. */
  stateKey(): Promise<Uint8Array>
  /** Something goes on that no call waits for any more. */
  busy(): Promise<boolean>
  /** Lets the service finish, if it was ever needed. */
  close(): Promise<void>
}

const clock = Date.now

/** What the spaces of several tenants in one process have in common. */
export interface Shared {
  log: Log
  backend: Backend
  /** Where a person approves what is asked for; without it in a terminal. */
  approvalPage?: (code: string) => string
}

export const logOf = ({ logLevel }: Config): Log =>
  createLog({ level: logLevel, write: (line) => void process.stderr.write(line), clock })

export function createApp(config: Config, shared?: Shared): App {
  const log = shared?.log ?? logOf(config)
  const registry = registryOf(config, log)
  let own: Promise<Backend> | undefined
  const backend = async () => {
    if (shared) return shared.backend
    own ??= openBackend(config, log)
    return own
  }
  let service: Promise<Service> | undefined
  return {
    config,
    log,
    principal: principalHere(),
    openWorld: config.providers.some((name) => REMOTE.has(name)),
    registry,
    service() {
      // A failure is not kept: a full disk at the first call must not break the second.
      service ??= assemble(config, registry, log, backend, shared).catch((error) => {
        service = undefined
        throw error
      })
      return service
    },
    async approvals() {
      const { createApprovals } = await import('./guard/approvals.ts')
      return createApprovals({ state: (await backend()).store(config.tenant), clock })
    },
    audit: () => openAudit(config),
    changes: async () => (await backend()).changes(config.tenant),
    stateKey: async () => (await backend()).key(config.tenant),
    busy: async () => (await service?.catch(() => undefined))?.busy() ?? false,
    async close() {
      await (await service?.catch(() => undefined))?.close()
      await (await own?.catch(() => undefined))?.close()
    },
  }
}

/** The state of this process and of those that share it. */
export async function openBackend({ redis, stateDirectory }: Config, log: Log): Promise<Backend> {
  if (redis) {
    const { createRedisBackend } = await import('./state/redis/backend.ts')
    return createRedisBackend({ address: redis, clock, log })
  }
  const { createFileBackend } = await import('./state/file-backend.ts')
  return createFileBackend({ directory: stateDirectory, clock })
}

/** Its lock lies beside it: servers that share the home write to one log, whatever state each of them has. */
async function openAudit(config: Config) {
  const [{ createAudit }, { createFileStore }] = await Promise.all([
    import('./guard/audit.ts'),
    import('./state/file-store.ts'),
  ])
  const { lock } = createFileStore({ directory: config.home, clock })
  return createAudit({ directory: auditDirectory(config), lock, clock })
}

/** Beside the state, which may be on another machine: each machine keeps its own log. */
export const auditDirectory = ({ home }: Pick<Config, 'home'>) => join(home, 'audit')

async function assemble(
  config: Config,
  registry: ProviderRegistry,
  log: Log,
  open: () => Promise<Backend>,
  shared?: Shared,
): Promise<Service> {
  const [
    { randomBytes },
    { createGuard },
    { audited },
    { sparing },
    { approveCommand },
    { createService },
    backend,
    audit,
  ] = await Promise.all([
    import('node:crypto'),
    import('./guard/guard.ts'),
    import('./guard/audited.ts'),
    import('./guard/audit/sparing.ts'),
    import('./guard/approve-command.ts'),
    import('./snapshots/service.ts'),
    open(),
    openAudit(config),
  ])
  const state = backend.store(config.tenant)
  const changes = backend.changes(config.tenant)
  const canShare = backend.shared || (config.http?.replicas ?? 1) === 1
  const guard = createGuard({
    state,
    mode: config.guard,
    policy: livePolicy(config.policyFile, config.readOnly),
    ...(!canShare && { unshared: true }),
    approveCommand: approveCommand({
      start: [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
      home: config.baseHome ?? config.home,
      ...(!config.redis && { stateDirectory: config.stateDirectory }),
      ...(config.tenant !== undefined && { tenant: config.tenant }),
      ...(config.accessFile !== undefined && { accessFile: config.accessFile }),
    }),
    ...(shared?.approvalPage && { approvalPage: shared.approvalPage }),
    clock,
    log,
  })
  return createService({
    registry,
    guard: audited(guard, sparing(audit, clock), log),
    state,
    clock,
    random: randomBytes,
    log,
    changed: (snapshots) => changes.publish({ snapshots }),
  })
}

function registryOf(config: Config, log: Log): ProviderRegistry {
  const { special_modes, safety_snapshots, trash_window } = config.policy
  return createRegistry(config.providers, {
    home: config.home,
    roots: config.roots,
    ...(config.rootsProblem !== undefined && { rootsProblem: config.rootsProblem }),
    ...(config.maxStoreBytes !== undefined && { maxStoreBytes: config.maxStoreBytes }),
    ...(config.maxSourceBytes !== undefined && { maxSourceBytes: config.maxSourceBytes }),
    ...(config.encrypt !== undefined && { encrypt: config.encrypt }),
    trashWindowMs: durationMs(trash_window),
    specialModes: special_modes,
    accounts: config.accounts,
    safetySnapshots: safety_snapshots,
    expirable: expirable(config, log),
    clock,
    log,
  })
}

/**
 * Nobody is asked when a snapshot expires, but the policy is, and it is written down as well as it can be. A policy
 * that cannot be read lets nothing go.
 */
function expirable(config: Config, log: Log): ProviderOptions['expirable'] {
  const policy = livePolicy(config.policyFile, config.readOnly)
  const principal = principalHere()
  async function tell(provider: string, targets: readonly string[]) {
    try {
      await (await openAudit(config)).append({ event: 'expired', principal, provider, targets, by: 'expiry' })
    } catch (error) {
      log.error('audit: an expiry could not be written down', { provider, targets, error })
    }
  }
  return (due, shelf) => {
    try {
      const rules = policy()
      for (const { provider } of due) permit(rules, { type: 'delete', provider })
      const going = removable(rules, due, shelf, { reversible: true, now: clock() })
      for (const provider of new Set(going.map((each) => each.provider)))
        void tell(
          provider,
          going.filter((each) => each.provider === provider).map(({ id }) => id),
        )
      return going
    } catch {
      return []
    }
  }
}

/** Who calls on this machine. Windows has no numbers for users. */
export function principalHere(): string {
  const { uid, username } = userInfo()
  return `local:${uid >= 0 ? uid : username}`
}
