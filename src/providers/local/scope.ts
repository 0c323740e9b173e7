import { fail } from '../../snapshots/errors.ts'
import type { PathRef } from '../../snapshots/model.ts'
import { type ByteString, parsePath, showText } from './names.ts'
import type { View } from './view.ts'

/**
 * Which paths a call is about. `inside`: the path or a directory above it was named; `above`: something below it was
 * named; `outside`: neither. Always by whole components: `a` never means `ab`.
 */
export interface Scope {
  of(path: ByteString): 'inside' | 'above' | 'outside'
  /** The paths as the call named them; undefined when it is about everything. */
  readonly named: readonly ByteString[] | undefined
}

export const EVERYTHING: Scope = { of: () => 'inside', named: undefined }

export function createScope(paths: readonly PathRef[] | undefined, root: ByteString): Scope {
  if (!paths) return EVERYTHING
  const named = new Set(paths.map((path) => parsePath(path, root)))
  const above = new Set<ByteString>([''])
  for (const path of named) for (const parent of parents(path)) above.add(parent)
  return {
    named: [...named],
    of(path) {
      if (named.has(path)) return 'inside'
      for (const parent of parents(path)) if (named.has(parent)) return 'inside'
      return above.has(path) ? 'above' : 'outside'
    },
  }
}

/** NOT_FOUND when a named path exists on none of the sides: a typo must not look like "nothing to do". */
export async function requireNamed({ named = [] }: Scope, sides: readonly View[]): Promise<void> {
  const missing: ByteString[] = []
  for (const path of named) {
    const found = await Promise.all(sides.map((side) => exists(side, path.split('/'))))
    if (!found.includes(true)) missing.push(path)
  }
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

/** What is at a path now keeps what was named below it from being restored. */
export function inTheWay(path: ByteString, type: string) {
  return fail(
    'CONFLICT',
    `${showText(path)} is a ${type} now, so nothing can be restored below it. Nothing was changed.`,
    `Name ${JSON.stringify(showText(path))} itself in "paths" to bring the directory back.`,
  )
}

async function exists(view: View, [name, ...rest]: readonly ByteString[]): Promise<boolean> {
  const entry = view.entries.find((candidate) => candidate.name === name)
  if (!entry || rest.length === 0) return entry !== undefined
  return entry.type === 'directory' && exists(await view.enter(entry), rest)
}

function* parents(path: ByteString): Generator<ByteString> {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) yield path.slice(0, at)
}
