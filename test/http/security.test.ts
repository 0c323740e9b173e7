import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { PROJECT } from '../support/server.ts'
import { writeAccess } from './e2e/access.ts'
import { ask, type Way } from './e2e/wire.ts'
import { httpWorld } from './e2e/world.ts'

/** Lines of docs/security.md that no other test is about. */

const world = httpWorld()
const root = world.directory('root')
const elsewhere = world.directory('elsewhere')
const access = writeAccess(
  world.dir,
  { ann: {}, ben: { tenant: 'beta', scopes: ['snapshots:read'] } },
  { beta: { roots: [world.directory('beta')] } },
)
let url: string
const wayOf = (who: 'ann' | 'ben'): Way => ({ url, era: 'modern', token: access.tokens[who] })
beforeAll(async () => {
  ;({ url } = await world.serve({ roots: [root], args: ['--access', access.path] }))
})

test('a client of 2026-07-28 is given no session, whatever it says of one', async () => {
  const headers = { 'mcp-session-id': 'one-of-before', 'last-event-id': '1_17' }
  for (const how of [{}, { headers }]) {
    const answer = await ask(wayOf('ann'), 'tools/list', {}, how)
    expect(answer.status).toBe(200)
    expect(answer.headers.has('mcp-session-id')).toBe(false)
    expect(answer.messages).toHaveLength(1)
  }
})

test('an answer tells proxies not to gather it', async () => {
  for (const who of ['ann', 'ben'] as const) {
    const { headers } = await ask(wayOf(who), 'tools/list')
    expect(headers.get('x-accel-buffering')).toBe('no')
  }
})

test('the tools are the same for every caller, in the same order, and kept by nobody else', async () => {
  const [anns, again, bens] = await Promise.all(
    (['ann', 'ann', 'ben'] as const).map(async (who) => (await ask(wayOf(who), 'tools/list')).answer?.result),
  )
  expect(anns.tools.length).toBeGreaterThan(5)
  expect(JSON.stringify(again.tools)).toBe(JSON.stringify(anns.tools))
  expect(JSON.stringify(bens.tools)).toBe(JSON.stringify(anns.tools))
  expect(anns).toMatchObject({ cacheScope: 'private', ttlMs: expect.any(Number) })
  expect(anns.ttlMs).toBeGreaterThanOrEqual(0)
})

test('no schema leads anywhere else, no name is more than a word, and no argument becomes a header', async () => {
  const { answer } = await ask(wayOf('ann'), 'tools/list')
  for (const { name, inputSchema, outputSchema } of answer?.result.tools ?? []) {
    expect(name).toMatch(/^[a-z_]{1,64}$/)
    const schemas = JSON.stringify([inputSchema, outputSchema])
    expect(schemas).not.toMatch(/x-mcp-header|"\$(?:id|dynamicRef)"/)
    for (const [, target] of schemas.matchAll(/"\$ref":"([^"]*)"/g)) expect(target).toMatch(/^#/)
  }
})

test('what a client says of its own roots is not asked for, and allows nothing', async () => {
  const client = new Client(
    { name: 'with roots', version: '1' },
    { capabilities: { roots: { listChanged: true } } },
  )
  const asked = vi.fn(() => ({ roots: [{ uri: `file://${elsewhere}` }] }))
  client.setRequestHandler(ListRootsRequestSchema, asked)
  const headers = { authorization: `Bearer ${access.tokens.ann}` }
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }) as never)
  onTestFinished(() => client.close())
  await client.sendRootsListChanged()
  const source = `path:${elsewhere}`
  const refused = await client.callTool({ name: 'snapshot_create', arguments: { source } })
  expect(refused.structuredContent).toMatchObject({ code: 'POLICY_DENIED' })
  const { structuredContent: sources } = await client.callTool({ name: 'snapshot_sources', arguments: {} })
  expect(JSON.stringify(sources)).toContain(root)
  expect(JSON.stringify(sources)).not.toContain(elsewhere)
  expect(asked).not.toHaveBeenCalled()
})

test('the only code that can start a program is that of the key command', () => {
  const src = join(PROJECT, 'src')
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  const starting = files.filter((file) =>
    /child_process|node:cluster|process\.binding/.test(readFileSync(join(src, file), 'utf8')),
  )
  expect(files.length).toBeGreaterThan(100)
  expect(starting).toEqual(['providers/local/store/key.ts'])
})

test('installing the package installs nothing else, and what is bundled has an exact version', () => {
  const manifest = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'))
  for (const kind of ['dependencies', 'optionalDependencies', 'peerDependencies'])
    expect(manifest).not.toHaveProperty(kind)
  for (const hook of ['preinstall', 'install', 'postinstall'])
    expect(manifest.scripts).not.toHaveProperty(hook)
  for (const version of Object.values(manifest.devDependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/)
})
