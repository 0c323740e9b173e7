import type { Provider } from '../../src/snapshots/provider.ts'
import { type Say, takeUp } from './calls.ts'
import { explain } from './compare.ts'
import { examine } from './examine.ts'
import { cleanUp, goOn, litterIn, settle } from './go-on.ts'
import type { Lane } from './lane.ts'
import type { Operation, Report } from './operations.ts'

/** What is known of an operation that was broken off. */
export interface Aftermath {
  operation: Operation
  /** What it answered; undefined when it did not live to answer. */
  report: Report | undefined
  /** It had said that its safety snapshot is durable. */
  recorded?: boolean
}

export interface Findings {
  /** Broken promises, one line each. */
  violations: string[]
  /** Files left in a source or beside it, which nothing removes. */
  litter: string[]
}

/**
 * Opens the store as the next process would and holds it to everything it promised. Uses the store for further
 * operations, so the lane has to be reset afterwards.
 */
export async function check(lane: Lane, aftermath: Aftermath): Promise<Findings> {
  const found: Findings = { violations: [], litter: [] }
  const say: Say = (line) => void found.violations.push(line)
  if (aftermath.report) answered(aftermath.report, say)
  let provider: Provider | undefined
  try {
    provider = lane.open()
    await takeUp(provider, say)
    await examine(lane, provider, aftermath, say)
    for (const at of [lane.root, lane.other, lane.out]) found.litter.push(...litterIn(at))
    await goOn(lane, provider, aftermath, say)
    await cleanUp(lane, provider, found, say)
    await provider.close?.()
    await settle(lane, found, say)
  } catch (error) {
    say(`the next start fails: ${explain(error)}`)
  }
  return found
}

/** An error has to be one of ours, in words that tell no system's. */
function answered(report: Report, say: Say): void {
  if (report.ok) return
  if (!report.typed) say(`the error is not typed: ${report.raw ?? report.message}`)
  else if (/\bE[A-Z]{2,}\b|did not foresee/.test(report.message)) say(`the error is raw: ${report.message}`)
}
