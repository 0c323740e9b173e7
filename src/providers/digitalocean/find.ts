import type { Snapshot } from '../../snapshots/model.ts'
import type { ListQuery, Page } from '../../snapshots/provider.ts'
import { DigitalOceanList } from '../../snapshots/requests.ts'
import type { CallContext } from '../http/exchange.ts'
import { snapshotPage } from '../pages.ts'
import type { Env } from './env.ts'
import { snapshotId } from './ids.ts'
import type { VendorSnapshot } from './schemas.ts'
import { sourceNames } from './sources.ts'
import { toSnapshot } from './view.ts'

const KINDS = ['droplet', 'volume'] as const

/** Every snapshot that there is, those of Droplets and those of volumes. */
export async function allSnapshots(
  { api }: Env,
  ctx: CallContext,
  kinds: readonly (typeof KINDS)[number][] = KINDS,
): Promise<VendorSnapshot[]> {
  const lists = await Promise.all(kinds.map((kind) => api.snapshots(kind, ctx)))
  // A list that changes between two of its pages may show one twice.
  return [...new Map(lists.flat().map((one) => [String(one.id), one])).values()]
}

export async function listSnapshots(env: Env, query: ListQuery, ctx: CallContext): Promise<Page<Snapshot>> {
  const { type, region } = DigitalOceanList.parse(query.options ?? {})
  const kinds = KINDS.filter((kind) => [type, query.source?.kind].every((one) => (one ?? kind) === kind))
  const all = await allSnapshots(env, ctx, kinds)
  const found = all.filter(({ regions }) => region === undefined || regions?.includes(region))
  const nameOf = await sourceNames(env, found, ctx)
  return snapshotPage(
    found.map((one) => toSnapshot(one, nameOf(one))),
    query,
  )
}

export interface Found {
  vendor: VendorSnapshot
  snapshot: Snapshot
  /** Whether what it is of can still be seen. */
  sourceSeen: boolean
}

/** NOT_FOUND for what is no snapshot. */
export async function findSnapshot(env: Env, native: string, ctx: CallContext): Promise<Found> {
  const vendor = await env.api.snapshot(snapshotId(native), ctx)
  const name = (await sourceNames(env, [vendor], ctx))(vendor)
  return { vendor, snapshot: toSnapshot(vendor, name), sourceSeen: name !== undefined }
}
