import type { Snapshot, SourceItem } from '../../snapshots/model.ts'
import type { ListQuery, Page, SourceQuery } from '../../snapshots/provider.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import type { Engine } from './engine.ts'
import { fromText } from './names.ts'
import { toSource } from './roots.ts'
import { shelf } from './shelf.ts'
import { rootOf, toDamaged, toSnapshot } from './snapshot-view.ts'

/** Snapshots newest first. The cursor names the last one shown, so that a page is not disturbed by new or deleted ones. */
export function list(engine: Engine, query: ListQuery): Page<Snapshot> {
  const { stored, damaged } = shelf(engine)
  const now = engine.clock()
  const visible = [
    ...stored.map((entry) => ({ order: entry.manifest.sequence, snapshot: toSnapshot(entry, now) })),
    ...damaged.map((entry) => ({ order: -1, snapshot: toDamaged(entry) })),
  ].filter(({ snapshot }) => matches(snapshot, query))
  return page(
    'snapshots',
    visible,
    query,
    ({ order, snapshot }) => `${order}:${snapshot.id}`,
    (entry, key) => isAfter(`${entry.order}:${entry.snapshot.id}`, key),
    (entry) => entry.snapshot,
  )
}

function isAfter(key: string, last: string): boolean {
  const [order, id] = split(key)
  const [lastOrder, lastId] = split(last)
  return order < lastOrder || (order === lastOrder && id > lastId)
}

function split(key: string): [number, string] {
  const at = key.indexOf(':')
  return [Number(key.slice(0, at)), key.slice(at + 1)]
}

function matches(snapshot: Snapshot, query: ListQuery): boolean {
  const { source, name, labels, state, created_after: after, created_before: before } = query
  return (
    (query.include_auto || !snapshot.auto) &&
    (query.include_trashed || state === 'trashed' || snapshot.state !== 'trashed') &&
    (!source || (snapshot.source.kind === source.kind && snapshot.source.id === source.id)) &&
    (!name || snapshot.name.toLowerCase().includes(name.toLowerCase())) &&
    (!labels || Object.entries(labels).every(([key, value]) => snapshot.labels[key] === value)) &&
    (!state || snapshot.state === state) &&
    (!after || Date.parse(snapshot.created_at) > Date.parse(after)) &&
    (!before || Date.parse(snapshot.created_at) < Date.parse(before))
  )
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
  return page(
    'sources',
    found,
    query,
    (item) => item.id,
    (item, key) => item.id > key,
    (item) => item,
  )
}

function page<E, T>(
  list: string,
  entries: readonly E[],
  query: { limit: number; cursor?: string },
  keyOf: (entry: E) => string,
  isAfterKey: (entry: E, key: string) => boolean,
  show: (entry: E) => T,
): Page<T> {
  const key = query.cursor === undefined ? undefined : decodeCursor(list, query.cursor)
  const rest = key === undefined ? entries : entries.filter((entry) => isAfterKey(entry, key))
  const shown = rest.slice(0, query.limit)
  const last = shown.at(-1)
  const items = shown.map(show)
  return rest.length > shown.length && last !== undefined
    ? { items, next: encodeCursor(list, keyOf(last)) }
    : { items }
}
