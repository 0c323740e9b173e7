import { machine } from '../machine.ts'
import { milliseconds, table } from '../numbers.ts'
import { CONNECTIONS, MOST, type Rate, type Rates, ROUNDS } from './measure.ts'
import { MARKS, type Mark } from './memory.ts'
import { CALLS, type CallName, SHOWN, type Side, type Sides, SNAPSHOTS } from './sides.ts'
import { versions } from './versions.ts'

export interface Measured {
  sides: Sides
  rates: Rates
  memory: { ours: Mark[]; base: Mark[] }
  dir: string
}

/** What share of the requests per second of the bare server is enough. */
const ENOUGH = 0.8
/** Memory is flat where it grows by less than either from the mark before the last. */
const FLAT = { share: 0.05, bytes: 8 * 2 ** 20 }

/** The part of docs/benchmarks.md. */
export function report({ sides, rates, memory, dir }: Measured): string {
  const base = sides.all.find(({ role }) => role === 'base') as Side
  return [
    '## Over HTTP',
    'Written by `npm run bench:http`, and by `npm run bench` after its own part.',
    [...machine(dir, ['redis-server']), versions(), ...sides.commands].map((line) => `- ${line}`).join('\n'),
    `A process of its own sends the calls of a 2026-07-28 client over connections that stay open (undici), on loopback and on the same CPUs as the servers: what one side leaves over is no measure of what a second machine would add. The sides take turns, ${ROUNDS} rounds after a warm-up, at most ${MOST.count} requests or ${MOST.ms / 1000} s each; figures are medians of the rounds. Every answer is held against the first one, its id against the request. The store has ${SNAPSHOTS} snapshots, of which a list shows ${SHOWN}. The bare server has one tool and gives the same results from memory, so that both sides carry the same bytes.`,
    '### Goals',
    goals(rates, base, memory),
    ...CALLS.flatMap((call) => [`### \`${call}\``, rateTable(rates, call, base)]),
    ...putOff(rates),
    ...sides.absent,
    '### Memory',
    'A fresh server under 16 connections, half of the requests of each kind, after its garbage was collected.',
    memoryTable(memory),
  ].join('\n\n')
}

const ratio = (rate: Rate, base: Rate) => rate.perSecond / base.perSecond
const verdict = (isMet: boolean) => (isMet ? 'met' : '**not met**')

function goals(rates: Rates, base: Side, memory: Measured['memory']): string {
  const rows = CALLS.flatMap((call) => {
    const bySide = rates.get(call)!
    const [, own] = [...bySide].find(([{ role }]) => role === 'ours')!
    return CONNECTIONS.map((connections, at) => {
      const share = ratio(own[at]!, bySide.get(base)![at]!)
      const what = `\`${call}\`, ${connections} at once, 1 replica`
      return [what, `at least ${ENOUGH} x the bare server`, `${share.toFixed(2)} x`, verdict(share >= ENOUGH)]
    })
  })
  const [before, last] = memory.ours.slice(-2) as [Mark, Mark]
  const growth = last.resident - before.resident
  const isFlat = growth <= FLAT.bytes || growth <= FLAT.share * before.resident
  return table(
    ['what', 'goal', 'measured', 'verdict'],
    [
      ...rows,
      [
        `memory after ${MARKS.at(-1)} requests`,
        `within 5 % or 8 MiB of that after ${MARKS.at(-2)}`,
        `${growth < 0 ? '-' : '+'}${mebibytes(Math.abs(growth))} MiB`,
        verdict(isFlat),
      ],
      [
        `open files after ${MARKS.at(-1)} requests`,
        `as many as after ${MARKS.at(-2)}`,
        `${last.files - before.files} more`,
        verdict(last.files <= before.files),
      ],
    ],
    4,
  )
}

/** What one caller may read at once is less than the most connections that are tried here. */
function putOff(rates: Rates): string[] {
  const all = [...rates.values()].flatMap((bySide) => [...bySide.values()].flat())
  const count = all.reduce((sum, each) => sum + each.putOff, 0)
  if (count === 0) return []
  return [
    `${count} requests, of a caller that had more under way at once than one caller may, were told to wait (RATE_LIMITED) and did; they are in no figure but the time they took.`,
  ]
}

function rateTable(rates: Rates, call: CallName, base: Side): string {
  const bySide = rates.get(call)!
  const rows = [...bySide].map(([side, own]) => [
    side.name,
    ...own.flatMap((rate, at) => {
      const share = side === base ? '' : ` (${ratio(rate, bySide.get(base)![at]!).toFixed(2)}x)`
      return [`${rate.perSecond.toFixed(0)}${share}`, milliseconds(rate.p50), milliseconds(rate.p99)]
    }),
  ])
  const head = CONNECTIONS.flatMap((connections) => [
    `${connections} at once: requests/s`,
    'p50 ms',
    'p99 ms',
  ])
  return table(['', ...head], rows)
}

function memoryTable({ ours, base }: Measured['memory']): string {
  const row = (name: string, marks: Mark[]) => [
    name,
    ...marks.flatMap(({ resident, files }) => [mebibytes(resident), String(files)]),
  ]
  const head = MARKS.flatMap((mark) => [`${mark} requests: RSS MiB`, 'open files'])
  return table(['', ...head], [row('**snapshot-mcp**', ours), row('bare server, bundled', base)])
}

const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1)
