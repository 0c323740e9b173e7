import type { RecoveryHands } from '../../snapshots/interrupted.ts'
import type {
  Context,
  CreateRequest,
  CreateResult,
  Health,
  Log,
  Provider,
  UpdateRequest,
} from '../../snapshots/provider.ts'
import { LocalCreate } from '../../snapshots/requests.ts'
import type { Expirable } from '../index.ts'
import { rising } from '../rising.ts'
import { capture, withDirectory } from './capture.ts'
import { compare } from './compare.ts'
import type { Engine } from './engine.ts'
import { createJournals } from './journal.ts'
import { createListing } from './listing.ts'
import { fromText } from './names.ts'
import { ownersOfProcess } from './owners.ts'
import { throwIfCancelled } from './pause.ts'
import { planRestore } from './plan.ts'
import { planPurge, purge } from './purge.ts'
import { createRecovery } from './recover.ts'
import { restoreInPlace } from './restore-in-place.ts'
import { restoreNew } from './restore-new.ts'
import { createRoots, noRoots, SET_ROOTS } from './roots.ts'
import { find, shelf } from './shelf.ts'
import { toSnapshot } from './snapshot-view.ts'
import { createStatCache } from './stat-cache.ts'
import { createPassedTime } from './store/passed-time.ts'
import { openStore } from './store/store.ts'
import { systemError } from './system-error.ts'
import { deleteSnapshots, planDelete, trashExpired, undelete, withTrash } from './trash.ts'
import { whileUnchanged } from './unchanged.ts'
import { createUpkeep } from './upkeep.ts'
import { verifyStore } from './verify-store.ts'

export interface LocalOptions {
  /** Directory of the store and its caches. */
  home: string
  /** Directories that may be captured and restored: real absolute paths. */
  roots: readonly string[]
  /** Why there are none. */
  rootsProblem?: string
  maxStoreBytes?: number
  /** Bytes that the snapshots of one source may bring into the store. */
  maxSourceBytes?: number
  /** The store is encrypted with it; a new one is made so. */
  key?: Buffer
  trashWindowMs: number
  /** What of the snapshots whose time is over may go; all, unless it is given. */
  expirable?: Expirable
  /** What a restore does with setuid and setgid bits of files. */
  specialModes: 'keep' | 'strip'
  clock: () => number
  /** Milliseconds since the machine was started. */
  uptime?: () => number
  log: Log
}

/** Snapshots of local directories in a content-addressed store: no account, no daemon, no other program. */
export function createLocalProvider(options: LocalOptions): Provider {
  const { home, clock, log } = options
  const store = openStore(home, {
    ...(options.maxStoreBytes !== undefined && { maxBytes: options.maxStoreBytes }),
    ...(options.key && { key: options.key }),
  })
  const { expirable = (due) => due } = options
  const passed = createPassedTime(`${store.directory}/cache/passed.json`, options)
  const journal = `${store.directory}/journal`
  const engine: Engine = {
    store,
    roots: createRoots(options.roots, options.rootsProblem),
    cache: createStatCache(`${store.directory}/cache`, store.seal),
    journals: createJournals(journal, { clock, log }),
    clock,
    log,
    trashWindowMs: options.trashWindowMs,
    expirable,
    ...(options.maxSourceBytes !== undefined && { maxSourceBytes: options.maxSourceBytes }),
    passed,
    upkeep: createUpkeep({
      ...{ store, clock, log, passed, expirable },
      ...(options.maxStoreBytes !== undefined && { maxBytes: options.maxStoreBytes }),
    }),
    meta: { owners: ownersOfProcess(), specialModes: options.specialModes },
  }
  const listing = createListing(engine)
  const recover = createRecovery(engine)
  // Asked before every call.
  const hasJournals = whileUnchanged([journal], () => engine.journals.names().length > 0)

  return {
    name: 'local',
    contract: 1,
    capabilities: {
      source_kinds: ['path'],
      recipes: [],
      rooted: ['path'],
      create: ['name', 'note', 'labels', 'ttl'],
      captures: ['files'],
      restore_modes: ['in_place', 'new'],
      deletion: 'trash',
      paths: true,
      count: true,
      diff: true,
      verifies: true,
      update: ['name', 'note', 'labels', 'ttl', 'protected'],
      consistency: 'Each file is read until it is stable; files that keep changing are named in the receipt.',
    },
    resolveSource: call('The source cannot be used', (text) => engine.roots.resolveSource(text)),
    sources: call('The sources cannot be listed', listing.sources),
    create: call('The snapshot could not be made', (request, ctx) => create(engine, request, ctx)),
    list: call('The snapshots cannot be listed', listing.list),
    get: call('The snapshot cannot be read', (id) => toSnapshot(find(engine, id), clock())),
    diff: call('The difference cannot be told', (request, ctx) => compare(engine, request, ctx)),
    planRestore: call('The restore cannot be planned', (request, ctx) => planRestore(engine, request, ctx)),
    restore: call('The restore failed', (plan, ctx) =>
      (plan.request.mode === 'new' ? restoreNew : restoreInPlace)(engine, plan, ctx),
    ),
    planDelete: call('The delete cannot be planned', (ids) => planDelete(engine, ids)),
    delete: call('The delete failed', (plan) => deleteSnapshots(engine, plan)),
    undelete: call('The snapshots cannot be taken out of the trash', (ids, ctx) =>
      undelete(engine, ids, ctx),
    ),
    update: (id, change, ctx) =>
      call('The snapshot could not be updated', () => update(engine, id, change, ctx))(undefined, ctx),
    unprotect: call('The protection could not be lifted', (id) => unprotect(engine, id)),
    recover: call('What was interrupted cannot be taken up', async (hands: RecoveryHands, ctx) => {
      if (hasJournals()) await recover(hands, ctx)
    }),
    verify: call('The store cannot be verified', (request, ctx) => verifyStore(engine, request, ctx)),
    planPurge: call('The purge cannot be planned', (request, ctx) => planPurge(engine, request, ctx)),
    purge: call('The purge failed', (plan, ctx) => purge(engine, plan, ctx)),
    health: async () => health(engine, options),
    async close() {
      await engine.upkeep.close()
      engine.cache.flush()
      store.close()
    },
  }
}

/**
 * What every call has in common: it does not begin when it was cancelled before, its progress rises, and the file
 * system's errors come in our words.
 */
function call<R, T>(
  what: string,
  work: (request: R, ctx: Context) => T | Promise<T>,
): (request: R, ctx: Context) => Promise<T> {
  return async (request, ctx) => {
    throwIfCancelled(ctx)
    try {
      return await work(request, rising(ctx))
    } catch (error) {
      throw systemError(error, what)
    }
  }
}

async function create(engine: Engine, request: CreateRequest, ctx: Context): Promise<CreateResult> {
  trashExpired(engine)
  const { exclude = [] } = LocalCreate.parse(request.options ?? {})
  const root = engine.roots.check(fromText(request.source.id))
  const { stored, found } = await withDirectory(root, (directory) =>
    capture(
      engine,
      directory,
      {
        root,
        exclude,
        auto: request.auto,
        details: {
          name: request.name,
          ...(request.note !== undefined && { note: request.note }),
          labels: request.labels,
          protected: request.protected,
          ...(request.expires_at !== undefined && { expires_at: request.expires_at }),
        },
      },
      ctx,
    ),
  )
  engine.upkeep.afterCreate()
  return { snapshot: toSnapshot(stored, engine.clock()), receipt: found.receipt }
}

async function update(engine: Engine, id: string, change: UpdateRequest, { signal }: Context) {
  const { details, trashed } = find(engine, id)
  // What lies in the trash because it expired comes back with its new expiry.
  if (trashed && details.trashed?.expired && change.expires_at !== undefined) {
    await withTrash(engine, signal, () => {
      setDetails(engine, id, change)
      engine.store.manifests.untrash(id)
    })
  } else setDetails(engine, id, change)
  return toSnapshot(find(engine, id), engine.clock())
}

function setDetails(engine: Engine, id: string, change: UpdateRequest): void {
  const { details } = find(engine, id)
  const { expires_at: expires, name, note, labels } = change
  const next = {
    ...details,
    ...(name !== undefined && { name }),
    ...(note !== undefined && { note }),
    ...(labels !== undefined && { labels }),
    ...(change.protected && { protected: true }),
    ...(typeof expires === 'string' && { expires_at: expires }),
  }
  if (expires === null) delete next.expires_at
  engine.store.manifests.setDetails(id, next)
}

function unprotect(engine: Engine, id: string) {
  const { protected_until: _, ...details } = find(engine, id).details
  engine.store.manifests.setDetails(id, { ...details, protected: false })
  return toSnapshot(find(engine, id), engine.clock())
}

async function health(engine: Engine, options: LocalOptions): Promise<Health> {
  engine.store.objects.refresh(true)
  const { stored, damaged } = shelf(engine)
  const missing = engine.store.objects.damaged().length
  const incomplete = stored.filter(({ manifest }) => !engine.store.objects.has(manifest.tree)).length
  return {
    healthy: damaged.length + missing + incomplete === 0 && engine.roots.paths.length > 0,
    usage: {
      store_bytes: engine.store.objects.size(),
      snapshots: stored.filter((entry) => !entry.trashed).length,
      trashed: stored.filter((entry) => entry.trashed).length,
      roots: engine.roots.paths,
    },
    ...(options.maxStoreBytes !== undefined && { quota: { store_bytes: options.maxStoreBytes } }),
    ...(damaged.length + missing + incomplete > 0 && {
      error: {
        code: 'CORRUPT',
        message: `Damaged: ${damaged.length} manifests, ${missing} packs; ${incomplete} snapshots have lost their data. Everything else stays usable.`,
      },
    }),
    ...(engine.roots.paths.length === 0 && {
      error: { code: 'POLICY_DENIED', message: `${noRoots(options.rootsProblem)} ${SET_ROOTS}` },
    }),
  }
}
