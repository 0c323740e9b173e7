import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, test } from 'vitest'
import { instructionsFor, toolsIn } from '../../src/mcp/instructions.ts'
import { listTools } from '../../src/mcp/list-tools.ts'
import { TOOLS } from '../../src/mcp/tools/index.ts'
import { legacy, modern } from './support/connect.ts'
import { fakeService } from './support/fake-service.ts'

const everything = { readOnly: false, openWorld: false }
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

  test('and the instructions are ASCII: nothing in them can hide', () => {
    expect(JSON.stringify(listTools(everything)) + instructionsFor(TOOLS)).toMatch(/^[\x20-\x7e\n]*$/)
  })

  test('closes every object of arguments and leaves results open for additions', () => {
    for (const { inputSchema, outputSchema } of listTools(everything)) {
      for (const object of objects(inputSchema)) expect(object).toHaveProperty('additionalProperties')
      for (const object of objects(outputSchema)) expect(object).not.toHaveProperty('additionalProperties')
      expect(JSON.stringify([inputSchema, outputSchema])).not.toMatch(/\$schema|9007199254740991|"pattern"/)
    }
  })

  test('names every argument that is validated, and every field that is returned', () => {
    for (const { name, inputSchema, outputSchema } of listTools(everything)) {
      const { args, reply } = TOOLS.find((tool) => tool.name === name)!
      expect(Object.keys(inputSchema.properties as object)).toEqual(Object.keys(shape(args)))
      expect(Object.keys(outputSchema.properties as object)).toEqual(Object.keys(shape(reply)))
    }
  })

  test('in read-only mode has only tools that change nothing', () => {
    expect(listTools({ ...everything, readOnly: true }).map(({ name }) => name)).toEqual(READ)
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
