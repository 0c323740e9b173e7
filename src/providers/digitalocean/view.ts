import type { Snapshot, Source } from '../../snapshots/model.ts'
import { ASSUMED } from './assumptions.ts'
import { PROVIDER } from './env.ts'
import { costOf } from './limits.ts'
import { unmarked } from './names.ts'
import type { VendorSnapshot } from './schemas.ts'
import { isProtected, labelsOf } from './tags.ts'

/** What a snapshot is of, under the name that it has now. What is gone goes by its id. */
export function sourceOf({ resource_type, resource_id }: VendorSnapshot, name?: string): Source {
  const id = String(resource_id)
  return { kind: resource_type, id, name: name ?? id }
}

/** A snapshot as everybody sees it. Only finished ones are shown by DigitalOcean. */
export function toSnapshot(found: VendorSnapshot, sourceName: string | undefined): Snapshot {
  const { name, auto } = unmarked(found.name)
  const tags = found.tags ?? []
  const gigabytes = found.size_gigabytes ?? undefined
  return {
    id: `${PROVIDER}:${found.id}`,
    provider: PROVIDER,
    name,
    state: 'ready',
    captures: ['disk'],
    source: sourceOf(found, sourceName),
    created_at: new Date(found.created_at).toISOString(),
    ...(gigabytes !== undefined && {
      size_bytes: Math.round(gigabytes * ASSUMED.bytesPerGigabyte),
      cost_per_month: costOf(gigabytes),
    }),
    labels: labelsOf(tags),
    protected: isProtected(tags),
    auto,
    ...(found.regions && { regions: found.regions }),
    native: found,
  }
}
