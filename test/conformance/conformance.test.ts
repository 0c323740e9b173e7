import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { httpWorld } from '../http/e2e/world.ts'
import { bundleInto } from '../support/bundle.ts'
import type { HttpServer } from '../support/http.ts'
import { bundleScript } from '../support/script.ts'
import { passes, type Revision, runSuite, withSuite } from './suite.ts'

/** The official suite against a server that listens: the product with what the suite looks for by name, and without. */
interface Run {
  title: string
  revision: Revision
  server: 'with fixtures' | 'with fixtures, stateless' | 'product'
  /** File of the failures that are expected. One that does not happen is a failure too. */
  expected?: string
  /** How many scenarios the revision requires, and how many of them pass: that none runs is no success. */
  required: number
  passing: number
  /** What passes beside them. The rest is about extensions that the product does not offer, or needs fixtures. */
  beside: string[]
}

const RUNS: Run[] = [
  {
    title: 'all that 2025-11-25 requires, in sessions',
    revision: '2025-11-25',
    server: 'with fixtures',
    required: 30,
    passing: 30,
    beside: ['json-schema-2020-12', 'server-session-lifecycle'],
  },
  {
    title: 'all that 2026-07-28 requires',
    revision: '2026-07-28',
    server: 'with fixtures',
    required: 37,
    passing: 37,
    beside: ['http-custom-header-server-validation', 'http-header-validation', 'json-schema-2020-12'],
  },
  {
    title: 'all that 2025-11-25 requires of a server that cannot reach its clients, without sessions',
    revision: '2025-11-25',
    server: 'with fixtures, stateless',
    expected: 'stateless-2025-11-25.yml',
    required: 30,
    passing: 24,
    beside: ['json-schema-2020-12', 'server-session-lifecycle'],
  },
  {
    title: 'all that 2025-11-25 requires of any server, by the product alone',
    revision: '2025-11-25',
    server: 'product',
    expected: 'product-2025-11-25.yml',
    required: 30,
    passing: 9,
    beside: ['server-session-lifecycle'],
  },
  {
    title: 'all that 2026-07-28 requires of any server, by the product alone',
    revision: '2026-07-28',
    server: 'product',
    expected: 'product-2026-07-28.yml',
    required: 37,
    // Of one more, with 28 checks, all but four pass.
    passing: 9,
    beside: ['http-header-validation'],
  },
]

withSuite('The conformance suite is content with', () => {
  const world = httpWorld()
  const servers = new Map<Run['server'], HttpServer>()

  beforeAll(async () => {
    const fixtures = { bundle: bundleScript('test/conformance/server.ts', world.dir) }
    const product = { bundle: bundleInto(world.dir) }
    const start = async (server: Run['server'], entry: { bundle: string }, ...args: string[]) => {
      const home = join(world.dir, `home of ${server}`)
      servers.set(server, await world.serve({ home, roots: [world.directory('root')], entry, args }))
    }
    await start('with fixtures', fixtures)
    await start('with fixtures, stateless', fixtures, '--legacy', 'stateless')
    await start('product', product)
  })

  test.each(RUNS.map((run) => [run.title, run] as const))(
    '%s',
    async (title, { revision, server, expected, required, passing, beside }) => {
      const { status, scored, others, output } = await runSuite(servers.get(server)!.url, revision, expected)
      const passed = scored.filter(passes)
      process.stdout.write(`conformance: ${passed.length}/${scored.length} scored, ${title}\n`)
      expect(scored.length).toBe(required)
      expect(passed.length, problemsOf(scored)).toBe(passing)
      expect(status, output).toBe(0)
      expect(
        others.filter(passes).map(({ name }) => name),
        problemsOf(others),
      ).toEqual(beside)
    },
    90_000,
  )
})

const problemsOf = (scenarios: { problems: string[] }[]) =>
  scenarios.flatMap(({ problems }) => problems).join('\n')
