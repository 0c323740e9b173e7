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
const say = (line: string) => void process.stdout.write(`${line}\n`)

const layers = LAYERS.map(({ name, mutants }) => ({
  name,
  mutants: mutants.filter(({ without }) =>
    `${name} ${without}`.toLowerCase().includes(values.only.toLowerCase()),
  ),
}))
const mutants = layers.flatMap((layer) => layer.mutants)

await withScratch(tmpdir(), async (scratch, signal) => {
  const lanes = Array.from({ length: Number(values.lanes) }, (_, n) => createTree(join(scratch, `lane-${n}`)))
  const whole = await untouched(lanes[0] as Tree, signal)
  say(`With nothing taken away ${whole.length} tests are green.`)
  const verdicts = await inLanes(lanes, mutants, async (tree, mutant) => {
    const findings = await tree.without(mutant, () => runTests(tree.directory, mutant.tests, signal))
    const verdict = judge(mutant, findings, whole.filter(({ file }) => mutant.tests.includes(file)).length)
    const { noticedBy, problem } = verdict
    say(`${noticedBy ? 'noticed' : 'NOT NOTICED'}: ${mutant.without}`)
    for (const line of [noticedBy?.title ?? problem, noticedBy?.failure?.split('\n', 1)[0]?.slice(0, 160)])
      if (line) say(`  ${line}`)
    return verdict
  })
  const missed = verdicts.filter(({ noticedBy }) => !noticedBy)
  say(`${verdicts.length} taken away, ${missed.length} not noticed.`)
  if (mutants.length === LAYERS.flatMap((layer) => layer.mutants).length) writePage(table(layers, verdicts))
  if (missed.length > 0) process.exitCode = 1
})

/** All tests that are to notice something, on the project as it is: every one has to be green. */
async function untouched({ directory }: Tree, signal: AbortSignal): Promise<readonly TestResult[]> {
  const files = [...new Set(mutants.flatMap(({ tests }) => tests))]
  const { tests, trouble } = await runTests(directory, files, signal)
  const red = tests.filter(({ failure }) => failure !== undefined)
  if (trouble !== undefined) throw new Error(`With nothing taken away: ${trouble}`)
  if (red[0]) throw new Error(`With nothing taken away ${red[0].title} is red:\n${red[0].failure}`)
  for (const { without, red: named, tests: among } of mutants)
    if (!tests.some(({ file, title }) => among.includes(file) && title.includes(named)))
      throw new Error(`${without}: no test of ${among.join(', ')} is called "${named}"`)
  return tests
}

/** The results in the order of the mutants, whichever lane they come from. */
async function inLanes(
  lanes: readonly Tree[],
  all: readonly Mutant[],
  work: (tree: Tree, mutant: Mutant) => Promise<Verdict>,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  const waiting = [...all.entries()]
  await Promise.all(
    lanes.map(async (tree) => {
      for (let next = waiting.shift(); next; next = waiting.shift())
        verdicts[next[0]] = await work(tree, next[1])
    }),
  )
  return verdicts
}
