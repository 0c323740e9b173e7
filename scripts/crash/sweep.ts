import { readFileSync } from 'node:fs'
import { check, type Findings } from './check.ts'
import { type Lane, makeLane } from './lane.ts'
import type { Operation } from './operations.ts'
import { concerns, describe, findPoints, type Kind, type Point } from './points.ts'
import { startDriver } from './run.ts'
import { parseTrace } from './strace.ts'

export interface SweepOptions {
  operation: Operation
  bundle: string
  kinds: readonly Kind[]
  /** Only calls of this name. */
  syscall?: string
  /** Chooses among the points; all when absent. */
  choose?(points: Point[]): Point[]
  /** Points worked on at the same time. */
  lanes: number
  progress?(done: number, total: number): void
  /** Told of each point that no run came to, whether or not one hit something else instead. */
  missed?(point: Point): void
}

/** A point and what was wrong after it. */
export interface Outcome extends Findings {
  operation: Operation
  kind: string
  /** What was hit, or in which state the store was. */
  what: string
}

/** Breaks an operation off at every call that changes anything, and checks what it leaves. */
export async function sweep(options: SweepOptions): Promise<Outcome[]> {
  const { operation, bundle, kinds, syscall, choose = (points) => points } = options
  const scout = await makeLane(operation)
  const found = await findPoints(scout, operation, bundle).finally(() => scout.remove())
  const points = choose(
    found.filter(
      (point) => kinds.includes(point.kind) && (syscall === undefined || point.syscall === syscall),
    ),
  )
  const queue = points.values()
  const outcomes: Outcome[] = []
  const work = async () => {
    const lane = await makeLane(operation)
    try {
      for (const point of queue) {
        const outcome = await hit(lane, point)
        if (outcome) outcomes.push(outcome)
        if (outcome?.what !== point.what) options.missed?.(point)
        options.progress?.(outcomes.length, points.length)
      }
    } finally {
      lane.remove()
    }
  }
  await Promise.all(Array.from({ length: options.lanes }, work))
  return outcomes

  /**
   * Timers shift the count of a call by one or two, so what was hit is compared with what was planned, and tried again
   * nearby when it differs. Whatever was hit is checked. Undefined when nothing was.
   */
  async function hit(lane: Lane, point: Point): Promise<Outcome | undefined> {
    let outcome: Outcome | undefined
    for (const shift of [0, 0, 1, -1, 2, -2]) {
      const nth = point.nth + shift
      if (nth < 1) continue
      const found = await hitOnce(lane, { ...point, nth })
      if (found?.what === point.what) return found
      outcome ??= found
      // The first one that was hit elsewhere is as good as any; a violation must not be tried away.
      if (found && found.violations.length > 0) return found
    }
    return outcome
  }

  async function hitOnce(lane: Lane, point: Point): Promise<Outcome | undefined> {
    const { kind, syscall: name, thread, nth } = point
    lane.reset()
    const driver = await startDriver(bundle, lane.job(operation))
    const file = `${lane.dir}/trace`
    const fault = kind === 'kill' ? 'signal=KILL' : `error=${kind}`
    const report = await driver.go([
      ...['-p', String(driver.threads[thread]), '-o', file, '-y', '-xx', '-s', '0'],
      ...['-e', `trace=${name}`, '-e', `inject=${name}:${fault}:when=${nth}`],
    ])
    const calls = parseTrace(readFileSync(file, 'latin1'))
    const victim = kind === 'kill' ? calls.at(-1) : calls.find((call) => call.injected)
    // An error in what is not a file of ours, such as the wake-up of a thread, proves nothing.
    if (!victim || (kind === 'kill' ? report !== undefined : !concerns(victim, lane))) return undefined
    const findings = await check(lane, { operation, report })
    return { operation, kind, what: describe(victim, lane), ...findings }
  }
}
