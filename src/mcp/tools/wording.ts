import type { Labels, ShownPath, Snapshot, Undo } from '../../snapshots/model.ts'
import { plain } from '../../snapshots/plain.ts'
import type { RestoreReply } from '../../snapshots/replies.ts'

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
  const { id, name, state, created_at, size_bytes, source, regions = [], cost_per_month: cost } = snapshot
  const marks = [
    snapshot.auto && 'safety',
    snapshot.protected && 'protected',
    snapshot.expires_at && `expires ${snapshot.expires_at}`,
    ...labelWords(snapshot.labels),
  ].filter((mark) => typeof mark === 'string')
  return [
    id,
    quoted(name, 80),
    state,
    created_at,
    size_bytes !== undefined && bytes(size_bytes),
    plain(`${source.kind}:${source.id}`, 300),
    regions.length > 0 && plain(`in ${regions.join(', ')}`, 300),
    cost !== undefined && plain(`${cost.amount.toFixed(2)} ${cost.currency} a month`, 50),
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

/** How to wait for what goes on after the call. */
export const waitFor = (id: string) => `Wait for it with snapshot_get {"snapshot":"${id}","wait_seconds":50}.`

/** A restore, or the undo of one, that takes longer than the caller waits. */
export function underWay(what: string, { operation, pending }: Pick<RestoreReply, 'operation' | 'pending'>) {
  return [
    `${what}${operation === undefined ? '' : ` (${operation})`}.`,
    ...(pending === undefined ? [] : [waitFor(pending)]),
  ].join('\n')
}
