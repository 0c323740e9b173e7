import type { Capabilities, Provider } from '../../snapshots/provider.ts'
import type { CloudOptions } from '../cloud.ts'
import { realTime } from '../http/time.ts'
import { createHttp } from '../http.ts'
import { createActivation } from './activation.ts'
import { createApi } from './api.ts'
import { RATE } from './assumptions.ts'
import type { Cloud } from './cloud.ts'
import { createCreates } from './create.ts'
import { createDeleting } from './deleting.ts'
import { daytonaDialect } from './dialect.ts'
import { health } from './health.ts'
import { createListing } from './listing.ts'
import { NAMES } from './names.ts'
import { createRestoring } from './restore.ts'
import { createSandboxNames } from './sandbox-names.ts'
import { createSources, SOURCE_KINDS } from './sources.ts'
import { createStorage } from './storage.ts'
import { PROVIDER } from './view.ts'

const BASE_URL = 'https://app.daytona.io/api'

const CAPABILITIES: Capabilities = {
  source_kinds: SOURCE_KINDS,
  recipes: ['image', 'dockerfile'],
  rooted: ['dockerfile'],
  create: ['name'],
  names: NAMES,
  captures: ['disk', 'memory'],
  restore_modes: ['new'],
  deletion: 'permanent',
  paths: false,
  count: true,
  diff: false,
  verifies: false,
  update: ['active'],
  consistency:
    'Daytona captures the disk of a sandbox while no other change of its state is possible; what programs have not written yet is not in it.',
}

export interface DaytonaOptions extends CloudOptions {
  /** Where sandboxes and snapshots are made unless a call says otherwise. Default: that of the organisation. */
  region?: string
  /** For the token of a person, who may have several; a key belongs to one. */
  organizationId?: string
  /** Where Dockerfiles may be read. */
  roots: readonly string[]
}

/** Snapshots of Daytona: of sandboxes, and of images and Dockerfiles that sandboxes are made from. */
export function createDaytonaProvider(options: DaytonaOptions): Provider {
  const { key, roots, region, organizationId, time = realTime, random = Math.random } = options
  const withOrganization = organizationId !== undefined && isToken(key.reveal())
  const http = createHttp({
    ...{ provider: PROVIDER, baseUrl: options.baseUrl ?? BASE_URL, key, dialect: daytonaDialect },
    ...{ rate: RATE, time, random },
    ...(withOrganization && { headers: { 'x-daytona-organization-id': organizationId } }),
  })
  const api = createApi(http)
  const storage = createStorage({ time, random })
  const cloud: Cloud = { api, storage, names: createSandboxNames(api), time, random, region, roots }
  const listing = createListing(cloud)
  const { update, activate } = createActivation(cloud, listing)
  const creating = createCreates(cloud)
  const restoring = createRestoring(cloud, listing, activate)
  const { planRestore, restore } = restoring
  return {
    ...{ name: PROVIDER, contract: 1, capabilities: CAPABILITIES },
    ...createSources(cloud),
    ...{ list: listing.list, get: listing.get },
    create: creating.create,
    ...{ planRestore, restore, update },
    ...createDeleting(cloud, listing),
    resume: { create: creating.resume, restore: restoring.resume },
    health: (ctx) => health(api, organizationId, ctx),
    async close() {
      await Promise.all([http.close(), storage.close()])
    },
  }
}

/** A JWT, which is three parts in base64; a key is one word. */
const isToken = (key: string) => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(key)
