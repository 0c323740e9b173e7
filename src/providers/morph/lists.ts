import type { z } from 'zod'
import { SnapshotError } from '../../snapshots/errors.ts'
import type { Query } from '../http/address.ts'
import type { CallContext } from '../http/exchange.ts'
import type { Http } from '../http.ts'
import { isPlainKey, PAGE } from './assumptions.ts'
import { Instance, InstancePage, type Metadata, MorphSnapshot, SnapshotPage, Whole } from './wire.ts'

/** What has to be there. A server may not know how to look for it: it is looked for here as well. */
export interface Filter {
  digest?: string
  metadata?: Record<string, string>
}

interface Listed {
  id: string
  digest?: string | null | undefined
  metadata?: Metadata | null | undefined
}

interface Kind<T extends Listed> {
  /** Of the address. */
  name: string
  page: z.ZodType<{ items: T[]; has_next?: boolean | null | undefined }>
  whole: z.ZodType<T[]>
}

export const SNAPSHOTS: Kind<MorphSnapshot> = {
  name: 'snapshot',
  page: SnapshotPage,
  whole: Whole(MorphSnapshot),
}
export const INSTANCES: Kind<Instance> = { name: 'instance', page: InstancePage, whole: Whole(Instance) }

/** All that there are, by pages where the server has them. */
export async function listAll<T extends Listed>(
  http: Http,
  kind: Kind<T>,
  filter: Filter,
  ctx: CallContext,
): Promise<T[]> {
  const query = queryFor(filter)
  const found = await byPages(http, kind, query, ctx).catch(async (error: unknown) => {
    if (!hasNoPages(error)) throw error
    const { body } = await http.json({ method: 'GET', path: [kind.name], query, schema: kind.whole }, ctx)
    return body
  })
  return found.filter((item) => fits(item, filter))
}

/** Pages shift while things come and go: one that is met twice counts once, and a page without news is the last. */
async function byPages<T extends Listed>(
  http: Http,
  { name, page }: Kind<T>,
  query: Query,
  ctx: CallContext,
): Promise<T[]> {
  const found = new Map<string, T>()
  for (let number = 1; ; number++) {
    const at = { ...query, page: number, limit: PAGE }
    const { body } = await http.json({ method: 'GET', path: [name, 'list'], query: at, schema: page }, ctx)
    const before = found.size
    for (const item of body.items) found.set(item.id, item)
    if (body.has_next !== true || found.size === before) return [...found.values()]
  }
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
