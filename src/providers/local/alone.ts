import { fail } from '../../snapshots/errors.ts'
import type { Engine } from './engine.ts'
import type { Entry, Intent, Journals } from './journal.ts'
import type { ByteString } from './names.ts'
import { rootOf } from './snapshot-view.ts'
import type { Stored } from './store/manifest.ts'

/** Where somebody works: in place, in all that is below `root`; to make copies, at new names in it. */
type Place = Pick<Intent, 'mode' | 'root'>

/**
 * BUSY while another operation's restore is under way where this one works, or was interrupted there. The locks of the
 * service do not tell: each is on one directory alone, and that of a process that dies is free before its restore is
 * taken up. For who has just made a journal: whoever comes later sees that, so of two that meet at most one goes on.
 */
export function requireAlone(journals: Journals, place: Place, operation: string): void {
  const others = soundOnes(journals).filter((entry) => entry.operation !== operation)
  if (others.some((other) => meet(other, place))) throw busy()
}

/** The same for who reads a directory and all that is below. A restore that does has looked when it made its journal. */
export function requireCalm({ journals }: Engine, root: ByteString, operation: string): void {
  const entries = soundOnes(journals)
  if (entries.some((entry) => entry.operation === operation)) return
  if (entries.some((entry) => meet(entry, wholeOf(root)))) throw busy()
}

/**
 * The same, from now until what is returned is called with the snapshots that there are then. A restore that has begun
 * and ended in between has left its safety snapshot.
 */
export function watchCalm(
  engine: Engine,
  root: ByteString,
  operation: string,
): (now: readonly Stored[]) => void {
  const before = new Set(engine.store.manifests.ids())
  requireCalm(engine, root, operation)
  return (now) => {
    requireCalm(engine, root, operation)
    const isOfRestore = ({ id, manifest }: Stored) =>
      manifest.auto && manifest.operation !== operation && !before.has(id)
    const since = now.filter(isOfRestore)
    if (since.some(({ manifest }) => meet(wholeOf(rootOf(manifest)), wholeOf(root)))) throw busy()
  }
}

/** What makes no sense keeps nobody from working. */
function soundOnes(journals: Journals): Entry[] {
  return journals.names().flatMap((name) => {
    try {
      return journals.read(name) ?? []
    } catch {
      return []
    }
  })
}

const wholeOf = (root: ByteString): Place => ({ mode: 'in_place', root })

function meet(a: Place, b: Place): boolean {
  return reaches(a, b) || reaches(b, a)
}

function reaches({ mode, root }: Place, other: Place): boolean {
  return mode === 'in_place' && `${other.root}/`.startsWith(`${root}/`)
}

function busy() {
  return fail(
    'BUSY',
    'A restore in this directory is under way or was interrupted. Nothing was changed.',
    'Call again: a call first takes up what was interrupted.',
    { retry_after_ms: 2000 },
  )
}
