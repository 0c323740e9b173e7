import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { vendorCommand, vendorPackage, withVendor } from '../emulators/vendor.ts'
import { describeWith } from '../support/needs.ts'

export type Revision = '2025-11-25' | '2026-07-28'

/** What the suite found, as it wrote it down. */
export interface Report {
  /** 0: all that its revision requires, but for what was expected to fail, and all of that did fail. */
  status: number
  /** The scenarios that the revision requires. */
  scored: Scenario[]
  /** Those that it runs beside them: of extensions, and such as its authors do not hold for finished. */
  others: Scenario[]
  output: string
}

export interface Scenario {
  name: string
  /** The number of its checks that passed, but for the one of every scenario: that messages follow the schema. */
  passed: number
  /** Its checks that failed, or that the suite warns of, with the reason. */
  problems: string[]
}

interface Check {
  id: string
  status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'INFO' | 'SKIPPED'
  errorMessage?: string
}

/** Longer than the slowest run takes by a factor of ten (ms). */
const MOST_MS = 60_000

const SUITE = vendorCommand('conformance')

/** The suite needs Node 22: the one that runs this, or else the one that is installed for it. */
const NODE = Number(process.versions.node.split('.')[0]) >= 22 ? process.execPath : vendorCommand('node')

/** Tests that need the suite. */
export function withSuite(title: string, body: () => void): void {
  if (existsSync(SUITE) && !existsSync(NODE)) describeWith('Node 22', title, body)
  else withVendor(title, body)
}

/** A scenario of which nothing was checked has not passed. */
export const passes = ({ passed, problems }: Scenario) => passed > 0 && problems.length === 0

/** Runs everything that the suite has for a revision. `expected` names the file of the failures that are expected. */
export async function runSuite(url: string, revision: Revision, expected?: string): Promise<Report> {
  const results = mkdtempSync(join(tmpdir(), 'snapshot-mcp-conformance-'))
  try {
    const baseline =
      expected === undefined ? [] : ['--expected-failures', join(import.meta.dirname, 'expected', expected)]
    const what = ['--url', url, '--requirements', revision, '-o', results, ...baseline]
    const { status, output } = await run([SUITE, 'server', ...what])
    const scored = await required(revision)
    const scenarios = readdirSync(results)
      .sort()
      .map((name) => read(results, name))
    return {
      status,
      scored: scenarios.filter(({ name }) => scored.has(name)),
      others: scenarios.filter(({ name }) => !scored.has(name)),
      output,
    }
  } finally {
    rmSync(results, { recursive: true })
  }
}

const run = (args: string[]) =>
  new Promise<{ status: number; output: string }>((resolve) => {
    execFile(NODE, args, { timeout: MOST_MS, maxBuffer: 2 ** 24 }, (error, stdout, stderr) => {
      resolve({ status: error ? Number(error.code ?? -1) : 0, output: stdout + stderr })
    })
  })

/** Each scenario has a directory of its own: its name between a prefix and the time. */
function read(results: string, directory: string): Scenario {
  const name = directory.replace(/^server-/, '').replace(/-\d{4}-\d{2}-\d{2}T[\d-]+Z$/, '')
  const checks: Check[] = JSON.parse(readFileSync(join(results, directory, 'checks.json'), 'utf8'))
  const problems = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING')
  return {
    name,
    passed: checks.filter(({ id, status }) => id !== 'wire-schema-valid' && status === 'SUCCESS').length,
    problems: problems.map(({ id, errorMessage }) => `${name}:${id}: ${errorMessage}`),
  }
}

/** The names of the scenarios that a server has to pass, from the list that comes with the suite. */
async function required(revision: Revision): Promise<Set<string>> {
  const list = join(dirname(realpathSync(SUITE)), `../requirements/${revision}.yaml`)
  const { parse } = await vendorPackage<{ parse(text: string): { server: string[] } }>('yaml')
  return new Set(parse(readFileSync(list, 'utf8')).server)
}
