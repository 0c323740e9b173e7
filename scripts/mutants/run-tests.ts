import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/** What one run of vitest has found. */
export interface Findings {
  tests: readonly TestResult[]
  /** What went wrong beside failing tests: a file that does not load, an error outside of tests, no end. */
  trouble?: string
}

export interface TestResult {
  /** Below `test/`. */
  file: string
  /** With those of its groups. */
  title: string
  /** Absent for a test that is green or was skipped. */
  failure?: string
}

/** What takes longer hangs. */
const TIMEOUT_MS = 180_000

const Report = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      message: z.string().default(''),
      assertionResults: z.array(
        z.object({
          ancestorTitles: z.array(z.string()),
          title: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
    }),
  ),
})

/** Runs test files of a copy of the project, in processes of their own that are all gone afterwards. */
export async function runTests(
  directory: string,
  files: readonly string[],
  signal: AbortSignal,
): Promise<Findings> {
  const report = join(directory, 'report.json')
  rmSync(report, { force: true })
  const args = ['run', '--no-cache', '--reporter=json', `--outputFile=${report}`]
  const vitest = join(directory, 'node_modules/vitest/vitest.mjs')
  const child = spawn(process.execPath, [vitest, ...args, ...files.map((file) => `test/${file}`)], {
    cwd: directory,
    stdio: 'ignore',
    // A group of its own: a test that never returns would outlive its parent.
    detached: true,
  })
  const stop = () => killGroup(child.pid)
  const timer = setTimeout(stop, TIMEOUT_MS)
  signal.addEventListener('abort', stop)
  const [code] = (await once(child, 'exit')) as [number | null]
  clearTimeout(timer)
  signal.removeEventListener('abort', stop)
  signal.throwIfAborted()
  if (code === null) return { tests: [], trouble: 'it did not come to an end' }
  return readReport(report, join(directory, 'test/'), code)
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

function readReport(path: string, below: string, code: number): Findings {
  let results: z.output<typeof Report>['testResults']
  try {
    results = Report.parse(JSON.parse(readFileSync(path, 'utf8'))).testResults
  } catch {
    return { tests: [], trouble: `vitest left with status ${code} and no report` }
  }
  const tests = results.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ ancestorTitles, title, status, failureMessages }) => ({
      file: name.slice(below.length),
      title: [...ancestorTitles, title].join(' '),
      ...(status === 'failed' && { failure: failureMessages?.join('\n') || 'no message' }),
    })),
  )
  const empty = results.find(({ assertionResults }) => assertionResults.length === 0)
  if (empty) return { tests, trouble: `${empty.name.slice(below.length)}: ${firstLine(empty.message)}` }
  const isRed = tests.some(({ failure }) => failure !== undefined)
  if (isRed !== (code !== 0))
    return { tests, trouble: `vitest left with status ${code}, whatever the tests say` }
  return { tests }
}

const firstLine = (text: string) => text.split('\n', 1)[0] || 'it has no tests'
