import type { Snapshot, SourceItem } from '../snapshots/model.ts'
import type { ListQuery, Page, SourceQuery } from '../snapshots/provider.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'

/** Pages of what a provider knows as a whole. The cursor names the last item shown: new and deleted ones disturb none. */

/** Snapshots, newest first. */
export function snapshotPage(snapshots: readonly Snapshot[], query: ListQuery): Page<Snapshot> {
  const found = snapshots.filter((each) => matches(each, query)).sort(newestFirst)
  return page('snapshots', found, query, {
    keyOf: ({ created_at, id }) => `${created_at} ${id}`,
    isAfter: (each, key) => {
      const [created_at = '', id = ''] = key.split(' ')
      return newestFirst(each, { created_at, id }) > 0
    },
    show: (each) => each,
  })
}

/** Sources in the order of what names them. */
export function sourcePage(sources: readonly SourceItem[], query: SourceQuery): Page<SourceItem> {
  const wanted = query.query?.toLowerCase()
  const found = sources
    .filter(({ source, name }) => !wanted || `${source}\n${name}`.toLowerCase().includes(wanted))
    .sort((a, b) => (a.source < b.source ? -1 : 1))
  return page('sources', found, query, {
    keyOf: ({ source }) => source,
    isAfter: ({ source }, key) => source > key,
    show: (each) => each,
  })
}

type Made = Pick<Snapshot, 'created_at' | 'id'>

function newestFirst(a: Made, b: Made): number {
  return Date.parse(b.created_at) - Date.parse(a.created_at) || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0)
}

export function matches(snapshot: Snapshot, query: ListQuery): boolean {
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

export interface Pager<E, T> {
  /** Tells where an entry stands, from one call to the next. */
  keyOf(entry: E): string
  isAfter(entry: E, key: string): boolean
  show(entry: E): T
}

export function page<E, T>(
  list: string,
  entries: readonly E[],
  query: { limit: number; cursor?: string },
  { keyOf, isAfter, show }: Pager<E, T>,
): Page<T> {
  const key = query.cursor === undefined ? undefined : decodeCursor(list, query.cursor)
  const rest = key === undefined ? entries : entries.filter((entry) => isAfter(entry, key))
  const shown = rest.slice(0, query.limit)
  const last = shown.at(-1)
  const items = shown.map(show)
  return rest.length > shown.length && last !== undefined
    ? { items, next: encodeCursor(list, keyOf(last)) }
    : { items }
}
