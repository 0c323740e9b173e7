import { storageError } from '../../state/storage-error.ts'
import { type AuditEntry, type Link, START, type StoredEntry } from './entry.ts'
import { segmentsOf } from './files.ts'
import { readHead } from './head.ts'
import { accountsFor, type Block, piecesOf } from './pieces.ts'

export interface Flaw {
  /** The name of the file; empty when there is none. */
  segment: string
  /** From 1; 0 for the file itself. */
  line: number
  /**
   * - `unreadable`: not an entry, and no entry accounts for it
   * - `changed`: not what its own hash was made of
   * - `missing`, `reordered`: its number does not follow
   * - `replaced`: its number follows, but it was written after another entry than the one before it, or in place of one
   * - `cut_off`: entries are missing at the end
   */
  kind: 'unreadable' | 'changed' | 'missing' | 'reordered' | 'replaced' | 'cut_off'
  what: string
}

export type Mark = Pick<AuditEntry, 'seq' | 'at'>

export interface AuditReport {
  entries: number
  first?: Mark
  last?: Mark
  /** None: the chain is whole. */
  problems: Flaw[]
  /** How many were found beside those. */
  omitted: number
  /** What is worth knowing and not damage. */
  notes: string[]
}

const LISTED = 50

/** Reads the whole log, a line at a time, while others may append to it. */
export function verifyAudit(directory: string): Promise<AuditReport> {
  return storageError(check(directory))
}

async function check(directory: string): Promise<AuditReport> {
  // Before the log: what is appended meanwhile is then not taken for missing.
  const head = readHead(directory)
  const segments = segmentsOf(directory)
  const begins = segments[0]?.first ?? 1
  const report: AuditReport = { entries: 0, problems: [], omitted: 0, notes: [] }
  if (begins > 1) report.notes.push(`The log begins at entry ${begins}: what is older is not here.`)

  let before: Before = begins === 1 ? START : { seq: begins - 1 }
  let place = { segment: '', line: 0 }
  for (const segment of segments) {
    const isNewest = segment === segments.at(-1)
    place = { segment: segment.name, line: 0 }
    for (const { line, ended, stored, block } of piecesOf(segment, { isNewest })) {
      place.line = line
      if (stored) {
        const finding = flawOf(stored, before, block) ?? contradiction(stored, head)
        if (finding) add(report, { ...place, ...finding })
        if (!ended) report.notes.push('The last line is not ended.')
        count(report, stored)
        // One that was moved back is not what the next one follows.
        if (stored.entry.seq > before.seq) before = stored.entry
      } else if (!block) add(report, { ...place, kind: 'unreadable', what: 'it is not a file' })
      else if (isNewest && isUnfinished(block, before, head))
        report.notes.push(`After the last entry there are ${block.bytes} bytes of an unfinished one.`)
      else add(report, { ...place, ...unaccounted(block) })
    }
  }
  if (head && head.seq > before.seq)
    add(report, {
      ...place,
      kind: 'cut_off',
      what: `${span(before.seq + 1, head.seq)} at the end`,
    })
  if (!head && report.entries > 0)
    report.notes.push('There is no "head" beside the log: a cut at its end would not be noticed.')
  return report
}

/** The entry before. Its hash is unknown where the log begins later than it once did. */
type Before = Pick<Link, 'seq'> & Partial<Link>
type Finding = Pick<Flaw, 'kind' | 'what'> & Partial<Pick<Flaw, 'line'>>

/** At most one: after it the chain is taken up as the entry states it. */
function flawOf(stored: StoredEntry, before: Before, block?: Block): Finding | undefined {
  const { seq, prev, torn } = stored.entry
  const flaw = (kind: Flaw['kind'], what: string) => ({ kind, what })
  if (!stored.intact) return flaw('changed', `entry ${seq} is not what was written`)
  if (block && !accountsFor(stored, block)) return unaccounted(block)
  if (torn && !block) return flaw('changed', `what entry ${seq} found before it is gone`)
  if (seq > before.seq + 1) return flaw('missing', `${span(before.seq + 1, seq - 1)} before entry ${seq}`)
  if (seq <= before.seq) return flaw('reordered', `entry ${seq} comes after entry ${before.seq}`)
  if (before.hash !== undefined && prev !== before.hash)
    return flaw('replaced', `entry ${seq} was written after another entry ${before.seq}`)
  return undefined
}

function contradiction({ entry: { seq, hash } }: StoredEntry, head: Link | undefined): Finding | undefined {
  if (seq !== head?.seq || hash === head.hash) return undefined
  return { kind: 'replaced', what: `entry ${seq} is not the one that was last` }
}

function unaccounted({ line }: Block): Finding {
  return { line, kind: 'unreadable', what: 'it is not an entry, and no entry accounts for it' }
}

/** Never acknowledged: it is being written at this moment, or a crash has left it for the next entry to account for. */
function isUnfinished({ ended }: Block, before: Before, head: Link | undefined): boolean {
  return !ended || (head !== undefined && head.seq <= before.seq)
}

const span = (from: number, to: number) =>
  from === to ? `entry ${from} is missing` : `entries ${from} to ${to} are missing`

function add(report: AuditReport, flaw: Flaw): void {
  if (report.problems.length < LISTED) report.problems.push(flaw)
  else report.omitted++
}

function count(report: AuditReport, { entry: { seq, at } }: StoredEntry): void {
  report.entries++
  report.first ??= { seq, at }
  report.last = { seq, at }
}
