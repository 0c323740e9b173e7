import type { Changed, Labels, PlanView, ShownPath, Snapshot, Undo, Verified } from '../../snapshots/model.ts'
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

/** What a destructive call that did not run has in common. */
interface NotRun {
  status: string
  plan?: PlanView | undefined
  confirmation?: string | undefined
  approval?: { code: string; how: string } | undefined
  expires_at?: string | undefined
}

/** The plan, and the one call that runs it. */
export function planLines(tool: string, reply: NotRun): string[] {
  const { status, plan, confirmation, approval, expires_at } = reply
  return [
    ...(plan === undefined ? [] : planFacts(plan)),
    'Nothing was changed.',
    ...(approval === undefined
      ? []
      : [`A person must approve this first (code ${approval.code}). ${plain(approval.how, 500)}`]),
    ...(status === 'dry_run' || confirmation === undefined ? [] : [again(tool, confirmation, expires_at)]),
  ]
}

function planFacts(plan: PlanView): string[] {
  const undo = plan.undo_until === undefined ? 'Can be undone.' : `Can be undone until ${plan.undo_until}.`
  return [
    `Plan: ${plain(plan.summary, 1000)}`,
    `Effects: ${plain(JSON.stringify(plan.effects), 2000)}`,
    plan.reversible ? undo : 'Cannot be undone.',
    ...warningLines(plan.warnings),
  ]
}

function again(tool: string, confirmation: string, expires: string | undefined): string {
  const until = expires === undefined ? '' : ` before ${expires}`
  return `To run it, call ${tool} again${until} with the same arguments and "confirmation":"${confirmation}".`
}

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
