import type { Captured, LiveDirectory, LiveEntry } from './live.ts'
import { type ByteString, join } from './names.ts'
import { sameOwner } from './owners.ts'
import type { Pause } from './pause.ts'
import type { Scope } from './scope.ts'
import { allowedMode } from './steps.ts'
import { type DirectoryEntry, type Entry, type Meta, sameTime } from './tree.ts'
import { EMPTY_VIEW, type View } from './view.ts'
import type { MetaOptions } from './write-entry.ts'

/** A directory before or after a restore. */
export interface End {
  view: View
  meta: Meta
}

type Stored = Exclude<Entry, { type: 'skipped' }>

/**
 * Looks at a directory in which a restore was interrupted. Whatever the restore can have left is as it was before, as it
 * shall be, or not there. Returns the first path of which that is not true: somebody has been at work there since.
 */
export async function firstForeign(
  live: LiveDirectory,
  before: End,
  after: End,
  { scope, pause, ...meta }: MetaOptions & { scope: Scope; pause: Pause },
): Promise<ByteString | undefined> {
  const inDirectory = async (
    path: ByteString,
    from: View,
    now: LiveDirectory,
    to: View,
  ): Promise<ByteString | undefined> => {
    if (now.tree === from.id || now.tree === to.id) return undefined
    for (const [name, was, is, becomes] of triples(from.entries, now.children, to.entries)) {
      if (pause.due()) await pause.take()
      const found = await atEntry(join(path, name), was, is, becomes, from, to)
      if (found !== undefined) return found
    }
    return undefined
  }

  const atEntry = async (
    path: ByteString,
    was: Entry | undefined,
    is: LiveEntry | undefined,
    becomes: Entry | undefined,
    from: View,
    to: View,
  ): Promise<ByteString | undefined> => {
    // What the restore was not about, or could not tell of, it neither changed nor will.
    if (scope.of(path) === 'outside' || becomes?.type === 'skipped') return undefined
    if (was?.type === 'skipped') return is === undefined || is.type === 'skipped' ? undefined : path
    if (!is) return mayBeAbsent(was, becomes) ? undefined : path
    const ends = [was, becomes].filter((end) => end !== undefined)
    if (is.type === 'skipped' || !isEither(is, ends, meta)) return path
    if (is.type !== 'directory') return undefined
    const enter = (view: View, end: Stored | undefined) =>
      end?.type === 'directory' ? view.enter(end) : EMPTY_VIEW
    return inDirectory(path, await enter(from, was), is, await enter(to, becomes))
  }

  const ends = [before, after].map((end) => asEntry(end.meta))
  if (!isEither(live, ends, meta)) return ''
  return inDirectory('', before.view, live, after.view)
}

/** A file is moved over another one; only where a directory gives way or takes the place is nothing there for a moment. */
function mayBeAbsent(was: Stored | undefined, becomes: Stored | undefined): boolean {
  if (!was || !becomes) return true
  return was.type !== becomes.type && [was.type, becomes.type].includes('directory')
}

/** Metadata is set piece by piece, so each piece may be that of either end. */
function isEither(is: Captured, ends: readonly Stored[], options: MetaOptions): boolean {
  const alike = ends.filter((end) => end.type === is.type)
  const some = (holds: (end: Stored) => boolean) => alike.some(holds)
  const owned = some((end) => sameOwner(is, options.owners.possible(end, is)))
  if (is.type === 'directory') {
    const opened = some(({ mode }) => is.mode === mode || is.mode === (mode | 0o700))
    const fresh = (is.mode & 0o777) === 0o700
    return alike.length > 0 && (opened || fresh) && (owned || is.uid === options.owners.own.uid)
  }
  if (!owned || !some((end) => sameTime(is.mtime, end.mtime))) return false
  if (is.type === 'symlink') return some((end) => end.type === 'symlink' && end.target === is.target)
  return (
    some((end) => end.type === 'file' && end.content === is.content && end.size === is.size) &&
    some(({ mode }) => is.mode === mode || is.mode === allowedMode(mode, options.specialModes))
  )
}

/** The entries of three directories by name. */
function* triples(
  was: readonly Entry[],
  is: readonly LiveEntry[],
  becomes: readonly Entry[],
): Generator<[ByteString, Entry | undefined, LiveEntry | undefined, Entry | undefined]> {
  const [a, b, c] = [byName(was), byName(is), byName(becomes)]
  for (const name of new Set([...a.keys(), ...b.keys(), ...c.keys()])) {
    yield [name, a.get(name), b.get(name), c.get(name)]
  }
}

function byName<E extends Entry>(entries: readonly E[]): Map<ByteString, E> {
  return new Map(entries.map((entry) => [entry.name, entry]))
}

function asEntry(meta: Meta): DirectoryEntry {
  return { type: 'directory', name: '', tree: '', ...meta }
}
