import type { Changed, Labels, ShownPath, Snapshot, Undo, Verified } from '../../snapshots/model.ts'
import { plain } from '../../snapshots/plain.ts'

/** Words that several tools share. Everything that came from a disk or a person goes through `plain`. */

export const quoted = (text: string, max?: number) => JSON.stringify(plain(text, max))

export const path = (shown: ShownPath) =>
  shown.bytes === undefined ? plain(shown.path, 500) : `${plain(shown.path, 500)} {"bytes":"${shown.bytes}"}`

export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const exponent = count < 1000 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), units.length - 1)
  const amount = count / 1000 ** exponent
  return `${exponent === 0 ? amount : amount.toFixed(1)} ${units[exponent]}`
}

export function count(amount: number, one: string, many = `${one}s`): string {
  return `${amount} ${amount === 1 ? one : many}`
}

/** One snapshot in one line. */
export function snapshotLine(snapshot: Snapshot): string {
  const { id, name, state, created_at, size_bytes, source, labels } = snapshot
  const marks = [
    snapshot.auto && 'safety',
    snapshot.protected && 'protected',
    snapshot.expires_at && `expires ${snapshot.expires_at}`,
    ...labelWords(labels),
  ].filter((mark) => typeof mark === 'string')
  return [
    id,
    quoted(name, 80),
    state,
    created_at,
    size_bytes !== undefined && bytes(size_bytes),
    plain(`${source.kind}:${source.id}`, 300),
    marks.length > 0 && `[${marks.join(', ')}]`,
  ]
    .filter((part) => typeof part === 'string')
    .join('  ')
}

const labelWords = (labels: Labels) =>
  Object.entries(labels).map(([key, value]) => plain(value === '' ? key : `${key}=${value}`, 100))

export const morePages = (cursor: string | undefined) =>
  cursor === undefined ? [] : [`More: repeat with cursor ${JSON.stringify(cursor)}.`]

export function providerFailures(
  errors: readonly { provider: string; code: string; message: string }[] = [],
): string[] {
  return errors.map(({ provider, code, message }) => `${provider} failed: ${code}: ${plain(message, 500)}`)
}

export const undoLine = (undo: Undo | undefined) =>
  undo === undefined ? [] : [`Undo with snapshot_undo {"operation":"${undo.operation}"} until ${undo.until}.`]

export const warningLines = (warnings: readonly string[] = []) =>
  warnings.map((warning) => `Warning: ${plain(warning, 500)}`)

/** What a restore says that found everything in place. */
export const NOTHING_TO_DO = 'Nothing to do: it already is as in the snapshot.'

export const isUnchanged = (changed: Changed | undefined) =>
  changed !== undefined && changed.written + changed.deleted + changed.metadata === 0

/** What a restore did to the source. */
export function changedLines(changed: Changed | undefined): string[] {
  if (changed === undefined) return []
  const { written, deleted, metadata } = changed
  return [
    `${written} written (${bytes(changed.bytes)}), ${deleted} deleted, ${metadata} with only metadata changed.`,
  ]
}

/** What the source was found to be afterwards. */
export function verifiedLines(verified: Verified | undefined): string[] {
  if (verified === undefined) return []
  return [`Verified: ${count(verified.files, 'file')}, ${bytes(verified.bytes)}, digest ${verified.digest}.`]
}
