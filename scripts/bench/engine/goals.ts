import { type Contestant, copy } from '../contestants.ts'
import { median, megabytes, seconds, table } from '../numbers.ts'
import type { Measured } from './measure.ts'
import { restic, tar, tunedGit } from './peers.ts'
import type { Operation } from './play.ts'
import type { Scaling } from './scaling.ts'
import type { Workspace } from './workspaces.ts'

/** Ours has to stay within `factor` times the peer's time; ours may be another operation than `theirs`. */
interface Race {
  on: Workspace['name']
  what: string
  ours: Operation
  theirs: Operation
  peer: Contestant
  factor: number
}

const race = (
  on: Workspace['name'],
  what: string,
  [ours, theirs]: [Operation, Operation],
  peer: Contestant,
  factor: number,
): Race => ({ on, what, ours, theirs, peer, factor })

const FRESH = 'unchanged, new process'
const CONFIRMED = 'restore in place, the confirmed call; git without a safety save'
const PLANNED = 'restore in place with its plan; git without a safety save'
const RESCUE = 'restore in place with its plan, from unsaved work; git saves first'

const RACES: readonly Race[] = [
  race('W2', 'first save', ['first', 'first'], tar, 1),
  race('W2', 'first save', ['first', 'first'], tunedGit, 0.3),
  race('W2', 'first save', ['first', 'first'], restic, 0.4),
  race('W2', 'unchanged, running server', ['unchanged', 'unchanged'], tunedGit, 0.55),
  race('W2', `${FRESH}, from its \`tools/list\``, ['freshAnswer', 'unchanged'], tunedGit, 1.2),
  race('W2', `${FRESH}, from its start`, ['fresh', 'unchanged'], tunedGit, 1.2),
  race('W2', 'after the edit', ['edit', 'edit'], tunedGit, 0.6),
  race('W2', CONFIRMED, ['restore', 'restore'], tunedGit, 0.25),
  race('W2', PLANNED, ['inPlace', 'restore'], tunedGit, 0.25),
  race('W2', RESCUE, ['rescue', 'rescue'], tunedGit, 0.25),
  race('W2', 'restore to new', ['new', 'new'], copy, 1),
  race('W1', 'first save', ['first', 'first'], copy, 1.5),
  race('W1', 'unchanged, running server', ['unchanged', 'unchanged'], tunedGit, 1),
  race('W1', 'after the edit', ['edit', 'edit'], tunedGit, 1),
  race('W1', CONFIRMED, ['restore', 'restore'], tunedGit, 1),
  race('W1', PLANNED, ['inPlace', 'restore'], tunedGit, 1),
  race('W1', RESCUE, ['rescue', 'rescue'], tunedGit, 1),
  race('W1', 'restore to new', ['new', 'new'], copy, 1.5),
]
const DIFF_MS = { W2: 20, W1: 10 }
const PEAK_MB = { W2: 300, W1: 100 }
const STORE_FACTOR = 1.1
/** How much more memory a server may take with the most snapshots than with one. */
const FLAT_FACTOR = 1.25

type Row = [what: string, goal: string, measured: string, met: string]
const verdict = (met: boolean) => (met ? 'met' : '**not met**')

/** The goals and what became of them, as Markdown; those of what was not measured are left out. */
export function goalTable(measured: readonly Measured[], scaling: Scaling | undefined): string {
  const rows = [
    ...RACES.flatMap((goal) => raceRow(goal, measured)),
    ...measured.flatMap((each) => [...limitRows(each), ...storeRows(each)]),
    ...(scaling ? flatRow(scaling) : []),
  ]
  return table(['operation', 'goal', 'measured', 'verdict'], rows, 4)
}

function raceRow({ on, what, ours, theirs, peer, factor }: Race, measured: readonly Measured[]): Row[] {
  const results = measured.find(({ workspace }) => workspace.name === on)?.results
  const mine = results?.[0]?.times[ours]
  const other = results?.find(({ contestant }) => contestant === peer)?.times[theirs]
  if (!mine || !other) return []
  const [a, b] = [median(mine), median(other)]
  const goal = `at most ${factor} x ${peer.name} (${seconds(b)} s)`
  return [[`${on}: ${what}`, goal, `${seconds(a)} s = ${(a / b).toFixed(2)} x`, verdict(a <= factor * b)]]
}

/** Goals that are not relative to anybody. */
function limitRows({ workspace: { name }, results: [own] }: Measured): Row[] {
  if (!own || (name !== 'W1' && name !== 'W2')) return []
  const diff = median(own.times.diff ?? [])
  const rows: Row[] = [
    [
      `${name}: diff of two snapshots`,
      `at most ${DIFF_MS[name]} ms`,
      `${diff.toFixed(1)} ms`,
      verdict(diff <= DIFF_MS[name]),
    ],
  ]
  if (own.peak !== undefined) {
    const met = own.peak <= PEAK_MB[name] * 1e6
    rows.push([
      `${name}: peak memory of the server`,
      `at most ${PEAK_MB[name]} MB`,
      megabytes(own.peak),
      verdict(met),
    ])
  }
  return rows
}

function storeRows({ workspace: { name, growth }, growth: grown }: Measured): Row[] {
  const [own] = grown
  const other = grown.find(({ contestant }) => contestant === restic)
  if (!own || !other) return []
  const row = (when: string, mine: number, theirs: number): Row => [
    `${name}: store after ${when}`,
    `at most ${STORE_FACTOR} x restic (${megabytes(theirs)})`,
    `${megabytes(mine)} = ${(mine / theirs).toFixed(2)} x`,
    verdict(mine <= STORE_FACTOR * theirs),
  ]
  return [
    row('the first save', own.first, other.first),
    row(`${growth} rounds of 20 edits`, own.after, other.after),
  ]
}

function flatRow({ snapshots }: Scaling): Row[] {
  const [one, most] = [snapshots[0], snapshots.at(-1)]
  if (!one?.[1].peak || !most?.[1].peak) return []
  const factor = most[1].peak / one[1].peak
  return [
    [
      `peak memory with ${most[0].toLocaleString('en')} snapshots`,
      `at most ${FLAT_FACTOR} x that with ${one[0]} (${megabytes(one[1].peak)})`,
      `${megabytes(most[1].peak)} = ${factor.toFixed(2)} x`,
      verdict(factor <= FLAT_FACTOR),
    ],
  ]
}
