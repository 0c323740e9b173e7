import type { Snapshot, SourceItem } from '../../snapshots/model.ts'
import type { ListQuery, Page, SourceQuery } from '../../snapshots/provider.ts'
import { matches, page } from '../pages.ts'
import type { Engine } from './engine.ts'
import { fromText } from './names.ts'
import { toSource } from './roots.ts'
import { shelf } from './shelf.ts'
import { rootOf, toDamaged, toSnapshot } from './snapshot-view.ts'
import { newestFirst } from './store/manifest.ts'

/** Snapshots newest first. The cursor names the last one shown, so that a page is not disturbed by new or deleted ones. */
export function list(engine: Engine, query: ListQuery): Page<Snapshot> {
  const { stored, damaged } = shelf(engine)
  const now = engine.clock()
  const visible = [
    ...stored.map((entry) => ({ sequence: entry.manifest.sequence, ...toSnapshot(entry, now) })),
    ...damaged.map((entry) => ({ sequence: -1, ...toDamaged(entry) })),
  ].filter((entry) => matches(entry, query))
  return page('snapshots', visible.sort(inOrder), query, {
    keyOf: ({ sequence, created_at, id }) => `${sequence} ${created_at} ${id}`,
    isAfter: (entry, key) => inOrder(entry, placeOf(key)) > 0,
    show: ({ sequence: _, ...snapshot }) => snapshot,
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

/** The allowed directories, and those of which there are snapshots. */
export function sources(engine: Engine, query: SourceQuery): Page<SourceItem> {
  const { stored } = shelf(engine)
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
