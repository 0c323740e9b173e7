import { EVERYTHING, expectCheck, findSuspects, unsettled, withUnsaved } from './check.ts'
import type { Engine } from './engine.ts'
import type { ByteString } from './names.ts'
import type { Pause } from './pause.ts'
import { markMissing } from './roster.ts'
import type { Scan, ScanOptions } from './scan.ts'

/** What a scan of `root` may take over from the one before, and what it has to look at. */
export async function knownOf(
  engine: Engine,
  root: ByteString,
  exclude: readonly string[],
  { operation, pause, toStore = false }: { operation: string; pause: Pause; toStore?: boolean },
): Promise<ScanOptions['previous']> {
  const remembered = engine.cache.get(root)
  if (!remembered) return undefined
  const { roster, checkedBy, storedAt } = remembered
  // With other patterns other entries count, and every one has to be asked about.
  if (!sameList(roster.exclude, exclude)) return { roster, suspects: EVERYTHING, storedAt }
  // One call looks once: what changes between its plan and its deed is noticed where each entry is touched.
  const suspects =
    checkedBy === operation ? unsettled(roster.columns) : await findSuspects(roster, root, pause)
  if (!toStore) return { roster, suspects, storedAt }
  const { objects } = engine.store
  if (storedAt !== objects.losses()) markMissing(roster.columns, objects.isSound)
  return { roster, suspects: withUnsaved(suspects, roster.columns), storedAt }
}

/** Keeps a scan for the next one. `checkedBy`: the operation that has compared all of it with the directory. */
export function remember(
  { cache }: Engine,
  root: ByteString,
  { roster, storedAt }: Pick<Scan, 'roster' | 'storedAt'>,
  checkedBy?: string,
): void {
  expectCheck(roster.columns)
  cache.set(root, {
    roster,
    ...(checkedBy !== undefined && { checkedBy }),
    ...(storedAt !== undefined && { storedAt }),
  })
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((pattern, n) => pattern === b[n])
}
