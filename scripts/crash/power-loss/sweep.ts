import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { check } from '../check.ts'
import { erase, type Lane, makeLane } from '../lane.ts'
import type { Operation, Report } from '../operations.ts'
import { startDriver } from '../run.ts'
import { parseTrace } from '../strace.ts'
import type { Outcome } from '../sweep.ts'
import { createModel, type Entries } from './model.ts'
import { eventsOf, readEntries, TRACED } from './record.ts'

export interface PowerLossOptions {
  operation: Operation
  bundle: string
  random: () => number
  /** Takes every sync for nothing, so that a test can see what is lost then. */
  withoutSyncs?: boolean
  choose?<T>(states: T[]): T[]
  progress?(done: number, total: number): void
}

/** A state of the store that a power cut may leave, and what had been promised by then. */
interface Crash {
  what: string
  entries: Entries
  recorded: boolean
  report: Report | undefined
}

/**
 * Records what an operation does to the store, then cuts the power after every step of it: each state that a file
 * system may legally be left in is built and checked. The source is taken as it was before the operation, or, once the
 * call has returned, as it was after it.
 */
export async function powerLoss(options: PowerLossOptions): Promise<Outcome[]> {
  const { operation, choose = (states) => states } = options
  const lane = await makeLane(operation)
  try {
    const crashes = choose(await record(lane, options))
    const outcomes: Outcome[] = []
    for (const { what, entries, recorded, report } of crashes) {
      lane.reset()
      if (report && (operation === 'restore' || operation === 'copy')) await perform(lane, options)
      write(lane.home, entries)
      const findings = await check(lane, { operation, report, recorded })
      outcomes.push({ operation, kind: 'power loss', what: what.replaceAll(`${lane.dir}/`, ''), ...findings })
      options.progress?.(outcomes.length, crashes.length)
    }
    return outcomes
  } finally {
    lane.remove()
  }
}

async function record(lane: Lane, options: PowerLossOptions): Promise<Crash[]> {
  const { operation, bundle, random, withoutSyncs = false } = options
  lane.reset()
  const model = createModel(lane.home, readEntries(lane.home))
  const driver = await startDriver(bundle, lane.job(operation))
  const trace = `${lane.dir}/trace`
  const flags = ['-f', '-p', String(driver.pid), '-o', trace, '-y', '-xx', '-s', String(2 ** 26)]
  const answer = await driver.go([...flags, '-e', `trace=${TRACED}`])
  if (!answer?.ok) throw new Error(`${operation} fails when nothing disturbs it: ${JSON.stringify(answer)}`)
  const crashes = new Map<string, Crash>()
  let recorded = false
  let report: Report | undefined
  let last = 'nothing'
  const cut = () => {
    for (const { name, entries } of model.states(random)) {
      const key = digest(entries, recorded, report !== undefined)
      if (!crashes.has(key)) crashes.set(key, { what: `after ${last}: ${name}`, entries, recorded, report })
    }
  }
  cut()
  for (const event of eventsOf(parseTrace(readFileSync(trace, 'latin1')), lane.home)) {
    if ('mark' in event) {
      recorded ||= event.mark === 'recorded'
      if (event.mark === 'returned') report = answer
    } else {
      if (event.step.do !== 'sync' || !withoutSyncs) model.apply(event.step)
      last = event.what
    }
    cut()
  }
  return [...crashes.values()]
}

/** Carries the operation out undisturbed, for what it leaves outside the store. */
async function perform(lane: Lane, { operation, bundle }: PowerLossOptions): Promise<void> {
  await (await startDriver(bundle, lane.job(operation))).go()
}

function digest(entries: Entries, ...flags: boolean[]): string {
  const hash = createHash('sha256').update(JSON.stringify(flags))
  for (const [path, bytes] of entries)
    hash.update(`${path}\0${bytes?.length ?? 'directory'}\0`).update(bytes ?? '')
  return hash.digest('hex')
}

function write(top: string, entries: Entries): void {
  erase(top)
  for (const [path, bytes] of entries) {
    const at = Buffer.from(path, 'latin1')
    if (bytes === null) mkdirSync(at, { mode: 0o700 })
    else writeFileSync(at, bytes, { mode: 0o600 })
  }
}
