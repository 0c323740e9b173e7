import type { Routes } from '../routing.ts'
import { ASSUMED } from './assumptions.ts'
import { DEFAULT_SNAPSHOT, REGIONS } from './catalogue.ts'
import type { World } from './model.ts'
import { sandboxUsage, snapshotUsage } from './quotas.ts'
import { refuse } from './refusals.ts'
import type { RateLimits, Throttler } from './throttle.ts'

/** Regions, the server's configuration, the key, and what the organisation uses. */
export function accountRoutes(world: World, limits: RateLimits): Routes {
  const since = new Date(world.now()).toISOString()
  const regions = (only: (region: (typeof REGIONS)[number]) => boolean) => ({
    status: 200,
    body: REGIONS.filter(only).map(({ id }) => ({
      ...{ id, name: id, organizationId: null, regionType: 'shared', createdAt: since, updatedAt: since },
      ...{ proxyUrl: null, sshGatewayUrl: null, snapshotManagerUrl: null },
    })),
  })
  return {
    'GET /api/regions': () => regions(({ available }) => available),
    'GET /api/shared-regions': () => regions(() => true),
    'GET /api/config': () => ({ status: 200, body: configuration(world, limits) }),
    'GET /api/api-keys/current': () => ({ status: 200, body: keyJson(world) }),
    'GET /api/organizations/{organization}/usage': ({ params }) => {
      if (params.organization !== world.organizationId) refuse(403, ASSUMED.accessDeniedToOrganization)
      return { status: 200, body: usage(world) }
    },
  }
}

function configuration(world: World, limits: RateLimits) {
  const limit = (name: Throttler) => ({ ttl: 60, limit: limits[name] })
  return {
    version: world.generation === 'v0.190' ? '0.190.0' : '0.205.1',
    oidc: { issuer: `${world.origins.proxy}/dex`, clientId: 'daytona', audience: 'daytona' },
    linkedAccountsEnabled: false,
    announcements: {},
    proxyTemplateUrl: world.origins.proxy.replace('://', '://{{PORT}}-{{sandboxId}}.'),
    proxyToolboxUrl: `${world.origins.proxy}/toolbox`,
    defaultSnapshot: DEFAULT_SNAPSHOT.name,
    dashboardUrl: `${world.origins.proxy}/dashboard`,
    maxAutoArchiveInterval: 43_200,
    maintananceMode: false,
    environment: 'emulator',
    rateLimit: {
      failedAuth: limit('failed-auth'),
      authenticated: limit('authenticated'),
      sandboxCreate: limit('sandbox-create'),
      sandboxLifecycle: limit('sandbox-lifecycle'),
    },
  }
}

function keyJson({ key, organizationId }: World) {
  const { name, value, permissions, createdAt, lastUsedAt } = key
  return {
    name,
    value: `${value.slice(0, 4)}********************${value.slice(-3)}`,
    createdAt: new Date(createdAt).toISOString(),
    permissions,
    lastUsedAt: lastUsedAt === null ? null : new Date(lastUsedAt).toISOString(),
    expiresAt: null,
    userId: `user-of-${organizationId}`,
  }
}

function usage(world: World) {
  const { quotas } = world
  const regionUsage = REGIONS.filter(({ available }) => available).flatMap(({ id, classes }) =>
    classes.map((sandboxClass) => {
      const used = sandboxUsage(world, (one) => one.target === id && one.sandboxClass === sandboxClass)
      return {
        ...{ regionId: id, sandboxClass },
        ...{ totalCpuQuota: quotas.totalCpu, currentCpuUsage: used.cpu },
        ...{ totalMemoryQuota: quotas.totalMemory, currentMemoryUsage: used.memory },
        ...{ totalDiskQuota: quotas.totalDisk, currentDiskUsage: used.disk },
        ...{ totalGpuQuota: 0, currentGpuUsage: 0, allowedGpuTypes: [] },
        ...{ maxCpuPerSandbox: quotas.maxCpu, maxMemoryPerSandbox: quotas.maxMemory },
        ...{ maxDiskPerSandbox: quotas.maxDisk, maxDiskPerNonEphemeralSandbox: null },
        ...{ maxCpuPerGpu: null, maxMemoryPerGpu: null, maxDiskPerGpu: null },
      }
    }),
  )
  return {
    regionUsage,
    totalSnapshotQuota: quotas.snapshots,
    currentSnapshotUsage: snapshotUsage(world),
    totalVolumeQuota: 100,
    currentVolumeUsage: 0,
  }
}
