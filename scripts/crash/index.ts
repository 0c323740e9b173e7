import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { PROJECT } from '../../test/support/server.ts'
import { cannotMount, fullDisk } from './full-disk.ts'
import { erase } from './lane.ts'
import { OPERATIONS } from './operations.ts'
import { KINDS } from './points.ts'
import { powerLoss } from './power-loss/sweep.ts'
import { randomFrom } from './random.ts'
import { findings, table, versions } from './report.ts'
import { bundleDriver } from './run.ts'
import { cannotTrace } from './strace.ts'
import { type Outcome, sweep } from './sweep.ts'

/**
 * `npm run test:crash`: breaks every operation off at every point there is, prints what it finds and puts the table into
 * docs/reliability.md. `--operation create --kind kill --syscall write` runs a part and leaves the page as it is.
 */
const { values } = parseArgs({
  options: {
    operation: { type: 'string', multiple: true, default: [...OPERATIONS] },
    kind: { type: 'string', multiple: true, default: [...KINDS, 'power loss', 'full disk'] },
    syscall: { type: 'string' },
    lanes: { type: 'string', default: '2' },
  },
})
const isPart = process.argv.length > 2
const say = (line: string) => void process.stdout.write(`${line}\n`)

const obstacle = await cannotTrace()
if (obstacle) {
  say(`The sweeps cannot run: ${obstacle}.`)
  process.exit(1)
}
const noDisk = values.kind.includes('full disk') ? cannotMount() : undefined
if (noDisk) say(`Left out: the full disk (${noDisk}).`)

const bundle = await bundleDriver()
const outcomes: Outcome[] = []
/** Points that were planned and that no run came to. */
const missed: string[] = []
const start = performance.now()
for (const operation of OPERATIONS.filter((name) => values.operation.includes(name))) {
  const kinds = KINDS.filter((kind) => values.kind.includes(kind))
  const progress = (what: string) => (done: number, total: number) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${operation}, ${what}: ${done} of ${total} `)
    if (process.stderr.isTTY && done === total) process.stderr.write('\r\x1b[K')
  }
  const parts = [
    () =>
      sweep({
        ...{ operation, bundle, kinds, lanes: Number(values.lanes), progress: progress('system calls') },
        missed: ({ kind, what }) => void missed.push(`${operation}, ${kind} at ${what}`),
        ...(values.syscall !== undefined && { syscall: values.syscall }),
      }),
    values.kind.includes('power loss') && values.syscall === undefined
      ? () => powerLoss({ operation, bundle, random: randomFrom(1), progress: progress('power loss') })
      : undefined,
    values.kind.includes('full disk') && values.syscall === undefined && !noDisk
      ? () => fullDisk(operation, bundle)
      : undefined,
  ]
  for (const part of parts) if (part) outcomes.push(...(await part()))
  const own = outcomes.filter((outcome) => outcome.operation === operation)
  const bad = own.filter(({ violations }) => violations.length > 0).length
  const seconds = Math.round((performance.now() - start) / 1000)
  say(`${operation}: ${own.length} points, ${bad} with violations (${seconds} s so far)`)
}
erase(dirname(bundle))

say(`\n${table(outcomes)}\n`)
const violations = findings(outcomes, 'violations')
const litter = findings(outcomes, 'litter')
if (violations.length > 0) say(`Violations:\n${violations.map((line) => `- ${line}`).join('\n')}\n`)
if (litter.length > 0) say(`Left behind:\n${litter.map((line) => `- ${line}`).join('\n')}\n`)
if (missed.length > 0) say(`Not hit:\n${missed.map((line) => `- ${line}`).join('\n')}\n`)
if (!isPart) {
  const page = join(PROJECT, 'docs/reliability.md')
  const lines = [
    `${versions()}.`,
    '',
    table(outcomes),
    '',
    ...listed('Violations', violations),
    ...listed('Left behind', litter),
    ...listed('Planned, and not hit in six tries', missed),
  ]
  const text = readFileSync(page, 'utf8').replace(
    /(<!-- figures -->)[\s\S]*(<!-- \/figures -->)/,
    (_, open, close) => `${open}\n\n${lines.join('\n').trimEnd()}\n\n${close}`,
  )
  mkdirSync(dirname(page), { recursive: true })
  writeFileSync(page, text)
}
process.exitCode = violations.length > 0 ? 1 : 0

function listed(title: string, lines: readonly string[]): string[] {
  return lines.length === 0
    ? [`${title}: none.`, '']
    : [`${title}:`, '', ...lines.map((line) => `- ${line}`), '']
}
