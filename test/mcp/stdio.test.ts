import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { envelope, type Reply } from './support/connect.ts'
import { ID } from './support/fake-service.ts'
import { initialize, start } from './support/process.ts'

const FAKE = 'test/mcp/support/fake-server.ts'
const CLI = 'src/cli.ts'
const COUNT = 11

const listed = (id: number, params = {}) => ({ id, method: 'tools/list', params })
const called = (id: number, name: string, args: object = {}) => ({
  id,
  method: 'tools/call',
  params: { name, arguments: args },
})

function realServer(env: Record<string, string> = {}, cwd?: string) {
  const home = mkdtempSync(join(tmpdir(), 'stdio-'))
  onTestFinished(() => rmSync(home, { recursive: true }))
  const surroundings = { HOME: join(home, 'nobody'), SNAPSHOT_MCP_HOME: join(home, 'store'), ...env }
  return start(CLI, { env: surroundings, ...(cwd !== undefined && { cwd }) })
}

describe('the opening', () => {
  test.each(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'])('of %s', async (version) => {
    const server = realServer()
    server.send(initialize(version), { method: 'notifications/initialized' }, listed(2))
    const { result } = await server.reply(1)
    expect(result).toMatchObject({ protocolVersion: version, serverInfo: { name: 'snapshot-mcp' } })
    const { result: list } = await server.reply(2)
    expect(list?.tools).toHaveLength(COUNT)
    server.end()
    expect(await server.exit).toBe(0)
  })

  test('of 2026-07-28, with and without a probe', async () => {
    const server = realServer()
    server.send({ id: 1, method: 'server/discover', params: envelope() }, listed(2, envelope()))
    const { result } = await server.reply(1)
    expect(result).toMatchObject({ supportedVersions: ['2026-07-28'], instructions: expect.any(String) })
    expect((await server.reply(2)).result?.tools).toHaveLength(COUNT)

    const direct = realServer()
    direct.send(listed(7, envelope()))
    expect((await direct.reply(7)).result?.tools).toHaveLength(COUNT)
  })

  test('of a client that probes and falls back', async () => {
    const server = realServer()
    server.send({ id: 9, method: 'server/discover', params: envelope() }, initialize(), listed(2))
    const { result } = await server.reply(2)
    expect(result?.tools).toHaveLength(COUNT)
  })
})

test('in a place that is no root it starts all the same, and says what to set', async () => {
  const server = realServer({}, '/')
  server.send(
    initialize(),
    called(2, 'snapshot_create'),
    called(3, 'snapshot_status'),
    called(4, 'snapshot_sources'),
  )
  const text = async (id: number) => (await server.reply(id)).result?.content?.[0]?.text
  expect(await text(3)).toMatch(/^local: not healthy; .*set SNAPSHOT_MCP_ROOTS/)
  expect(await text(4)).toContain('snapshot_status says')
  const { result } = await server.reply(2)
  expect(result?.structuredContent).toMatchObject({ code: 'POLICY_DENIED' })
  expect(result?.structuredContent?.hint).toContain('SNAPSHOT_MCP_ROOTS')
  const warning = JSON.parse(server.stderr[0]!)
  expect(warning).toMatchObject({ level: 'warn', message: expect.stringContaining('SNAPSHOT_MCP_ROOTS') })
})

test('nonsense on stdin is answered or ignored, and the server goes on', async () => {
  const server = start(FAKE)
  server.send(
    '',
    'not json',
    '{"jsonrpc":"2.0","id":1',
    '[]',
    'null',
    '42',
    '{"jsonrpc":"1.0","id":3,"method":"ping"}',
    `{"jsonrpc":"2.0","id":${'9'.repeat(400)},"method":"ping"}`,
    '{"jsonrpc":"2.0","method":"notifications/unheard-of","params":{}}',
    initialize(),
    { id: 2, method: 'no/such/method', params: {} },
    called(4, 'no_such_tool'),
    { id: 5, method: 'tools/call', params: { name: 'snapshot_list', arguments: 'text' } },
    { id: 6, method: 'tools/call' },
    called(7, 'snapshot_list', { dryRun: true }),
    called(8, 'snapshot_list', { name: 'x'.repeat(2_000_000) }),
    called(10, 'snapshot_list'),
  )
  const { result } = await server.reply(10)
  expect(result?.isError).toBeUndefined()
  const replies = new Map(
    server.stdout.map((line) => JSON.parse(line) as Reply).map((reply) => [reply.id, reply]),
  )
  expect(replies.get(2)?.error?.code).toBe(-32601)
  for (const id of [4, 5, 6]) expect([id, replies.get(id)?.error?.code]).toEqual([id, -32602])
  for (const id of [7, 8])
    expect([id, replies.get(id)?.result?.structuredContent?.code]).toEqual([id, 'INVALID_ARGUMENT'])
})

test('a line that is too long is answered, and the server goes on', async () => {
  const server = start(FAKE)
  server.send(
    initialize(),
    'x'.repeat(30_000_000),
    called(2, 'snapshot_list'),
    '[]',
    '{',
    called(3, 'snapshot_list'),
  )
  for (const id of [2, 3]) expect((await server.reply(id)).result).toHaveProperty('structuredContent')
  const refused = server.stdout.map((line) => JSON.parse(line)).filter(({ error }) => error)
  expect(refused.map(({ id, error }) => [id, error.code])).toEqual([
    [null, -32700],
    [null, -32600],
    [null, -32700],
  ])
  server.end()
  expect(await server.exit).toBe(0)
})

test('stdout carries messages of the protocol and nothing else, whatever is printed', async () => {
  const server = start(FAKE)
  server.send(initialize(), called(2, 'snapshot_create'))
  await server.reply(2)
  server.end()
  expect(await server.exit).toBe(0)
  for (const line of server.stdout) expect(JSON.parse(line)).toHaveProperty('jsonrpc', '2.0')
  const strays = server.stderr
    .map((line) => JSON.parse(line))
    .filter(({ message }) => message === 'Stray output')
  expect(strays.map(({ text }) => text)).toEqual([
    'printed by a dependency\n',
    'written by a dependency\n',
    'with a callback\n',
  ])
})

describe('the end', () => {
  const busy = async () => {
    const server = start(FAKE)
    server.send(initialize(), called(2, 'snapshot_diff', { from: ID }), called(3, 'snapshot_list'))
    await server.reply(3)
    return server
  }
  const messages = (lines: string[]) => lines.map((line) => JSON.parse(line).message)

  test.each([
    ['end of stdin', (server: Awaited<ReturnType<typeof busy>>) => server.end()],
    ['SIGTERM', (server) => server.kill('SIGTERM')],
    ['SIGINT', (server) => server.kill('SIGINT')],
  ] as [string, (server: Awaited<ReturnType<typeof busy>>) => void][])(
    'by %s tells running calls to stop and waits for them',
    async (_how, leave) => {
      const server = await busy()
      leave(server)
      expect(await server.exit).toBe(0)
      expect(messages(server.stderr)).toEqual(expect.arrayContaining(['Closing', 'Cleaned up', 'Closed']))
    },
  )

  test('by a client that no longer reads is no crash', async () => {
    const server = await busy()
    server.closeStdout()
    server.send(called(4, 'snapshot_list'), called(5, 'snapshot_list'))
    expect(await server.exit).toBe(0)
    expect(messages(server.stderr)).toContain('Closed')
  })

  test('before anything was said', async () => {
    const server = start(FAKE)
    server.end()
    expect(await server.exit).toBe(0)
    expect(server.stdout).toEqual([])
  })
})

test('a defect that nobody caught is a line of JSON and exit status 1', async () => {
  const server = start('test/mcp/support/defect.ts')
  await vi.waitFor(() => expect(server.stderr).not.toEqual([]), { timeout: 10_000 })
  expect(await server.exit).toBe(1)
  expect(server.stdout).toEqual([])
  expect(JSON.parse(server.stderr[0]!)).toMatchObject({
    level: 'error',
    event: 'uncaughtException',
    error: { message: 'nobody caught this' },
  })
})
