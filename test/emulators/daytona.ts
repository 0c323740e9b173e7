import { randomBytes } from 'node:crypto'
import { authorize, rateHeaders } from './daytona/access.ts'
import { accountRoutes } from './daytona/account.ts'
import { activationRoutes, retireUnused } from './daytona/activation.ts'
import { buildLogRoutes, serveProxy } from './daytona/build-logs.ts'
import { captureRoutes } from './daytona/captures.ts'
import { forkRoutes } from './daytona/forks.ts'
import { lifecycleRoutes } from './daytona/lifecycle.ts'
import type { ApiKey, Doom, Generation, Quotas, Sandbox, Snapshot, World } from './daytona/model.ts'
import { look, type Pace } from './daytona/progress.ts'
import { pushAccessRoutes } from './daytona/push-access.ts'
import { badJson, problem, refusing } from './daytona/refusals.ts'
import { sandboxRoutes } from './daytona/sandboxes.ts'
import { snapshotRoutes } from './daytona/snapshots.ts'
import { objectStore, serveStorage } from './daytona/storage.ts'
import { type RateLimits, TIER_1, throttle } from './daytona/throttle.ts'
import { addSandbox, addSnapshot, createWorld } from './daytona/world.ts'
import { type EmulatorServer, serveEmulator } from './http.ts'
import type { Routes } from './routing.ts'

export interface DaytonaOptions {
  /** Default: a random one. */
  key?: string
  /** Default: all that there are. */
  permissions?: ApiKey['permissions']
  /** Milliseconds since the epoch. */
  now?: () => number
  /** Default: `record-first`, as in production since mid-2026. */
  generation?: Generation
  /** Looks at a thing that still find it in its former state, for every step that it takes; default 1. */
  pollsToComplete?: number
  /** Let every step take seconds of the clock instead, for people who play with it. */
  secondsToComplete?: number
  /** Requests a minute. Default: those of the lowest tier. */
  limits?: Partial<RateLimits>
  quotas?: Partial<Quotas>
  port?: number
}

export interface Daytona extends EmulatorServer {
  key: string
  /** What clients call the API URL: the origin and the base path. */
  apiUrl: string
  /** Everything that is there, to look at and to change. */
  world: World
  /** What the organisation starts with: a started sandbox, and the vendor's default snapshot. Both in region us. */
  sandbox: Sandbox
  general: Snapshot
  /** Where build contexts are uploaded to, and where build logs come from: other origins, as in reality. */
  storage: EmulatorServer
  proxy: EmulatorServer
  addSnapshot(given?: Partial<Snapshot>): Snapshot
  addSandbox(given?: Partial<Sandbox>): Sandbox
  /** The next thing of this kind fails. */
  failNext(what: Doom['what'], reason?: string): void
}

const PERMISSIONS: ApiKey['permissions'] = [
  ...(['write:snapshots', 'delete:snapshots', 'write:sandboxes', 'delete:sandboxes'] as const),
]
/** Of the lowest tier, as far as they are published. */
const QUOTAS: Quotas = {
  ...{ snapshots: 30, maxCpu: 4, maxMemory: 8, maxDisk: 10 },
  ...{ totalCpu: 10, totalMemory: 10, totalDisk: 30 },
}

/**
 * Emulates the part of the Daytona API that has to do with snapshots, after its public description, the record of a
 * running v0.190 and the source of that version. Where they are silent, `daytona/assumptions.ts` decides.
 */
export async function createDaytona(options: DaytonaOptions = {}): Promise<Daytona> {
  const now = options.now ?? Date.now
  const { secondsToComplete: seconds, pollsToComplete: polls = 1 } = options
  const pace: Pace = seconds === undefined ? { polls } : { seconds }
  const limits = { ...TIER_1, ...options.limits }
  const throttling = throttle(limits, now)
  const objects = objectStore()
  const storage = await serveStorage(objects)
  const proxy = await serveProxy(() => world)
  const world = createWorld({
    ...{ now, pace, objects, generation: options.generation ?? 'record-first' },
    key: {
      value: options.key ?? `dtn_${randomBytes(32).toString('hex')}`,
      ...{ name: 'emulator', createdAt: now(), lastUsedAt: null },
      permissions: options.permissions ?? PERMISSIONS,
    },
    quotas: { ...QUOTAS, ...options.quotas },
    origins: { proxy: proxy.url, storage: storage.url },
  })
  const server = await serveEmulator({
    routes: routesOf(world, limits),
    order: ['json', 'route', 'authorize'],
    authorize(x) {
      const refusal = authorize(world, throttling, x)
      // What is due by the clock happens whether anybody looks or not.
      if ('seconds' in pace) look(world)
      retireUnused(world)
      return refusal
    },
    notFound: (x) => problem(x, now(), 404, `Cannot ${x.method} ${x.path}`),
    badJson,
    headers: (x) => rateHeaders(world, throttling, x),
    ...(options.port === undefined ? {} : { port: options.port }),
  })
  const sandbox = addSandbox(world, { name: 'devbox', content: 'the first state of devbox' })
  return {
    ...server,
    key: world.key.value,
    apiUrl: `${server.url}/api`,
    ...{ world, sandbox, storage, proxy },
    general: [...world.snapshots.values()][0]!,
    addSnapshot: (given) => addSnapshot(world, given),
    addSandbox: (given) => addSandbox(world, given),
    failNext: (what, reason = `the next ${what} was to fail`) => void world.doomed.push({ what, reason }),
    async close() {
      await Promise.all([server.close(), storage.close(), proxy.close()])
    },
  }
}

function routesOf(world: World, limits: RateLimits): Routes {
  const routes: Routes = {
    ...accountRoutes(world, limits),
    ...pushAccessRoutes(world),
    ...snapshotRoutes(world),
    ...activationRoutes(world),
    ...buildLogRoutes(world),
    ...sandboxRoutes(world),
    ...lifecycleRoutes(world),
    ...captureRoutes(world),
    ...forkRoutes(world),
  }
  return Object.fromEntries(
    Object.entries(routes).map(([route, handler]) => [route, refusing(world.now, handler)]),
  )
}
