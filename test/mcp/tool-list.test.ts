import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, test } from 'vitest'
import { everyProvider } from '../../scripts/every-provider.ts'
import { instructionsFor, toolsIn } from '../../src/mcp/instructions.ts'
import { listTools } from '../../src/mcp/list-tools.ts'
import { TOOLS } from '../../src/mcp/tools/index.ts'
import { PROVIDER_NAMES } from '../../src/providers/index.ts'
import { legacy, modern } from './support/connect.ts'
import { fakeService, ID } from './support/fake-service.ts'

const everything = { readOnly: false, openWorld: false, providers: ['local'] }
const anywhere = { ...everything, providers: PROVIDER_NAMES }
const READ = ['snapshot_list', 'snapshot_get', 'snapshot_diff', 'snapshot_sources', 'snapshot_status']

describe('the tool list', () => {
  test('has these tools in this order, with hints that say what they do', () => {
    const hints = listTools(everything).map(({ name, annotations }) => {
      const { readOnlyHint, destructiveHint, idempotentHint, openWorldHint } = annotations
      const set = { readOnlyHint, destructiveHint, idempotentHint, openWorldHint }
      return [name, ...Object.entries(set).flatMap(([hint, on]) => (on ? [hint] : []))]
    })
    expect(hints).toEqual([
      ['snapshot_create'],
      ['snapshot_list', 'readOnlyHint', 'idempotentHint'],
      ['snapshot_get', 'readOnlyHint', 'idempotentHint'],
      ['snapshot_diff', 'readOnlyHint', 'idempotentHint'],
      ['snapshot_restore', 'destructiveHint'],
      ['snapshot_delete', 'destructiveHint'],
      ['snapshot_undo', 'destructiveHint'],
      ['snapshot_update'],
      ['snapshot_prune', 'destructiveHint'],
      ['snapshot_sources', 'readOnlyHint', 'idempotentHint'],
      ['snapshot_status', 'readOnlyHint', 'idempotentHint'],
    ])
  })

  test('says open world only when a provider reaches beyond this machine', () => {
    const open = listTools({ ...everything, openWorld: true })
    expect(open.every(({ annotations }) => annotations.openWorldHint)).toBe(true)
  })

  test('fits the budget of 12 KB and 3,000 tokens', () => {
    const json = JSON.stringify({ tools: listTools(everything) })
    expect(json.length).toBeLessThanOrEqual(12_000)
    expect(encode(json).length).toBeLessThanOrEqual(3000)
  })

  test('with every provider enabled it fits 14.2 KB and 3,350 tokens', () => {
    const json = JSON.stringify({ tools: listTools(anywhere) })
    expect(json.length).toBeLessThanOrEqual(14_600)
    expect(encode(json).length).toBeLessThanOrEqual(3450)
  })

  test('and the instructions are ASCII: nothing in them can hide', () => {
    expect(JSON.stringify(listTools(anywhere)) + instructionsFor(TOOLS)).toMatch(/^[\x20-\x7e\n]*$/)
  })

  test('closes every object of arguments and leaves results open for additions', () => {
    for (const { inputSchema, outputSchema } of listTools(anywhere)) {
      for (const object of objects(inputSchema)) expect(object).toHaveProperty('additionalProperties')
      for (const object of objects(outputSchema)) expect(object).not.toHaveProperty('additionalProperties')
      expect(JSON.stringify([inputSchema, outputSchema])).not.toMatch(/\$schema|9007199254740991|"pattern"/)
    }
  })

  test('names every argument that is validated, and every field that is returned', () => {
    for (const { name, inputSchema, outputSchema } of listTools(anywhere)) {
      const { args, reply } = TOOLS.find((tool) => tool.name === name)!
      expect(Object.keys(inputSchema.properties as object)).toEqual(Object.keys(shape(args)))
      expect(Object.keys(outputSchema.properties as object)).toEqual(Object.keys(shape(reply)))
    }
  })

  test('in read-only mode has only tools that change nothing', () => {
    expect(listTools({ ...everything, readOnly: true }).map(({ name }) => name)).toEqual(READ)
  })
})

describe('what only some providers know', () => {
  /** `tool`, or `tool.argument`, for everything that is offered with these providers. */
  const offered = (...providers: string[]) =>
    listTools({ ...everything, providers }).flatMap(({ name, inputSchema }) => [
      name,
      ...Object.keys(inputSchema.properties).map((argument) => `${name}.${argument}`),
    ])
  const only = (...providers: string[]) => {
    const others = offered(...PROVIDER_NAMES.filter((name) => !providers.includes(name)))
    return offered(...PROVIDER_NAMES).filter((each) => !others.includes(each))
  }

  test.each([
    ['local', ['snapshot_create.local', 'snapshot_restore.paths']],
    ['morph', ['snapshot_create.morph', 'snapshot_list.morph', 'snapshot_restore.morph']],
    ['daytona', ['snapshot_create.daytona', 'snapshot_restore.daytona', 'snapshot_update.active']],
    [
      'digitalocean',
      [
        ...['snapshot_create.confirmation', 'snapshot_create.digitalocean'],
        ...['snapshot_list.digitalocean', 'snapshot_restore.digitalocean'],
        'snapshot_update.add_regions',
      ],
    ],
  ])('%s', (provider, expected) => {
    const ofWholeTools = (each: string) => each.startsWith('snapshot_diff')
    expect(only(provider).filter((each) => !ofWholeTools(each))).toEqual(expected)
  })

  test('is left out, and the rest is the same, where it is not enabled', () => {
    expect(
      offered('morph', 'daytona').filter((each) => /diff|undo|local|digitalocean|paths/.test(each)),
    ).toEqual([])
    expect(offered('morph')).toEqual(
      offered(...PROVIDER_NAMES).filter((each) => offered('morph').includes(each)),
    )
  })

  test.each([
    ['snapshot_create', { morph: { vcpus: 2 } }, 'Unknown argument "morph".'],
    ['snapshot_create', { confirmation: 'cfm_abcdefgh' }, 'Unknown argument "confirmation".'],
    ['snapshot_restore', { snapshot: ID, digitalocean: {} }, 'Unknown argument "digitalocean".'],
    ['snapshot_update', { snapshot: ID, active: true }, 'Unknown argument "active".'],
  ])('%s with %j is an error where it is not enabled', async (name, args, words) => {
    const service = fakeService()
    const client = await modern(service)
    const { structuredContent } = await client.callTool({ name, arguments: args })
    expect(structuredContent).toMatchObject({ code: 'INVALID_ARGUMENT', outcome: 'not_started' })
    expect((structuredContent as { message: string }).message).toContain(words)
    expect((structuredContent as { hint: string }).hint).not.toContain(Object.keys(args).at(-1))
    expect(service.calls).toEqual([])
  })

  test('reaches the service where it is', async () => {
    const service = fakeService()
    const client = await modern(service, { providers: ['local', 'daytona'] })
    await client.callTool({ name: 'snapshot_update', arguments: { snapshot: ID, active: true } })
    await client.callTool({ name: 'snapshot_create', arguments: { daytona: { cpu: 2 } } })
    expect(service.calls.map(({ args }) => args)).toMatchObject([{ active: true }, { daytona: { cpu: 2 } }])
  })

  test('is what the providers say of themselves', async () => {
    for (const { name, capabilities, planCreate, update, undelete } of await everyProvider()) {
      const { restore_modes, deletion } = capabilities
      const told = {
        'snapshot_create.confirmation': planCreate !== undefined,
        snapshot_diff: capabilities.diff,
        'snapshot_restore.paths': capabilities.paths,
        snapshot_undo: restore_modes.includes('in_place') || (deletion === 'trash' && undelete !== undefined),
        snapshot_update: update !== undefined,
        'snapshot_update.active': capabilities.update.includes('active'),
        'snapshot_update.add_regions': capabilities.update.includes('add_regions'),
      }
      const here = offered(name)
      expect([name, told]).toEqual([
        name,
        Object.fromEntries(Object.keys(told).map((each) => [each, here.includes(each)])),
      ])
    }
  })
})

describe.each([
  ['2026-07-28', modern],
  ['2025-11-25', legacy],
] as const)('over the wire, %s', (_era, connect) => {
  test('is what the command prints', async () => {
    const client = await connect(fakeService())
    const { tools } = await client.listTools()
    expect(tools).toEqual(listTools(everything))
  })

  test('read-only is not a matter of listing: the other tools do not exist', async () => {
    const service = fakeService()
    const client = await connect(service, { readOnly: true })
    await expect(client.callTool({ name: 'snapshot_create', arguments: {} })).rejects.toThrow('not found')
    expect(service.calls).toEqual([])
  })

  test('read-only: the instructions name only what is there, and there are no prompts', async () => {
    const client = await connect(fakeService(), { readOnly: true })
    const named = toolsIn(client.getInstructions() ?? '')
    expect(named).toEqual(expect.arrayContaining(['snapshot_diff', 'snapshot_list', 'snapshot_status']))
    expect(named.filter((name) => !READ.includes(name))).toEqual([])
    expect(client.getServerCapabilities()).not.toHaveProperty('prompts')
  })

  test('instructions name the tools of the workflow', async () => {
    const client = await connect(fakeService())
    const instructions = client.getInstructions()
    for (const name of ['snapshot_create', 'snapshot_diff', 'snapshot_restore', 'snapshot_undo'])
      expect(instructions).toContain(name)
  })
})

const shape = (schema: unknown) => (schema as { shape: object }).shape

function objects(node: unknown): object[] {
  if (typeof node !== 'object' || node === null) return []
  const inner = Object.values(node).flatMap(objects)
  return 'properties' in node && 'type' in node ? [node, ...inner] : inner
}
