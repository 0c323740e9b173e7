import type { Changed, Source, Verified } from '../../snapshots/model.ts'
import { plain } from '../../snapshots/plain.ts'
import type { Restored } from '../../snapshots/replies.ts'
import { bytes, count, warningLines } from './wording.ts'

/** What a restore, or the undo of one, has done, as far as its provider tells. */
export function restoredLines(done: string, restored: Restored & { idle: boolean }): string[] {
  const { changed, verified, targets, safety_snapshot, warnings, idle } = restored
  return [
    ...(idle ? ['Nothing to do: it already is as in the snapshot.'] : [done, ...changedLines(changed)]),
    ...copyLines(targets),
    ...verifiedLines(verified),
    ...(safety_snapshot === undefined ? [] : [`The state before is kept as ${plain(safety_snapshot)}.`]),
    ...warningLines(warnings),
  ]
}

export const copyLines = (targets: readonly Source[] = []) =>
  targets.map(({ kind, id }) => `Copy: ${plain(`${kind}:${id}`, 500)}`)

/** Everything was in place. Providers that replace whole disks do not tell, and always do something. */
export const isUnchanged = (changed: Changed | undefined) =>
  changed !== undefined && changed.written + changed.deleted + changed.metadata === 0

function changedLines(changed: Changed | undefined): string[] {
  if (changed === undefined) return []
  const { written, deleted, metadata } = changed
  return [
    `${written} written (${bytes(changed.bytes)}), ${deleted} deleted, ${metadata} with only metadata changed.`,
  ]
}

/** What was found there afterwards. */
function verifiedLines(verified: Verified | undefined): string[] {
  if (verified === undefined) return []
  return [`Verified: ${count(verified.files, 'file')}, ${bytes(verified.bytes)}, digest ${verified.digest}.`]
}
