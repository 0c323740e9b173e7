import type { Snapshot, SourceItem } from '../../snapshots/model.ts'
import type { ListQuery, Page, SourceQuery } from '../../snapshots/provider.ts'
import { matches, page } from '../pages.ts'
import type { Engine } from './engine.ts'
import { fromText } from './names.ts'
import { toSource } from './roots.ts'
import { shelf } from './shelf.ts'
import { rootOf, toDamaged, toSnapshot } from './snapshot-view.ts'
import { newestFirst, type Stored } from './store/manifest.ts'
import { whileUnchanged } from './unchanged.ts'

/** What there is to choose from, of a store that is asked for it far more often than it changes. */
export interface Listing {
  /** Snapshots newest first. The cursor names the last one shown, so that a page is not disturbed by new or deleted ones. */
  list(query: ListQuery): Page<Snapshot>
  /** The allowed directories, and those of which there are snapshots. */
  sources(query: SourceQuery): Page<SourceItem>
}

export function createListing(engine: Engine): Listing {
  const read = whileUnchanged(
    ['snapshots', 'trash', 'details'].map((name) => `${engine.store.directory}/${name}`),
    () => candidates(engine),
  )
  return {
    list: (query) => list(read().listed, query, engine.clock()),
    sources: (query) => sources(engine, read().stored, query),
  }
}

interface Candidate {
  place: Place
  view(now: number): Snapshot
}

function candidates(engine: Engine): { stored: readonly Stored[]; listed: readonly Candidate[] } {
  const { stored, damaged } = shelf(engine)
  const listed = [
    ...stored.map((entry): Candidate => {
      const { id, manifest } = entry
      const { sequence, created_at, auto } = manifest
      const place = { sequence, created_at, id: `local:${id}` }
      if (auto) return { place, view: (now) => toSnapshot(entry, now) }
      // How long a safety snapshot is protected is the one thing that time alone changes.
      const snapshot = toSnapshot(entry, engine.clock())
      return { place, view: () => snapshot }
    }),
    ...damaged.map((entry): Candidate => {
      const snapshot = toDamaged(entry)
      const { created_at, id } = snapshot
      return { place: { sequence: -1, created_at, id }, view: () => snapshot }
    }),
  ]
  return { stored, listed: listed.sort((a, b) => inOrder(a.place, b.place)) }
}

function list(listed: readonly Candidate[], query: ListQuery, now: number): Page<Snapshot> {
  // One more than is shown tells whether there are more. Where a page begins further on, nobody knows how many come before.
  const enough = query.cursor === undefined ? query.limit + 1 : Number.POSITIVE_INFINITY
  const found: { place: Place; snapshot: Snapshot }[] = []
  for (const { place, view } of listed) {
    const snapshot = view(now)
    if (matches(snapshot, query)) found.push({ place, snapshot })
    if (found.length === enough) break
  }
  return page('snapshots', found, query, {
    keyOf: ({ place: { sequence, created_at, id } }) => `${sequence} ${created_at} ${id}`,
    isAfter: ({ place }, key) => inOrder(place, placeOf(key)) > 0,
    show: ({ snapshot }) => snapshot,
  })
}

interface Place {
  sequence: number
  created_at: string
  id: string
}

function inOrder(a: Place, b: Place): number {
  return newestFirst(a, b) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

function placeOf(key: string): Place {
  const [sequence, created_at = '', id = ''] = key.split(' ')
  return { sequence: Number(sequence), created_at, id }
}

function sources(engine: Engine, stored: readonly Stored[], query: SourceQuery): Page<SourceItem> {
  const items = new Map<string, SourceItem>()
  for (const root of engine.roots.paths) {
    const source = toSource(fromText(root))
    items.set(source.id, { ...source, provider: 'local', source: `path:${source.id}`, snapshots: 0 })
  }
  for (const { manifest, trashed } of stored) {
    if (trashed || manifest.auto) continue
    const source = toSource(rootOf(manifest))
    const item = items.get(source.id) ?? {
      ...source,
      provider: 'local',
      source: `path:${source.id}`,
      snapshots: 0,
    }
    item.snapshots = (item.snapshots ?? 0) + 1
    item.last_snapshot_at ??= manifest.created_at
    items.set(source.id, item)
  }
  const wanted = query.query?.toLowerCase()
  const found = [...items.values()]
    .filter((item) => !wanted || item.id.toLowerCase().includes(wanted))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  return page('sources', found, query, {
    keyOf: (item) => item.id,
    isAfter: (item, key) => item.id > key,
    show: (item) => item,
  })
}
