import { machine } from '../machine.ts'
import { median, megabytes, milliseconds, seconds, table } from '../numbers.ts'
import { goalTable } from './goals.ts'
import type { Measured } from './measure.ts'
import { COMMANDS, findPeers } from './peers.ts'
import { OPERATIONS, type Operation, type Result } from './play.ts'
import type { Costs, Scaling } from './scaling.ts'

/** The part of docs/benchmarks.md about the local engine. `dir` is where the trees were. */
export function report(measured: readonly Measured[], scaling: Scaling | undefined, dir: string): string {
  const { absent } = findPeers()
  return [
    '## The local engine',
    'Written by `npm run bench:engine`.',
    machine(dir, COMMANDS)
      .map((line) => `- ${line}`)
      .join('\n'),
    'Contestants take turns, each round with a fresh store and `sync` before each operation; the page cache is warm. Figures are medians in seconds; in brackets how many times the time of snapshot-mcp. Every restore was checked by an independent hash of path, kind, mode, size and content of everything in the tree. Contestants that restore in place by writing everything anew do so in the first round only. Nothing large is deleted before the end: ext4 without a journal makes files several times more slowly while many were deleted in the last minutes.',
    ...(absent.length > 0 ? [`Not installed and not measured: ${absent.join(', ')}.`] : []),
    ...(measured.length > 0 ? [contestants(measured)] : []),
    '### Goals',
    goalTable(measured, scaling),
    ...measured.map(workspacePart),
    ...(scaling ? [scalingPart(scaling)] : []),
  ].join('\n\n')
}

function contestants(measured: readonly Measured[]): string {
  const all = new Set(measured.flatMap(({ results }) => results.map(({ contestant }) => contestant)))
  return [...all]
    .map(({ name, how, durability }) => `- ${name}: ${how}. Durability: ${durability}.`)
    .join('\n')
}

function workspacePart(measured: Measured): string {
  const { workspace, about, files, directories, bytes, results, growth } = measured
  const [own] = results as [Result]
  const shown = Object.keys(OPERATIONS) as (keyof typeof OPERATIONS)[]
  const rows = results.map((result) => [
    result.contestant.name,
    String(result.rounds),
    ...shown.map((operation) => cell(result, own, operation)),
    megabytes(result.store),
  ])
  const head = ['seconds', 'rounds', ...shown.map((operation) => OPERATIONS[operation]), 'store']
  return [
    `### ${workspace.name}: ${workspace.title}`,
    `${files.toLocaleString('en')} files, ${directories.toLocaleString('en')} directories, ${megabytes(bytes)} of content: ${about}. The edit: ${workspace.edits}. *In place* takes back edits that were saved; *in place, unsaved* takes back edits that nobody had saved and keeps them all the same, for which the others save first.`,
    table(head, rows),
    processLines(own),
    ...(growth.length > 0 ? [growthTable(measured)] : []),
  ].join('\n\n')
}

function cell(result: Result, own: Result, operation: Operation): string {
  const samples = result.times[operation]
  if (!samples) return '-'
  const ms = median(samples)
  if (result === own) return seconds(ms)
  // What ours needs a plan for, others do in one step.
  const mine = own.times[operation]
  return mine ? `${seconds(ms)} (${(ms / median(mine)).toFixed(1)}x)` : seconds(ms)
}

function processLines({ times, peak }: Result): string {
  const at = (operation: Operation) => seconds(median(times[operation] ?? []))
  const fresh = `An unchanged save in a new process of snapshot-mcp takes ${at('fresh')} s from its start: ${at('freshReady')} s to its answer to \`tools/list\`, ${at('freshAnswer')} s from there.`
  return peak === undefined ? fresh : `${fresh} The server's peak memory in a round was ${megabytes(peak)}.`
}

function growthTable({ workspace, growth }: Measured): string {
  const rows = growth.map(({ contestant, first, after }) => [
    contestant.name,
    megabytes(first),
    megabytes(after),
    megabytes(after - first),
  ])
  return table(
    ['store on disk', 'after the first save', `after ${workspace.growth} rounds of 20 edits`, 'growth'],
    rows,
  )
}

function scalingPart({ entries, snapshots }: Scaling): string {
  const head = ['create, unchanged', 'create, 10 edits', 'list', 'diff', 'restore in place', 'peak memory']
  const row = ([n, costs]: [number, Costs]) => [
    n.toLocaleString('en'),
    ...[costs.unchanged, costs.edit, costs.list, costs.diff, costs.inPlace].map(milliseconds),
    costs.peak === undefined ? '-' : megabytes(costs.peak),
  ]
  return [
    '### Cost follows change',
    'Milliseconds of a call in a running server when 10 files were edited; *restore in place* is plan and confirmed call together.',
    table(['entries in the tree', ...head], entries.map(row)),
    table(['snapshots in the store, tree of 1,000 entries', ...head], snapshots.map(row)),
  ].join('\n\n')
}
