import type { z } from 'zod'
import { SnapshotError } from '../../snapshots/errors.ts'
import { plain } from '../../snapshots/plain.ts'
import type { Query } from '../http/address.ts'
import type { CallContext } from '../http/exchange.ts'
import type { Http } from '../http.ts'
import { isPlainKey, PAGE } from './assumptions.ts'
import { failure } from './engine.ts'
import { Image, Instance, InstancePage, type Metadata, MorphSnapshot, SnapshotPage, Whole } from './wire.ts'

/** What has to be there. A server may not know how to look for it: it is looked for here as well. */
export interface Filter {
  digest?: string | undefined
  metadata?: Record<string, string>
  /** PROVIDER_BUG when any item cannot be read: it might be what is looked for. Else such an item is left out. */
  complete?: true
}

interface Listed {
  id: string
  digest?: string | null | undefined
  metadata?: Metadata | null | undefined
}

interface Kind<T> {
  /** Of the address. */
  name: string
  item: z.ZodType<T>
}

interface Paged<T> extends Kind<T> {
  page: z.ZodType<{ items: unknown[]; has_next?: boolean | null | undefined }>
}

export const SNAPSHOTS: Paged<MorphSnapshot> = { name: 'snapshot', item: MorphSnapshot, page: SnapshotPage }
export const INSTANCES: Paged<Instance> = { name: 'instance', item: Instance, page: InstancePage }
export const IMAGES: Kind<Image> = { name: 'image', item: Image }

/** All that fit, by pages where the server has them. */
export async function listAll<T extends Listed>(
  http: Http,
  kind: Paged<T>,
  filter: Filter,
  ctx: CallContext,
): Promise<T[]> {
  const query = queryFor(filter)
  const found = await byPages(http, kind, query, ctx).catch((error: unknown) => {
    if (!hasNoPages(error)) throw error
    return asWhole(http, kind, query, ctx)
  })
  return readable(found, kind, filter, ctx).filter((item) => fits(item, filter))
}

/** All that there are, of what has no pages. */
export const listWhole = async <T>(http: Http, kind: Kind<T>, ctx: CallContext): Promise<T[]> =>
  readable(await asWhole(http, kind, {}, ctx), kind, {}, ctx)

const asWhole = async (http: Http, { name }: Kind<unknown>, query: Query, ctx: CallContext) =>
  (await http.json({ method: 'GET', path: [name], query, schema: Whole }, ctx)).body

/** Pages shift while things come and go: one that is met twice counts once, and a page without news is the last. */
async function byPages(
  http: Http,
  { name, page }: Paged<unknown>,
  query: Query,
  ctx: CallContext,
): Promise<unknown[]> {
  const found = new Map<string, unknown>()
  for (let number = 1; ; number++) {
    const at = { ...query, page: number, limit: PAGE }
    const { body } = await http.json({ method: 'GET', path: [name, 'list'], query: at, schema: page }, ctx)
    const before = found.size
    for (const item of body.items) found.set(idOf(item) ?? JSON.stringify(item), item)
    if (body.has_next !== true || found.size === before) return [...found.values()]
  }
}

/** One item that is not as it should be must not hide all the others. */
function readable<T>(
  items: readonly unknown[],
  { name, item }: Kind<T>,
  { complete }: Filter,
  { log }: CallContext,
): T[] {
  return items.flatMap((each) => {
    const { data, error } = item.safeParse(each)
    if (!error) return [data]
    const id = plain(idOf(each) ?? 'without an id', 80)
    if (complete) throw oddItem(name, id)
    const [issue] = error.issues
    log.warn(`an ${name} at Morph cannot be read and is left out`, { id, at: issue?.path.join('.') })
    return []
  })
}

const oddItem = (name: string, id: string) =>
  failure(
    'PROVIDER_BUG',
    `Morph lists something that is no ${name} as it should be (${id}). Nothing was changed.`,
    'Call again later.',
  )

function idOf(item: unknown): string | undefined {
  const { id } = Object(item) as { id?: unknown }
  return typeof id === 'string' ? id : undefined
}

/** Older servers take `list` for an id. */
function hasNoPages(error: unknown): boolean {
  return error instanceof SnapshotError && [404, 405, 422].includes(error.problem.status ?? 0)
}

function queryFor({ digest, metadata = {} }: Filter): Query {
  const pairs = Object.entries(metadata).filter(([key]) => isPlainKey(key))
  return { digest, ...Object.fromEntries(pairs.map(([key, value]) => [`metadata[${key}]`, value])) }
}

function fits({ digest, metadata }: Listed, wanted: Filter): boolean {
  return (
    (wanted.digest === undefined || digest === wanted.digest) &&
    Object.entries(wanted.metadata ?? {}).every(([key, value]) => metadata?.[key] === value)
  )
}
