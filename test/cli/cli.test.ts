import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { describe, expect, onTestFinished, test } from 'vitest'
import { CREDENTIALS } from '../../src/config/credentials.ts'
import { SETTINGS } from '../../src/config/settings.ts'
import { build } from '../support/bundle.ts'
import { PROJECT } from '../support/server.ts'

const TSX = createRequire(import.meta.url).resolve('tsx')

function scratch() {
  const path = mkdtempSync(join(tmpdir(), 'cli-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

/** Runs the command without a terminal. */
function run(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const home = scratch()
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: join(home, 'nobody'),
    SNAPSHOT_MCP_HOME: join(home, 'store'),
  }
  return new Promise((resolve) =>
    execFile(
      process.execPath,
      ['--import', TSX, join(PROJECT, 'src/cli.ts'), ...args],
      { env },
      (error, stdout, stderr) => resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr }),
    ).stdin?.end(),
  )
}

test('--help names every command, flag, variable and key', async () => {
  const { status, stdout, stderr } = await run('--help')
  expect([status, stderr]).toEqual([0, ''])
  for (const command of ['serve', 'approve CODE', 'audit', 'tools']) expect(stdout).toContain(`  ${command}`)
  const flat = stdout.replaceAll(/\s+/g, ' ')
  for (const [key, { flag, variable, fallback }] of Object.entries(SETTINGS))
    for (const word of [`--${flag}`, variable, `[${key}]`, `Default: ${fallback}.`])
      expect(flat).toContain(word)
  for (const { variable, about } of CREDENTIALS) expect(flat).toContain(`${variable} ${about}`)
  expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
})

test('a start names the settings that were taken as not set, though a client meant to set them', async () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what a client hands over
  const { status, stderr } = await run('--policy', '${POLICY}', '--root', scratch())
  expect(status).toBe(0)
  const lines = stderr.split('\n').filter((line) => line !== '')
  expect(lines.map((line) => JSON.parse(line))).toContainEqual(
    expect.objectContaining({ level: 'warn', setting: '--policy' }),
  )
})

test('--version prints the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'))
  expect(await run('--version')).toEqual({ status: 0, stdout: `snapshot-mcp ${version}\n`, stderr: '' })
})

test('tools prints what is served', async () => {
  const { stdout } = await run('tools', '--json', '--read-only')
  const { tools } = JSON.parse(stdout) as {
    tools: { name: string; annotations: { readOnlyHint: boolean } }[]
  }
  expect(tools).toHaveLength(5)
  expect(tools.every(({ annotations }) => annotations.readOnlyHint)).toBe(true)
  expect((await run('tools')).stdout.split('\n')[0]).toMatch(/^snapshot_create {3,}Save a snapshot/)
})

describe('called wrongly it says so on stderr, prints nothing, and leaves with status 2', () => {
  test.each([
    [['destroy'], 'There is no command "destroy"'],
    [['serve', 'extra'], 'takes 0 arguments'],
    [['approve'], 'takes 1 arguments'],
    [['serve', '--verify'], '--verify and --limit belong to audit'],
    [['audit', '--limit', 'all'], '--limit: "all" is no number'],
    [['--no-such-flag'], '--no-such-flag'],
    [['--root', '/'], 'The root / is refused'],
    [['--guard', 'off'], '--guard: must be auto, token or human'],
  ])('%j', async (args, words) => {
    const { status, stdout, stderr } = await run(...args)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^snapshot-mcp: /)
    expect(stderr).toContain(words)
    expect(stderr).not.toContain('    at ')
  })
})

test.each([['--help'], ['--version'], ['tools', '--json']])(
  'a reader that has seen enough of %s is no failure',
  async (...args) => {
    const child = spawn(process.execPath, ['--import', TSX, join(PROJECT, 'src/cli.ts'), ...args], {
      env: { PATH: process.env.PATH ?? '', HOME: join(scratch(), 'nobody') },
      cwd: scratch(),
    })
    child.stdout.destroy()
    let stderr = ''
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    const [status] = await once(child, 'close')
    expect([status, stderr]).toEqual([0, ''])
  },
)

test('approve without a terminal approves nothing', async () => {
  const { status, stderr } = await run('approve', 'ABCD-EFGH')
  expect(status).toBe(1)
  expect(stderr).toContain('nothing was approved')
})

test.each([[['audit']], [['audit', '--verify']]])(
  '%j of a log that nobody has begun says so',
  async (args) => {
    const { status, stdout, stderr } = await run(...args)
    expect([status, stdout, stderr]).toEqual([0, 'There is nothing in the audit log.\n', ''])
  },
)

test('README shows mcp.json as it is', () => {
  const readme = readFileSync(join(PROJECT, 'README.md'), 'utf8')
  expect(readme).toContain(`\`\`\`json\n${readFileSync(join(PROJECT, 'mcp.json'), 'utf8')}\`\`\``)
})

test('mcp.json works as it is from a clone', async () => {
  build()
  const { mcpServers } = JSON.parse(readFileSync(join(PROJECT, 'mcp.json'), 'utf8'))
  const { command, args, env } = mcpServers.snapshot
  const client = new Client({ name: 'mcp.json', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  await client.connect(
    new StdioClientTransport({
      command,
      args,
      env: { ...env, SNAPSHOT_MCP_HOME: scratch() },
      cwd: PROJECT,
      stderr: 'pipe',
    }),
  )
  onTestFinished(() => client.close())
  expect((await client.listTools()).tools).toHaveLength(11)
  const { structuredContent } = await client.callTool({ name: 'snapshot_sources', arguments: {} })
  expect(structuredContent).toMatchObject({ items: [{ source: `path:${PROJECT}` }] })
})
