import type { IncomingMessage, ServerResponse } from 'node:http'
import { openBackend, principalHere } from '../app.ts'
import { liveAccess } from '../config/access.ts'
import type { Listening } from '../config/listening.ts'
import { wantsTraces } from '../config/telemetry.ts'
import { checkTenants } from '../config/tenant.ts'
import type { Config } from '../config.ts'
import { REMOTE } from '../providers/index.ts'
import type { Log } from '../snapshots/provider.ts'
import { createTracing } from '../tracing/tracing.ts'
import { createApprovalPage } from './approve/page.ts'
import type { DeskOptions } from './desk.ts'
import { createDesks } from './desks.ts'
import { createFace, type Phase } from './face.ts'
import { createGate, loadApproverKey } from './gate/index.ts'
import { createHealth } from './health.ts'
import type { Identity } from './identity.ts'
import { createLimits } from './limits.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { createNames } from './names.ts'
import { createWork } from './work.ts'

export interface AssemblyOptions extends Pick<DeskOptions, 'extend'> {
  listening: Listening
  /** How clients reach this server, once it listens: `https://host`. */
  origin(): string
  phase(): Phase
  log: Log
}

/** All that answers, put together: what a Config becomes over HTTP. */
export interface Assembly {
  answer(req: IncomingMessage, res: ServerResponse): void
  metrics: Metrics
  /** Other replicas know what this one does. */
  shared: boolean
  /** Calls that run, and those whose answers have not left yet. */
  underWay(): number
  close(): Promise<void>
}

const clock = Date.now

/** INVALID_ARGUMENT for an access file or a tenant that cannot be used. */
export async function assemble(config: Config, options: AssemblyOptions): Promise<Assembly> {
  const { listening, origin, phase, log, ...hooks } = options
  const { accessFile } = config
  const access =
    accessFile === undefined ? undefined : liveAccess(accessFile, (file) => checkTenants(config, file))
  if (access) access()
  else await loadApproverKey(config.home)
  const [backend, metrics] = await Promise.all([openBackend(config, log), createMetrics()])
  const tracing = wantsTraces() ? createTracing(log) : undefined
  const running = new Set<Promise<unknown>>()
  const principal = principalHere()

  const gate = createGate({ listening, access, home: config.home, localPrincipal: principal, clock, log })
  const limits = createLimits({ limits: listening.limits, backend, metrics })
  const desks = createDesks({
    config,
    access,
    listening,
    shared: { log, backend, approvalPage: (code) => `${origin()}/approve/${code}` },
    metadataUrl: () => gate.metadataUrl,
    ...hooks,
    observe: metrics.tool,
    ...(tracing && { tracing }),
    work: createWork(() => metrics.refused('work'), listening.limits.concurrency),
    running(call) {
      const settled = call.catch(() => {}).finally(() => running.delete(settled))
      running.add(settled)
    },
    clock,
  })
  const appOf = async (identity: Identity) => {
    const { desk, leave } = await desks.enter(identity)
    leave()
    return desk.app
  }
  const page = createApprovalPage({
    gate,
    identify: limits.identify,
    approvals: async (identity) => (await appOf(identity)).approvals(),
    audit: async (identity) => (await appOf(identity)).audit(),
    key: () => backend.key(),
    clock,
    log,
  })
  const health = createHealth({
    backend,
    service: async () => (await desks.own()).app.service(),
    principal,
    // Where every caller belongs to a tenant, the server itself may have no directory.
    local: config.roots.length === 0 ? [] : config.providers.filter((name) => !REMOTE.has(name)),
    remote: config.providers.filter((name) => REMOTE.has(name)),
    clock,
    log,
  })
  const sessions = () => desks.open().reduce((sum, desk) => sum + desk.sessions(), 0)
  metrics.gauge('snapshot_mcp_sessions', 'Sessions of clients before 2026-07-28', sessions)
  metrics.gauge('snapshot_mcp_streams', 'Open streams', () => limits.open.streams)
  metrics.gauge('snapshot_mcp_calls_running', 'Tool calls that run', () => running.size)
  metrics.gauge('snapshot_mcp_state_up', '1 while the state can be used', async () =>
    Number(await health.stateIsUp()),
  )

  return {
    answer: createFace({
      names: createNames(listening),
      gate,
      limits,
      desks,
      page,
      health,
      metrics,
      phase,
      log,
    }),
    metrics,
    shared: backend.shared,
    underWay: () => Math.max(running.size, limits.open.calls),
    async close() {
      await desks.close()
      await backend.close()
      await tracing?.close()
    },
  }
}
