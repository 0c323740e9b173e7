import { getHeapStatistics } from 'node:v8'
import { fail, SnapshotError } from '../../snapshots/errors.ts'
import { createReader, MalformedBytes } from './bytes.ts'
import { damagedDirectory } from './damaged.ts'
import type { LinkGroups, LiveDirectory } from './live.ts'
import { type ByteString, isEntryName, join } from './names.ts'
import type { Manifest, Stored } from './store/manifest.ts'
import type { ObjectStore } from './store/objects.ts'
import { type DirectoryEntry, decodeTree, type Entry, MAX_DEPTH } from './tree.ts'

/** A directory to compare, whether it is in the store or was just scanned. Subtrees are loaded when entered. */
export interface View {
  /** Undefined for a directory that has no id, such as an empty placeholder. */
  id: string | undefined
  entries: readonly Entry[]
  /** Of a snapshot's top directory: how many entries there are in all, so that a walk of a hostile one ends. */
  total?: number
  enter(entry: DirectoryEntry): Promise<View>
}

export const EMPTY_VIEW: View = {
  id: undefined,
  entries: [],
  enter: () => Promise.reject(new Error('an empty view has no directories')),
}

export function liveView(directory: LiveDirectory): View {
  return {
    id: directory.tree,
    entries: directory.children,
    enter: async (entry) => liveView(entry as LiveDirectory),
  }
}

/** The directory that a snapshot holds. CORRUPT, with the snapshot and the place in it, where it cannot be read. */
export async function storedView(
  objects: ObjectStore,
  { id, manifest }: Pick<Stored, 'id' | 'manifest'>,
): Promise<View> {
  const load = async (tree: string, path: ByteString, depth: number): Promise<View> => {
    const entries = await readTree(tree, path)
    return { id: tree, entries, enter: (entry) => below(entry.tree, join(path, entry.name), depth + 1) }
  }
  const below = (tree: string, path: ByteString, depth: number): Promise<View> => {
    if (depth <= MAX_DEPTH) return load(tree, path, depth)
    throw damagedDirectory(`local:${id}`, path.slice(0, 1000), undefined)
  }
  const readTree = async (tree: string, path: ByteString): Promise<Entry[]> => {
    try {
      const bytes = await objects.read(tree)
      return wellFormed(tree, () => decodeTree(bytes))
    } catch (error) {
      const isDamage = error instanceof SnapshotError && error.code === 'CORRUPT'
      throw isDamage ? damagedDirectory(`local:${id}`, path, error) : error
    }
  }
  const { files, directories, links, skipped } = manifest.receipt
  const total = skipped.reduce((sum, { count }) => sum + count, files + directories + links)
  return { ...(await load(manifest.tree, '', 0)), total }
}

/** The hard links of a snapshot, checked like everything that comes out of the store. */
export async function storedLinks(
  objects: ObjectStore,
  { links: id, receipt }: Pick<Manifest, 'links' | 'receipt'>,
): Promise<LinkGroups> {
  if (id === null) return []
  const bytes = await objects.read(id)
  const count = entryLimit({ total: receipt.files })
  return wellFormed(id, () => {
    if (bytes.toString('latin1', 0, 4) !== 'SHL1') throw new MalformedBytes('not a list of links')
    const reader = createReader(bytes, 4)
    const groups: LinkGroups = []
    for (let rest = reader.varint(); rest > 0; rest--) {
      const group: ByteString[] = []
      const members = reader.varint()
      if (members < 2) throw new MalformedBytes('a file of one name is no link')
      while (group.length < members) {
        count()
        group.push(reader.bytes())
      }
      if (!group.every((path) => path.split('/').every(isEntryName))) throw new MalformedBytes('bad path')
      groups.push(group)
    }
    return groups
  })
}

/** Runs a decoder; bytes that make no sense become CORRUPT. */
export function wellFormed<T>(id: string, decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (!(error instanceof MalformedBytes || error instanceof RangeError)) throw error
    throw fail(
      'CORRUPT',
      `A stored object (${id.slice(0, 12)}) is not what it should be: ${error.message}.`,
      'Other snapshots stay usable: call snapshot_list and choose another one.',
      { cause: error },
    )
  }
}

/** What differs is kept in memory, at several hundred bytes an entry. */
const BYTES_AN_ENTRY = 1000

/**
 * Counts the entries, or the names of linked files, that are met of a snapshot: CORRUPT when there are more than its manifest says, UNSUPPORTED
 * when there are more than this process has memory for. A tree may hold another one twice, and that one a third, and so
 * be larger than any disk.
 */
export function entryLimit({ total = Number.POSITIVE_INFINITY }: Pick<View, 'total'>): () => void {
  const most = Math.floor(getHeapStatistics().heap_size_limit / BYTES_AN_ENTRY)
  let met = 0
  return () => {
    if (++met <= Math.min(total, most)) return
    if (met <= total) {
      throw fail(
        'UNSUPPORTED',
        `More than ${most} entries differ or are linked, and that is more than this process has memory for. Nothing was changed.`,
        'Call for one part after the other with "paths", or ask the operator to give Node more memory.',
      )
    }
    throw fail(
      'CORRUPT',
      'This snapshot holds more than its manifest says, so it cannot be trusted. Nothing was changed.',
      'Call snapshot_list and choose another one: the others are not affected by this.',
    )
  }
}

/** Pairs the entries of two directories by name, in byte order. */
export function* pairs<A extends { name: string }, B extends { name: string }>(
  left: readonly A[],
  right: readonly B[],
): Generator<[A | undefined, B | undefined]> {
  let l = 0
  let r = 0
  while (l < left.length || r < right.length) {
    const a = left[l]
    const b = right[r]
    if (b === undefined || (a !== undefined && a.name < b.name)) {
      l++
      yield [a, undefined]
    } else if (a === undefined || b.name < a.name) {
      r++
      yield [undefined, b]
    } else {
      l++
      r++
      yield [a, b]
    }
  }
}

/** Tells of each path which others are the same file, as one comparable string; undefined for a file of its own. */
export function linkIndex(groups: LinkGroups): (path: ByteString) => string | undefined {
  const keys = new Map<ByteString, string>()
  for (const group of groups) {
    const key = group.join('\0')
    for (const path of group) keys.set(path, key)
  }
  return (path) => keys.get(path)
}
