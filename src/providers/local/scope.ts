import { fail } from '../../snapshots/errors.ts'
import type { PathRef } from '../../snapshots/model.ts'
import { type ByteString, parsePath, showText } from './names.ts'

/**
 * Which paths a call is about. `inside`: the path or a directory above it was named; `above`: something below it was
 * named; `outside`: neither. Always by whole components: `a` never means `ab`.
 */
export interface Scope {
  of(path: ByteString): 'inside' | 'above' | 'outside'
  /** Named paths of which `seen` was never told. */
  unseen(): ByteString[]
  seen(path: ByteString): void
  readonly everything: boolean
}

export const EVERYTHING: Scope = { of: () => 'inside', unseen: () => [], seen: () => {}, everything: true }

export function createScope(paths: readonly PathRef[] | undefined, root: ByteString): Scope {
  if (!paths) return EVERYTHING
  const named = new Set(paths.map((path) => parsePath(path, root)))
  const above = new Set<ByteString>()
  for (const path of named) for (const parent of parents(path)) above.add(parent)
  const unseen = new Set(named)
  return {
    everything: false,
    of(path) {
      if (named.has(path)) return 'inside'
      for (const parent of parents(path)) if (named.has(parent)) return 'inside'
      return above.has(path) || path === '' ? 'above' : 'outside'
    },
    seen: (path) => void unseen.delete(path),
    unseen: () => [...unseen],
  }
}

/** NOT_FOUND when a named path exists on neither side: a typo must not look like "nothing to do". */
export function requireSeen(scope: Scope): void {
  const missing = scope.unseen()
  if (missing.length === 0) return
  throw fail(
    'NOT_FOUND',
    `${missing.length === 1 ? 'This path exists' : 'These paths exist'} neither in the snapshot nor in the source: ${missing
      .slice(0, 5)
      .map((path) => JSON.stringify(showText(path)))
      .join(', ')}. Nothing was changed.`,
    'Call snapshot_diff to see paths. Paths are exact and relative to the source.',
  )
}

function* parents(path: ByteString): Generator<ByteString> {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) yield path.slice(0, at)
}
