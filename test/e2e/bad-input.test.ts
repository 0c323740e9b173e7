import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ToolName } from '../support/clients.ts'
import { code } from '../support/confirm.ts'
import { RpcError, rawWire } from '../support/line-client.ts'
import { differences, picture } from '../support/oracle.ts'
import { sandbox } from '../support/sandbox.ts'
import { makeWorkspace } from '../support/workspace.ts'

const NUL = '\0'
const LONG = 'x'.repeat(100_000)
const UNKNOWN = `local:${'0'.repeat(64)}`

/** The least that every tool accepts, as far as its shape goes. */
const MINIMAL: Record<ToolName, object> = {
  snapshot_create: {},
  snapshot_list: {},
  snapshot_get: { snapshot: UNKNOWN },
  snapshot_diff: { from: UNKNOWN },
  snapshot_restore: { snapshot: UNKNOWN },
  snapshot_delete: { snapshots: [UNKNOWN] },
  snapshot_undo: { operation: 'op_00000000' },
  snapshot_update: { snapshot: UNKNOWN, note: 'n' },
  snapshot_prune: { keep_last: 1 },
  snapshot_sources: {},
  snapshot_status: {},
}
const TOOLS = Object.keys(MINIMAL) as ToolName[]

describe.each(TOOLS)('%s', (tool) => {
  test('refuses what its schema does not allow, argument by argument, and changes nothing', async () => {
    const box = sandbox()
    makeWorkspace(box.root)
    const before = picture(box.root)
    const client = await box.open('line by line')
    const { inputSchema } = (await client.tools()).find(({ name }) => name === tool) as unknown as {
      inputSchema: { properties: object; required?: string[]; additionalProperties: boolean }
    }
    expect(inputSchema.additionalProperties).toBe(false)

    const bad: object[] = [{ surprise: 1 }, { dryRun: true }, { confirm: true }, { constructor: 1 }]
    for (const name of Object.keys(inputSchema.properties))
      for (const value of [{ nope: true }, null, -1.5, LONG, [[]]]) bad.push({ [name]: value })
    for (const args of bad)
      expect([args, await code(client, tool, { ...MINIMAL[tool], ...args })]).toEqual([
        args,
        'INVALID_ARGUMENT',
      ])

    for (const name of inputSchema.required ?? []) {
      const { [name]: _, ...rest } = MINIMAL[tool] as Record<string, unknown>
      expect([name, await code(client, tool, rest)]).toEqual([name, 'INVALID_ARGUMENT'])
    }
    expect((await client.call('snapshot_list')).items).toEqual([])
    expect(differences(before, picture(box.root))).toEqual([])
  })
})

test('ids from hell are invalid or not found, never a path', async () => {
  const box = sandbox()
  makeWorkspace(box.root)
  const client = await box.open('line by line')
  const ids = [
    '',
    'x',
    '../x',
    'local',
    'local:',
    'LOCAL:abc',
    `local:a${NUL}b`,
    'local:a b',
    'local:a\nb',
    '-rf',
    '__proto__',
  ]
  const invalid = [...ids, `local:${LONG}`, 'local:\u202eabc', '\x1b[31mlocal:abc', 'latest', 'all', '*']
  const unknown = [
    UNKNOWN,
    'local:abc',
    'local:../../etc/passwd',
    'local:%2e%2e%2f',
    'local:-rf',
    'local:__proto__',
    'nosuch:abc',
  ]
  for (const [list, expected] of [
    [invalid, 'INVALID_ARGUMENT'],
    [unknown, 'NOT_FOUND'],
  ] as const)
    for (const id of list) {
      const codes = new Set([
        await code(client, 'snapshot_get', { snapshot: id }),
        await code(client, 'snapshot_diff', { from: id }),
        await code(client, 'snapshot_restore', { snapshot: id }),
        await code(client, 'snapshot_delete', { snapshots: [id] }),
        await code(client, 'snapshot_update', { snapshot: id, note: 'n' }),
      ])
      expect([id, ...codes]).toEqual([id, expected])
    }
})

test('a name is data: what a shell would run is kept, what would fool a terminal is refused', async () => {
  const box = sandbox()
  makeWorkspace(box.root)
  const client = await box.open()
  for (const name of [
    '-rf',
    '--help',
    '../../x',
    '$(id)',
    "'; DROP TABLE snapshots",
    '<b>',
    'caf\u00e9 \u{1f4be}',
  ]) {
    const { snapshot } = await client.call('snapshot_create', { name })
    expect((await client.call('snapshot_get', { snapshot: snapshot.id })).snapshot.name).toBe(name)
  }
  for (const name of ['', NUL, 'a\nb', '\x1b[31mred', 'txt\u202eexe', 'zero\u200bwidth', 'x'.repeat(129)])
    expect([name, await code(client, 'snapshot_create', { name })]).toEqual([name, 'INVALID_ARGUMENT'])
})

test('nonsense on the line is answered or ignored, and the next request is served', async () => {
  const box = sandbox()
  const server = box.server()
  const wire = rawWire(server)
  const hello = {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'fuzz', version: '0' },
  }
  await wire.request('initialize', hello)
  wire.notify('notifications/initialized', {})
  const lines = [
    ...[
      '',
      'garbage',
      '{',
      '[]',
      'null',
      '0',
      '""',
      '{}',
      '\ufeff{}',
      '[[[[',
      '{"jsonrpc":"2.0"}',
      '{"jsonrpc":"1.0","id":1,"method":"ping"}',
    ],
    ...[
      '{"jsonrpc":"2.0","id":1e400,"method":"ping"}',
      '{"jsonrpc":"2.0","id":{},"method":"ping"}',
      '{"jsonrpc":"2.0","method":5}',
    ],
    '{"jsonrpc":"2.0","id":"a","method":"tools/call","params":[]}',
    '{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{"name":"snapshot_list","arguments":{"__proto__":{"limit":1}}}}',
    '{"jsonrpc":"2.0","id":"c","id":"d","method":"tools/call","params":{"name":"snapshot_list","arguments":"limit"}}',
    `{"jsonrpc":"2.0","id":"e","method":"${'x'.repeat(1_000_000)}"}`,
    `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    '{"jsonrpc":"2.0","id":999,"result":{}}',
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":12345}}',
    '[{"jsonrpc":"2.0","id":"f","method":"tools/list"},{"jsonrpc":"2.0","id":"g","method":"tools/list"}]',
    'x'.repeat(11_000_000),
  ]
  for (const line of lines) {
    server.send(line)
    expect([
      line.slice(0, 60),
      ((await wire.request('tools/list', {})) as { tools: [] }).tools.length,
    ]).toEqual([line.slice(0, 60), TOOLS.length])
  }
  const nameless = server.stdout.map((line) => JSON.parse(line)).filter(({ id }) => id === null)
  const count = (code: number) => nameless.filter(({ error }) => error.code === code).length
  expect({ unreadable: count(-32700), no_object: count(-32600), all: nameless.length }).toEqual({
    unreadable: 5,
    no_object: 6,
    all: 11,
  })
  await expect(wire.request('no/such/method', {})).rejects.toMatchObject({ code: -32601 })
  await expect(
    wire.request('tools/call', { name: 'snapshot_destroy_all', arguments: {} }),
  ).rejects.toBeInstanceOf(RpcError)
})

test('an answer that nobody asked for is no approval (2026-07-28)', async () => {
  const box = sandbox()
  makeWorkspace(box.root)
  const agent = await box.open('SDK v1')
  const { snapshot } = await agent.call('snapshot_create')
  writeFileSync(join(box.root, 'README.md'), 'changed')
  const before = picture(box.root)

  const wire = rawWire(box.server())
  const meta = (capabilities: object) => ({
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'forger', version: '0' },
    'io.modelcontextprotocol/clientCapabilities': capabilities,
  })
  const restore = { name: 'snapshot_restore', arguments: { snapshot: snapshot.id } }
  const yes = { approval: { action: 'accept', content: { confirm: true } } }
  const asking = meta({ elicitation: { form: {} } })

  const unasked = await wire.request('tools/call', { ...restore, inputResponses: yes, _meta: asking })
  expect(unasked.resultType).toBe('input_required')
  const incapable = await wire.request('tools/call', { ...restore, inputResponses: yes, _meta: meta({}) })
  expect(incapable.structuredContent).toMatchObject({ status: 'confirmation_required' })
  const state = String(unasked.requestState)
  for (const requestState of ['forged', state.slice(0, -4), `${state}x`])
    await expect(
      wire.request('tools/call', { ...restore, inputResponses: yes, requestState, _meta: asking }),
    ).rejects.toMatchObject({ code: -32602 })
  const swapped = { name: 'snapshot_delete', arguments: { snapshots: [snapshot.id] }, requestState: state }
  const misused = await wire.request('tools/call', { ...swapped, inputResponses: yes, _meta: asking })
  expect(misused.structuredContent).toMatchObject({ code: 'PLAN_MISMATCH' })
  expect(differences(before, picture(box.root))).toEqual([])

  const answered = { ...restore, inputResponses: yes, requestState: state, _meta: asking }
  expect((await wire.request('tools/call', answered)).structuredContent).toMatchObject({ status: 'done' })
  const replayed = await wire.request('tools/call', answered)
  expect(replayed.structuredContent).toMatchObject({ code: 'PLAN_CONSUMED' })
})
