import { describe, expect, test, vi } from 'vitest'
import { fail, SnapshotError } from '../../src/snapshots/errors.ts'
import { byHand, legacy, modern } from './support/connect.ts'
import { fakeService, ID, SNAPSHOT } from './support/fake-service.ts'

const HELLO = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'by-hand', version: '1' },
}

interface ErrorResult {
  isError?: boolean
  structuredContent?: { code: string; message: string; hint: string; outcome: string }
  content: { type: string; text: string }[]
}

async function failing(args: Record<string, unknown>, name = 'snapshot_list', service = fakeService()) {
  const client = await modern(service)
  const result = (await client.callTool({ name, arguments: args })) as unknown as ErrorResult
  expect(result.isError).toBe(true)
  return { service, problem: result.structuredContent!, text: result.content[0]!.text }
}

describe('arguments', () => {
  test.each([
    ['an unknown key (G30)', { surprise: 1 }, 'Unknown argument "surprise"'],
    ['a misspelt key', { includeAuto: true }, 'Unknown argument "includeAuto": did you mean "include_auto"?'],
    ['a wrong type', { limit: 'many' }, 'limit: '],
    ['out of range', { limit: 101 }, 'limit: '],
    ['null', { provider: null }, 'provider: '],
    ['a wrong id', { state: 'gone' }, 'state: '],
    ['inherited names', { constructor: 1, toString: 2 }, 'Unknown argument "constructor"'],
    ['a date without a time', { created_after: '2026-11-21' }, 'for example 2026-11-21T00:00:00Z'],
    ['a huge text', { name: 'x'.repeat(100_000) }, 'name: '],
  ])('%s is INVALID_ARGUMENT and never reaches the service', async (_what, args, words) => {
    const { service, problem, text } = await failing(args)
    expect(problem).toMatchObject({ code: 'INVALID_ARGUMENT', outcome: 'not_started' })
    expect(problem.message).toContain(words)
    expect(problem.message.length).toBeLessThan(1000)
    expect(text).toContain(`INVALID_ARGUMENT: ${problem.message}`)
    expect(text).toContain(problem.hint)
    expect(service.calls).toEqual([])
  })

  test('a key named __proto__ sets nothing', async () => {
    const service = fakeService()
    const { request } = await byHand(service)
    await request('initialize', HELLO)
    const args = JSON.parse('{"__proto__":{"limit":3}}')
    await request('tools/call', { name: 'snapshot_list', arguments: args })
    expect(service.calls[0]?.args).toEqual({ include_auto: false, include_trashed: false, limit: 20 })
    expect(service.calls[0]?.args.limit).toBe(20)
  })

  test('that are many and wrong are summed up', async () => {
    const args = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`k${index}`, index]))
    const { problem } = await failing(args)
    expect(problem.message.length).toBeLessThan(1000)
  })

  test('missing ones get their defaults', async () => {
    const service = fakeService()
    const client = await legacy(service)
    await client.callTool({ name: 'snapshot_prune' })
    expect(service.calls[0]?.args).toEqual({ dry_run: true })
  })
})

describe('errors', () => {
  test('of the service pass as they are, in structure and in words', async () => {
    const create = async () => {
      throw fail('BUSY', 'Another restore runs.', 'Try again soon.', {
        retry_after_ms: 500,
        operation: 'op_00000009',
      })
    }
    const { problem, text } = await failing({}, 'snapshot_create', fakeService({ create }))
    expect(problem).toEqual({
      code: 'BUSY',
      message: 'Another restore runs.',
      hint: 'Try again soon.',
      retryable: true,
      retry_after_ms: 500,
      outcome: 'not_started',
      operation: 'op_00000009',
    })
    expect(text.split('\n')).toEqual([
      'BUSY: Another restore runs.',
      'Next: Try again soon.',
      'May be retried after 500 ms.',
      'Operation: op_00000009',
    ])
  })

  test('reach a v1 client that checks results against the schemas it listed', async () => {
    const { problem } = fail('PROVIDER_UNAVAILABLE', 'Down.', 'Wait.', {
      status: 503,
      operation: 'op_00000009',
    })
    const down = async () => {
      throw new SnapshotError(problem)
    }
    const client = await legacy(
      fakeService({ create: down, delete: down, restore: down, list: down, status: down }),
    )
    const { tools } = await client.listTools()
    const args: Record<string, object> = {
      snapshot_delete: { snapshots: [ID] },
      snapshot_restore: { snapshot: ID },
    }
    for (const name of ['create', 'delete', 'restore', 'list', 'status'].map(
      (method) => `snapshot_${method}`,
    )) {
      expect(tools.some((tool) => tool.name === name && tool.outputSchema)).toBe(true)
      const result = await client.callTool({ name, arguments: { ...args[name] } })
      expect(result.structuredContent).toMatchObject({ code: 'PROVIDER_UNAVAILABLE', http_status: 503 })
    }
  })

  test('nobody foresaw do not carry their text to the client, but to the log', async () => {
    const error = vi.fn()
    const log = { debug() {}, info() {}, warn() {}, error }
    const service = fakeService({
      create: async () => {
        throw new Error('secret /etc/shadow')
      },
    })
    const client = await modern(service, { log })
    const result = await client.callTool({ name: 'snapshot_create', arguments: {} })
    expect(result.structuredContent).toMatchObject({ code: 'INTERNAL', outcome: 'unknown' })
    expect(JSON.stringify(result)).not.toContain('secret')
    expect(error).toHaveBeenCalledOnce()
  })

  test('PLAN_STALE shows the fresh plan and its token', async () => {
    const fresh = {
      status: 'confirmation_required',
      confirmation: 'cfm_freshfresh',
      plan: { summary: 'Write 3 files', effects: {}, reversible: true, warnings: [] },
    }
    const restore = async () => {
      throw fail('PLAN_STALE', 'The directory changed.', 'Look at the fresh plan.', { fresh })
    }
    const { problem, text } = await failing({ snapshot: ID }, 'snapshot_restore', fakeService({ restore }))
    expect(problem).toMatchObject({ code: 'PLAN_STALE', fresh })
    expect(text).toContain('Write 3 files')
    expect(text).toContain('"confirmation":"cfm_freshfresh"')
  })
})

describe('the caller', () => {
  test.each([
    ['2026-07-28', modern, 'modern 1'],
    ['2025-11-25', legacy, 'legacy 1'],
  ] as const)('is named, %s', async (_era, connect, client) => {
    const service = fakeService()
    await (await connect(service)).callTool({ name: 'snapshot_list', arguments: {} })
    expect(service.calls[0]?.caller).toMatchObject({ principal: 'local:1000', client, canAsk: false })
  })

  test.each([
    [{}, false],
    [{ elicitation: {} }, true],
    [{ elicitation: { form: {} } }, true],
    [{ elicitation: { form: {}, url: {} } }, true],
    [{ elicitation: { url: {} } }, false],
    [{ sampling: {} }, false],
  ])('with the capabilities %j can ask: %j', async (capabilities, canAsk) => {
    const service = fakeService()
    const { request } = await byHand(service)
    await request('initialize', { ...HELLO, capabilities })
    await request('tools/call', { name: 'snapshot_list', arguments: {} })
    expect(service.calls[0]?.caller.canAsk).toBe(canAsk)
  })

  test('hears that the client cancelled', async () => {
    const aborted = vi.fn()
    const service = fakeService({
      create: (_args, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted()
            reject(signal.reason)
          })
        }),
    })
    const client = await modern(service)
    const cancel = new AbortController()
    const call = client.callTool({ name: 'snapshot_create', arguments: {} }, { signal: cancel.signal })
    await vi.waitFor(() => expect(service.calls).toHaveLength(1))
    cancel.abort()
    await expect(call).rejects.toThrow()
    await vi.waitFor(() => expect(aborted).toHaveBeenCalledOnce())
  })
})

describe('progress', () => {
  const create = async (
    _args: unknown,
    { progress }: { progress: (done: number, total?: number, m?: string) => void },
  ) => {
    for (const done of [1, 2, 2, 1, 3]) {
      progress(done, 10, `${done} files`)
      await new Promise((resolve) => setTimeout(resolve, 110))
    }
    for (let done = 4; done <= 1000; done++) progress(done, 1000, 'quick')
    return { status: 'done' as const, operation: 'op_00000001', snapshot: SNAPSHOT }
  }

  test('rises strictly and is throttled', async () => {
    const client = await modern(fakeService({ create: create as never }))
    const seen: number[] = []
    await client.callTool(
      { name: 'snapshot_create', arguments: {} },
      { onprogress: ({ progress }) => void seen.push(progress) },
    )
    expect(seen.slice(0, 3)).toEqual([1, 2, 3])
    expect(seen.length).toBeLessThan(10)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })

  test('is not sent to a client that did not ask', async () => {
    const { request, notifications } = await byHand(fakeService({ create: create as never }))
    await request('initialize', HELLO)
    await request('tools/call', { name: 'snapshot_create', arguments: {} })
    expect(notifications).toEqual([])
  })
})
