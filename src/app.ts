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
  /** Signs what a client carries between a question and its answer. */
  stateKey(): Promise<Uint8Array>
  /** Lets the service finish, if it was ever needed. */
  close(): Promise<void>
}

const clock = Date.now

export function createApp(config: Config): App {
  const log = createLog({ level: config.logLevel, write: (line) => void process.stderr.write(line), clock })
  const registry = registryOf(config, log)
  let service: Promise<Service> | undefined
  return {
    config,
    log,
    principal: `local:${userName()}`,
    openWorld: config.providers.some((name) => REMOTE.has(name)),
    registry,
    service() {
      // A failure is not kept: a full disk at the first call must not break the second.
      service ??= assemble(config, registry, log).catch((error) => {
        service = undefined
        throw error
      })
      return service
    },
    async approvals() {
      const { createApprovals } = await import('./guard/approvals.ts')
      return createApprovals({ state: await openState(config), clock })
    },
    audit: () => openAudit(config),
    stateKey: async () => (await import('./mcp/state-key.ts')).loadStateKey(config.stateDirectory),
    close: async () => (await service?.catch(() => undefined))?.close(),
  }
}

async function openState({ stateDirectory }: Config) {
  const { createFileStore } = await import('./state/file-store.ts')
  return createFileStore({ directory: stateDirectory, clock })
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

async function assemble(config: Config, registry: ProviderRegistry, log: Log): Promise<Service> {
  const [
    { randomBytes },
    { createGuard },
    { audited },
    { sparing },
    { approveCommand },
    { createService },
    state,
    audit,
  ] = await Promise.all([
    import('node:crypto'),
    import('./guard/guard.ts'),
    import('./guard/audited.ts'),
    import('./guard/audit/sparing.ts'),
    import('./guard/approve-command.ts'),
    import('./snapshots/service.ts'),
    openState(config),
    openAudit(config),
  ])
  const guard = createGuard({
    state,
    mode: config.guard,
    policy: livePolicy(config.policyFile, config.readOnly),
    approveCommand: approveCommand({
      start: [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
      home: config.home,
      stateDirectory: config.stateDirectory,
    }),
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
  const principal = `local:${userName()}`
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

/** Windows has no numbers for users. */
function userName(): string {
  const { uid, username } = userInfo()
  return uid >= 0 ? String(uid) : username
}
