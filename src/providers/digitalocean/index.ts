import type { Capabilities, Provider } from '../../snapshots/provider.ts'
import type { CloudOptions } from '../cloud.ts'
import { realTime } from '../http/time.ts'
import { rising } from '../rising.ts'
import { connect } from './connect.ts'
import { create, planCreate, resumeCreate } from './create.ts'
import { type Env, PROVIDER } from './env.ts'
import { findSnapshot, listSnapshots } from './find.ts'
import { health } from './health.ts'
import { deleteSnapshots, planDelete } from './remove.ts'
import { planRestore, restore, resumeRestore } from './restore.ts'
import { listSources, resolveSource } from './sources.ts'
import { unprotect, update } from './update.ts'

export { type AccountTransfer, createAccountTransfer } from './account-transfer.ts'

export interface DigitalOceanOptions extends CloudOptions {
  /** False: a restore in place overwrites the disk without saving it first. Default: true. */
  safetySnapshots?: boolean
}

const CAPABILITIES: Capabilities = {
  source_kinds: ['droplet', 'volume'],
  recipes: [],
  create: ['name', 'labels'],
  captures: ['disk'],
  restore_modes: ['in_place', 'new'],
  deletion: 'permanent',
  paths: false,
  count: false,
  diff: false,
  verifies: false,
  update: ['name', 'labels', 'protected', 'add_regions'],
  consistency:
    'The disk is captured as after a power failure while the machine runs; digitalocean:{"power_off":true} shuts a Droplet down for it. The snapshot of a volume is restored with mode "new" only, and keeps its name and its region.',
}

/** Snapshots of Droplets and of volumes at DigitalOcean. */
export function createDigitalOceanProvider(options: DigitalOceanOptions): Provider {
  const { time = realTime, random = Math.random, safetySnapshots = true } = options
  const env: Env = { api: connect(options), time, random, safetySnapshots }
  return {
    name: PROVIDER,
    contract: 1,
    capabilities: CAPABILITIES,
    resolveSource: (text, ctx) => resolveSource(env, text, ctx),
    sources: (query, ctx) => listSources(env, query, ctx),
    planCreate: (request, ctx) => planCreate(env, request, ctx),
    create: (request, ctx) => create(env, request, rising(ctx)),
    list: (query, ctx) => listSnapshots(env, query, ctx),
    get: async (native, ctx) => (await findSnapshot(env, native, ctx)).snapshot,
    planRestore: (request, ctx) => planRestore(env, request, ctx),
    restore: (plan, ctx) => restore(env, plan, rising(ctx)),
    planDelete: (natives, ctx) => planDelete(env, natives, ctx),
    delete: (plan, ctx) => deleteSnapshots(env, plan, rising(ctx)),
    update: (native, change, ctx) => update(env, native, change, rising(ctx)),
    unprotect: (native, ctx) => unprotect(env, native, ctx),
    resume: {
      create: (interrupted, ctx) => resumeCreate(env, interrupted, rising(ctx)),
      restore: (interrupted, ctx) => resumeRestore(env, interrupted, rising(ctx)),
    },
    health: (ctx) => health(env, ctx),
    close: env.api.close,
  }
}
