import { z } from 'zod'
import { absent } from '../absent.ts'
import type { CallContext } from '../http/exchange.ts'
import type { Http } from '../http.ts'
import {
  Captured,
  KeyRecord,
  LogAddress,
  PushAccess,
  SandboxPage,
  SandboxRecord,
  SnapshotPage,
  SnapshotRecord,
  Usage,
} from './schemas.ts'

/** The most that a list gives at once. */
const PAGE = 200
/** A list that goes on for longer than this is not going to end. */
const MOST_PAGES = 500

export type Api = ReturnType<typeof createApi>

/** The items that are as described: what else there may be is no reason to show none. */
function described<T>(items: readonly unknown[], schema: z.ZodType<T>, { log }: CallContext): T[] {
  const parsed = items.map((item) => schema.safeParse(item))
  const odd = parsed.filter(({ success }) => !success)
  if (odd.length > 0)
    log.warn('items of a list are not as Daytona describes them, and left out', {
      left_out: odd.length,
      first: odd[0]!.error!.issues[0]!.path.join('.'),
    })
  return parsed.flatMap(({ data, success }) => (success ? [data] : []))
}

/** The requests, one function each. Ids and names go into the address as one segment, slashes and all. */
export function createApi(http: Http) {
  const get = <T>(path: string[], schema: z.ZodType<T>, ctx: CallContext, query = {}) =>
    http.json({ method: 'GET', path, query, schema }, ctx).then(({ body }) => body)
  const post = <T>(path: string[], body: object | undefined, schema: z.ZodType<T>, ctx: CallContext) =>
    http
      .json(
        { method: 'POST', path, schema, ...(body && { body }), firstByteMs: 60_000, timeoutMs: 120_000 },
        ctx,
      )
      .then((reply) => reply.body)

  return {
    snapshot: (idOrName: string, ctx: CallContext) => get(['snapshots', idOrName], SnapshotRecord, ctx),
    /** Undefined: there is none. */
    findSnapshot: (idOrName: string, ctx: CallContext) =>
      get(['snapshots', idOrName], SnapshotRecord, ctx).catch(absent),

    /** All of them. The order is one that does not move while they are read. */
    async snapshots(ctx: CallContext): Promise<SnapshotRecord[]> {
      const all = new Map<string, SnapshotRecord>()
      for (let page = 1, pages = 1; page <= pages; page++) {
        const query = { page, limit: PAGE, sort: 'createdAt', order: 'asc' }
        const { items, totalPages } = await get(['snapshots'], SnapshotPage, ctx, query)
        for (const item of described(items, SnapshotRecord, ctx)) all.set(item.id, item)
        pages = Math.min(totalPages, MOST_PAGES)
      }
      return [...all.values()]
    },

    /** The vendor's own come last: undefined when there are no others. */
    async anySnapshot(ctx: CallContext): Promise<SnapshotRecord | undefined> {
      const { items } = await get(['snapshots'], SnapshotPage, ctx, { page: 1, limit: 1 })
      return described(items, SnapshotRecord, ctx).find(({ general }) => !general)
    },

    createSnapshot: (body: object, ctx: CallContext) => post(['snapshots'], body, SnapshotRecord, ctx),
    activate: (id: string, ctx: CallContext) =>
      post(['snapshots', id, 'activate'], undefined, z.unknown(), ctx),
    deactivate: (id: string, ctx: CallContext) =>
      post(['snapshots', id, 'deactivate'], undefined, z.unknown(), ctx),
    /** NOT_FOUND when it was gone before. Never by name: that is refused. */
    removeSnapshot: (id: string, ctx: CallContext) => http.remove({ path: ['snapshots', id] }, ctx),

    sandbox: (idOrName: string, ctx: CallContext) => get(['sandbox', idOrName], SandboxRecord, ctx),
    findSandbox: (idOrName: string, ctx: CallContext) =>
      get(['sandbox', idOrName], SandboxRecord, ctx).catch(absent),

    async sandboxes(ctx: CallContext): Promise<SandboxRecord[]> {
      const all = new Map<string, SandboxRecord>()
      let cursor: string | null | undefined
      for (let page = 0; page < MOST_PAGES; page++) {
        const query = { limit: PAGE, ...(cursor && { cursor }) }
        const { items, nextCursor } = await get(['sandbox'], SandboxPage, ctx, query)
        for (const item of described(items, SandboxRecord, ctx)) all.set(item.id, item)
        cursor = nextCursor
        if (!cursor) break
      }
      return [...all.values()]
    },

    captureSandbox: (id: string, body: object, ctx: CallContext) =>
      post(['sandbox', id, 'snapshot'], body, Captured, ctx),
    createSandbox: (body: object, ctx: CallContext) => post(['sandbox'], body, SandboxRecord, ctx),
    forkSandbox: (id: string, body: object, ctx: CallContext) =>
      post(['sandbox', id, 'fork'], body, SandboxRecord, ctx),
    /** What was forked from it, and is there. */
    forks: async (id: string, ctx: CallContext) =>
      described(await get(['sandbox', id, 'forks'], z.array(z.unknown()), ctx), SandboxRecord, ctx),
    removeSandbox: (id: string, ctx: CallContext) => http.remove({ path: ['sandbox', id] }, ctx),

    pushAccess: (ctx: CallContext) => get(['object-storage', 'push-access'], PushAccess, ctx),
    logAddress: (id: string, ctx: CallContext) => get(['snapshots', id, 'build-logs-url'], LogAddress, ctx),
    /** UNSUPPORTED for an address that must not see the key. */
    logAt: (url: string, timeoutMs: number, ctx: CallContext) =>
      http.lines({ url, query: { follow: true }, timeoutMs }, ctx),
    /** The older way to the same log, by way of the API itself. */
    log: (id: string, timeoutMs: number, ctx: CallContext) =>
      http.lines({ path: ['snapshots', id, 'build-logs'], query: { follow: true }, timeoutMs }, ctx),

    key: (ctx: CallContext) => get(['api-keys', 'current'], KeyRecord, ctx),
    usage: (organization: string, ctx: CallContext) =>
      get(['organizations', organization, 'usage'], Usage, ctx),
  }
}
