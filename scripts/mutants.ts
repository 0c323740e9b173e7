import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { judge, type Verdict } from './mutants/judge.ts'
import { LAYERS } from './mutants/layers.ts'
import type { Mutant } from './mutants/mutant.ts'
import { table, writePage } from './mutants/page.ts'
import { runTests, type TestResult } from './mutants/run-tests.ts'
import { createTree, type Tree } from './mutants/tree.ts'
import { withScratch } from './scratch.ts'

/**
 * `npm run test:mutants`: takes the checks of the guard away, one at a time, in copies of the project, and demands that
 * a test notices which was named beforehand. Prints what happens and puts the table into docs/reliability.md; status 1
 * when one was not noticed. `--only quota` runs those whose layer or name says so, and leaves the page as it is.
 */
const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, lanes: { type: 'string', default: '2' } },
})
const only = values.only.toLowerCase()
const mutants = LAYERS.flatMap(({ name, mutants }) =>
  mutants.filter(({ without }) => `${name} ${without}`.toLowerCase().includes(only)),
)
const say = (line: string) => void process.stdout.write(`${line}\n`)

await withScratch(tmpdir(), async (scratch, signal) => {
  const [first, ...others] = Array.from({ length: Number(values.lanes) || 1 }, (_, n) =>
    createTree(join(scratch, `lane-${n}`)),
  ) as [Tree, ...Tree[]]
  for (const mutant of mutants) first.check(mutant)
  const whole = await untouched(first, signal)
  say(`With nothing taken away ${whole.length} tests are green.`)

  const verdicts = await inLanes([first, ...others], async (tree, mutant) => {
    const findings = await tree.without(mutant, () => runTests(tree.directory, mutant.tests, signal))
    const verdict = judge(mutant, findings, whole.filter(({ file }) => mutant.tests.includes(file)).length)
    tell(verdict)
    return verdict
  })
  const missed = verdicts.filter(({ noticedBy }) => !noticedBy).length
  say(`${verdicts.length} taken away, ${missed} not noticed.`)
  if (only === '') writePage(table(LAYERS, verdicts))
  if (missed > 0) process.exitCode = 1
})

/** All tests that are to notice something, on the project as it is: each has to be there, and green. */
async function untouched({ directory }: Tree, signal: AbortSignal): Promise<readonly TestResult[]> {
  const files = [...new Set(mutants.flatMap(({ tests }) => tests))]
  const { tests, trouble } = await runTests(directory, files, signal)
  if (trouble !== undefined) throw new Error(`With nothing taken away: ${trouble}`)
  const red = tests.find(({ failure }) => failure !== undefined)
  if (red) throw new Error(`With nothing taken away this is red: ${red.title}\n${red.failure}`)
  for (const { without, red, tests: among } of mutants)
    if (!tests.some(({ file, title }) => among.includes(file) && title.includes(red)))
      throw new Error(`${without}: no test of ${among.join(', ')} is called "${red}"`)
  return tests
}

/** The verdicts in the order of the mutants, whichever lane they come from. */
async function inLanes(
  lanes: readonly Tree[],
  work: (tree: Tree, mutant: Mutant) => Promise<Verdict>,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  const waiting = [...mutants.entries()]
  const ends = await Promise.allSettled(
    lanes.map(async (tree) => {
      for (let next = waiting.shift(); next; next = waiting.shift())
        verdicts[next[0]] = await work(tree, next[1])
    }),
  )
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  return verdicts
}

function tell({ mutant, noticedBy, problem }: Verdict): void {
  say(`${noticedBy ? 'noticed' : 'NOT NOTICED'}: ${mutant.without}`)
  say(`  ${noticedBy?.title ?? problem}`)
  if (noticedBy) say(`  ${noticedBy.failure?.split('\n', 1)[0]?.slice(0, 160)}`)
}
