import type { Mutant } from './mutant.ts'
import type { Findings, TestResult } from './run-tests.ts'

export interface Verdict {
  mutant: Mutant
  /** The test that went red as it should. */
  noticedBy?: TestResult
  /** Why that does not count, or that nobody noticed. */
  problem?: string
}

/** The changed code fell over, or the machine was slow: that says nothing about the check that was taken away. */
const ACCIDENT = /\b(Reference|Syntax|Type)Error\b|"code":"INTERNAL"|\btimed out\b/

/** `expected` is how many tests there are when nothing is missing. */
export function judge(mutant: Mutant, { tests, trouble }: Findings, expected: number): Verdict {
  const problem = (text: string): Verdict => ({ mutant, problem: text })
  if (trouble !== undefined) return problem(`nothing was tested: ${trouble}`)
  if (tests.length !== expected) return problem(`${tests.length} tests ran, and not ${expected}`)
  const red = tests.filter(({ failure }) => failure !== undefined)
  const meant = red.filter(({ title }) => title.includes(mutant.red))
  const noticedBy = meant.find(({ failure = '' }) => !ACCIDENT.test(failure))
  if (noticedBy) return { mutant, noticedBy }
  if (meant[0]) return problem(`red by accident: ${meant[0].failure?.split('\n', 1)[0]}`)
  if (red[0]) return problem(`only others went red: ${red.map(({ title }) => title).join(' / ')}`)
  return problem(`survived: all ${expected} tests stayed green`)
}
