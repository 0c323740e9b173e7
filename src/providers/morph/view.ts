import type { Snapshot, Source, State } from '../../snapshots/model.ts'
import { MORPH } from './engine.ts'
import { factsOf, labelsOf } from './metadata.ts'
import type { MorphSnapshot } from './wire.ts'

/** What the vendor's words for a status mean; a deleted one is not shown at all. */
const STATES: Record<string, State> = {
  pending: 'creating',
  ready: 'ready',
  failed: 'failed',
  deleting: 'deleting',
}

/** Morph tells no size and no reason of a failure: there is none of either. */
export function toSnapshot(found: MorphSnapshot): Snapshot {
  const metadata = found.metadata ?? {}
  const { name, note, source = baseOf(found), protected: kept, auto } = factsOf(metadata)
  const state = Object.hasOwn(STATES, found.status) ? STATES[found.status]! : 'unknown'
  const expires = found.ttl?.ttl_expire_at ?? undefined
  return {
    id: `${MORPH.provider}:${found.id}`,
    provider: MORPH.provider,
    name: name ?? found.id,
    ...(note !== undefined && { note }),
    state,
    captures: source.kind === 'instance' ? ['disk', 'memory'] : ['disk'],
    source,
    created_at: isoTime(found.created),
    labels: labelsOf(metadata),
    protected: kept,
    auto,
    ...(expires !== undefined && { expires_at: isoTime(expires) }),
    ...(state === 'failed' && {
      error: { code: 'FAILED', message: 'Morph could not make it, and gives no reason.' },
    }),
    native: found,
  }
}

/** Of a snapshot that another program has made nothing more is known than what its disk goes back to. */
function baseOf({ refs }: MorphSnapshot): Source {
  const id = refs?.image_id ?? 'unknown'
  return { kind: 'image', id, name: id }
}

const isoTime = (seconds: number) => new Date(seconds * 1000).toISOString()
