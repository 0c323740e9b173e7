import type { Capabilities, ListQuery, Provider } from '../../snapshots/provider.ts'
import { MorphList } from '../../snapshots/requests.ts'
import type { CloudOptions } from '../cloud.ts'
import { realTime } from '../http/time.ts'
import { createHttp } from '../http.ts'
import { snapshotPage } from '../pages.ts'
import { rising } from '../rising.ts'
import { sourceKey } from '../sources.ts'
import { createApi } from './api.ts'
import { create, resumeCreate } from './create.ts'
import { deleteSnapshots, planDelete } from './delete.ts'
import { morphDialect } from './dialect.ts'
import { MORPH, type Morph } from './engine.ts'
import { health } from './health.ts'
import { KEY } from './metadata.ts'
import { planRestore, restore, resumeRestore } from './restore.ts'
import { resolveSource, sources } from './sources.ts'
import { unprotect, update } from './update.ts'
import { toSnapshot } from './view.ts'

const BASE_URL = 'https://cloud.morph.so/api'

const CAPABILITIES: Capabilities = {
  source_kinds: ['instance', 'image'],
  recipes: ['image'],
  create: ['name', 'note', 'labels', 'ttl'],
  captures: ['disk', 'memory'],
  restore_modes: ['new'],
  deletion: 'permanent',
  paths: false,
  count: true,
  diff: false,
  verifies: false,
  update: ['name', 'note', 'labels', 'ttl', 'protected'],
  consistency:
    'Morph holds the instance still while it saves its memory and its disk as they are at one moment; an image does not change.',
}

/** Snapshots of instances and images at Morph Cloud. */
export function createMorphProvider(options: CloudOptions): Provider {
  const { key, baseUrl = BASE_URL, time = realTime, random = Math.random } = options
  const http = createHttp({ provider: MORPH.provider, baseUrl, key, dialect: morphDialect, time, random })
  const morph: Morph = { api: createApi(http), time, random }

  return {
    name: MORPH.provider,
    contract: 1,
    capabilities: CAPABILITIES,
    resolveSource: (text, ctx) => resolveSource(morph, text, ctx),
    sources: (query, ctx) => sources(morph, query, ctx),
    create: (request, ctx) => create(morph, request, rising(ctx)),
    async list(query, ctx) {
      const { digest } = MorphList.parse(query.options ?? {})
      const found = await morph.api.snapshots({ digest, metadata: mustHave(query) }, ctx)
      return snapshotPage(found.map(toSnapshot), query)
    },
    get: async (id, ctx) => toSnapshot(await morph.api.snapshot(id, ctx)),
    planRestore: (request, ctx) => planRestore(morph, request, ctx),
    restore: (plan, ctx) => restore(morph, plan, rising(ctx)),
    planDelete: (ids, ctx) => planDelete(morph, ids, ctx),
    delete: (plan, ctx) => deleteSnapshots(morph, plan, rising(ctx)),
    update: (id, change, ctx) => update(morph, id, change, rising(ctx)),
    unprotect: (id, ctx) => unprotect(morph, id, rising(ctx)),
    resume: {
      create: (interrupted, ctx) => resumeCreate(morph, interrupted, rising(ctx)),
      restore: (interrupted, ctx) => resumeRestore(morph, interrupted, rising(ctx)),
    },
    health: (ctx) => health(morph, ctx),
    close: () => morph.api.close(),
  }
}

/** What every snapshot of the answer carries, so that Morph need not send the others. */
const mustHave = ({ labels, source }: ListQuery): Record<string, string> => ({
  ...labels,
  // An image may also be the base of what other programs have made.
  ...(source?.kind === 'instance' && { [KEY.source]: sourceKey(source) }),
})
