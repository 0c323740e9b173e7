import { z } from 'zod'
import { SnapshotError } from '../../snapshots/errors.ts'
import { quotedName } from '../../snapshots/plain.ts'
import type { CallContext } from '../http/exchange.ts'
import type { Http } from '../http.ts'
import { noSnapshot } from '../refusals.ts'
import { ANSWER_MS, CAPTURE_ANSWER_MS, isId } from './assumptions.ts'
import { failure, MORPH } from './engine.ts'
import { type Filter, IMAGES, INSTANCES, listAll, listWhole, SNAPSHOTS } from './lists.ts'
import { Branched, type Image, Instance, MorphSnapshot, Quota } from './wire.ts'

/** Of a machine; what is undefined is as the vendor chooses, or as it was. Memory and disk in MB. */
export interface Resources {
  vcpus?: number | undefined
  memory?: number | undefined
  disk_size?: number | undefined
}

/** What can be said about anything new. */
interface Wishes {
  metadata: Record<string, string>
  ttl_seconds?: number | undefined
}

export interface Captured extends Wishes {
  digest: string
}
export interface Branch {
  /** Of copies. */
  count: number
  digest: string
  snapshot_metadata: Record<string, string>
  /** One for each copy. */
  instance_metadata: Record<string, string>[]
}
export interface Started extends Wishes {
  ttl_action?: 'stop' | 'pause' | undefined
}

/** The calls of Morph Cloud's API that are used here, one function each. They fail as `Http` does. */
export interface Api {
  images(ctx: CallContext): Promise<Image[]>
  instances(filter: Filter, ctx: CallContext): Promise<Instance[]>
  /** NOT_FOUND also for what no instance can be called. */
  instance(id: string, ctx: CallContext): Promise<Instance>
  snapshots(filter: Filter, ctx: CallContext): Promise<MorphSnapshot[]>
  /** NOT_FOUND also for one that is deleted: the vendor keeps it for a while. */
  snapshot(id: string, ctx: CallContext): Promise<MorphSnapshot>
  createFromImage(image: string, wishes: Captured & Resources, ctx: CallContext): Promise<MorphSnapshot>
  /** Answers before the work is done, where the server can. */
  capture(instance: string, wishes: Captured, ctx: CallContext): Promise<MorphSnapshot>
  /** Captures, and starts copies with the memory as it was, in one. Answers when the copies are on their way. */
  branch(instance: string, branch: Branch, ctx: CallContext): Promise<Branched>
  /** With the memory as it was. */
  startWarm(snapshot: string, wishes: Started, ctx: CallContext): Promise<Instance>
  startCold(snapshot: string, wishes: Started & Resources, ctx: CallContext): Promise<Instance>
  /** Replaces all of it. */
  setMetadata(snapshot: string, metadata: Record<string, unknown>, ctx: CallContext): Promise<void>
  /** From now on; null for ever. */
  setTtl(snapshot: string, seconds: number | null, ctx: CallContext): Promise<void>
  deleteSnapshot(id: string, ctx: CallContext): Promise<void>
  quota(ctx: CallContext): Promise<Quota>
  close(): Promise<void>
}

export function createApi(http: Http): Api {
  const get = async <T>(path: string[], schema: z.ZodType<T>, ctx: CallContext) =>
    (await http.json({ method: 'GET', path, schema }, ctx)).body

  const getById = async <T>(
    kind: 'snapshot' | 'instance',
    id: string,
    schema: z.ZodType<T>,
    ctx: CallContext,
  ) => {
    if (!isId(id)) throw UNKNOWN[kind](id)
    try {
      return await get([kind, id], schema, ctx)
    } catch (error) {
      // What does not look like an id to the server is none.
      if (error instanceof SnapshotError && error.problem.status === 422) throw UNKNOWN[kind](id)
      throw error
    }
  }

  /** Whatever makes or changes something. */
  const post = async <T>(
    path: string[],
    body: object,
    schema: z.ZodType<T>,
    ctx: CallContext,
    more: { query?: Record<string, string>; waitMs?: number } = {},
  ) => {
    const { query = {}, waitMs = ANSWER_MS } = more
    const times = { firstByteMs: waitMs, timeoutMs: waitMs }
    return (await http.json({ method: 'POST', path, query, body, schema, ...times }, ctx)).body
  }

  return {
    images: (ctx) => listWhole(http, IMAGES, ctx),
    instances: (filter, ctx) => listAll(http, INSTANCES, filter, ctx),
    instance: (id, ctx) => getById('instance', id, Instance, ctx),
    async snapshots(filter, ctx) {
      const found = await listAll(http, SNAPSHOTS, filter, ctx)
      return found.filter(({ status }) => status !== 'deleted')
    },
    async snapshot(id, ctx) {
      const found = await getById('snapshot', id, MorphSnapshot, ctx)
      if (found.status === 'deleted') throw UNKNOWN.snapshot(id)
      return found
    },
    createFromImage: (image_id, wishes, ctx) =>
      post(['snapshot'], { image_id, ...wishes }, MorphSnapshot, ctx),
    capture(instance, { digest, ...wishes }, ctx) {
      // Older servers read the digest from the query only.
      const more = { query: { digest }, waitMs: CAPTURE_ANSWER_MS }
      const body = { digest, ...wishes, sync: false }
      return post(['instance', instance, 'snapshot'], body, MorphSnapshot, ctx, more)
    },
    branch(instance, { count, digest, ...metadata }, ctx) {
      const more = { query: { count: String(count), digest }, waitMs: CAPTURE_ANSWER_MS }
      return post(['instance', instance, 'branch'], metadata, Branched, ctx, more)
    },
    startWarm: (snapshot_id, wishes, ctx) =>
      post(['instance'], wishes, Instance, ctx, { query: { snapshot_id } }),
    startCold: (snapshot, wishes, ctx) => post(['snapshot', snapshot, 'boot'], wishes, Instance, ctx),
    async setMetadata(snapshot, metadata, ctx) {
      await post(['snapshot', snapshot, 'metadata'], metadata, z.unknown(), ctx)
    },
    async setTtl(snapshot, ttl_seconds, ctx) {
      await post(['snapshot', snapshot, 'ttl'], { ttl_seconds }, z.unknown(), ctx)
    },
    async deleteSnapshot(id, ctx) {
      await http.remove({ path: ['snapshot', id] }, ctx)
    },
    quota: (ctx) => get(['user', 'service', 'quota'], Quota, ctx),
    close: () => http.close(),
  }
}

const UNKNOWN = {
  snapshot: (id: string) => noSnapshot(id, MORPH),
  instance: (id: string) =>
    failure(
      'NOT_FOUND',
      `There is no instance ${quotedName(id)}. Nothing was changed.`,
      'snapshot_sources lists the instances.',
    ),
} as const
