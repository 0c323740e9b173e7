import { auditDirectory } from '../app.ts'
import type { Config } from '../config.ts'
import type { AuditEntry, StoredEntry } from '../guard/audit/entry.ts'
import { newestEntries } from '../guard/audit/newest.ts'
import { type AuditReport, type Flaw, type Mark, verifyAudit } from '../guard/audit/verify.ts'
import { fail } from '../snapshots/errors.ts'
import { plain } from '../snapshots/plain.ts'

export interface AuditCommand {
  /** How many entries to show, as typed. */
  limit?: string | undefined
  json: boolean
  /** Check the chain instead of showing entries. */
  verify: boolean
}

const SHOWN = 50
const MOST = 10_000
/** Targets that are not shown one by one. */
const TARGETS = 3

const EMPTY = 'There is nothing in the audit log.'

/** Shows the newest entries, or checks the whole chain. Exit status 1 when the chain is broken. */
export async function audit(
  { limit, json, verify }: AuditCommand,
  config: Config,
  print: (text: string) => void,
): Promise<number> {
  if (verify && limit !== undefined)
    throw fail('INVALID_ARGUMENT', '--verify reads all of it.', 'Leave out --limit or --verify.')
  const directory = auditDirectory(config)
  if (!verify) {
    print(await shown(directory, countOf(limit), json))
    return 0
  }
  const report = await verifyAudit(directory)
  print(`${json ? JSON.stringify(report, null, 2) : describe(report)}\n`)
  return report.problems.length === 0 ? 0 : 1
}

function countOf(text = String(SHOWN)): number {
  const count = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= MOST) return count
  throw fail(
    'INVALID_ARGUMENT',
    `--limit: ${JSON.stringify(text)} is no number.`,
    `Give it from 1 to ${MOST}.`,
  )
}

async function shown(directory: string, limit: number, json: boolean): Promise<string> {
  const { entries, doubtful } = await newestEntries(directory, limit)
  if (json) return entries.map(({ text }) => `${text}\n`).join('')
  const lines = [
    ...(entries.length === 0 ? [EMPTY] : entries.map(lineOf)),
    ...(doubtful > 0
      ? [`Not as they were written: ${doubtful}. "snapshot-mcp audit --verify" tells more.`]
      : []),
  ]
  return `${lines.join('\n')}\n`
}

/** Time, event, what, how it went, who. */
function lineOf({ entry }: StoredEntry): string {
  const { seq, at, event, operation, type, provider, code, outcome, by, principal, client } = entry
  const words = [
    `#${seq}`,
    at,
    event.padEnd(8),
    operation,
    type,
    provider,
    targetsOf(entry),
    layersOf(entry),
    code,
    outcome,
    by && `by ${by}`,
    `for ${principal}${client ? ` (${client})` : ''}`,
  ]
  return words.flatMap((word) => (word ? [plain(word, 300)] : [])).join('  ')
}

function targetsOf({ targets = [], targets_omitted = 0 }: AuditEntry): string {
  const more = targets.length + targets_omitted - TARGETS
  return [...targets.slice(0, TARGETS), ...(more > 0 ? [`and ${more} more`] : [])].join(', ')
}

function layersOf({ layers = {} }: AuditEntry): string {
  return Object.entries(layers)
    .map(([layer, said]) => `${layer}: ${typeof said === 'string' ? said : JSON.stringify(said)}`)
    .join(', ')
}

function describe({ entries, first, last, problems, omitted, notes }: AuditReport): string {
  const what = first && last ? `${counted(entries)}, ${mark(first)} to ${mark(last)}` : EMPTY.slice(0, -1)
  if (problems.length === 0)
    return [`${what}${entries > 0 ? ', unbroken' : ''}.`, ...notes.map(plainNote)].join('\n')
  return [
    `${what}.`,
    `BROKEN: ${problems.length + omitted}`,
    ...problems.map(flawLine),
    ...(omitted > 0 ? [`  and ${omitted} more`] : []),
    ...notes.map(plainNote),
  ].join('\n')
}

const counted = (entries: number) => `${entries} ${entries === 1 ? 'entry' : 'entries'}`

const mark = ({ seq, at }: Mark) => `#${seq} of ${plain(at)}`

function flawLine({ segment, line, kind, what }: Flaw): string {
  const place = line > 0 ? `${segment}:${line}` : segment
  return `  ${[place, kind.replace('_', ' ')].join(' ').trim()}: ${what}`
}

const plainNote = (note: string) => plain(note)
