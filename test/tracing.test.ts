import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { wantsTraces } from '../src/config/telemetry.ts'
import { createLog } from '../src/log.ts'
import { createMenu } from '../src/mcp/list-tools.ts'
import { createQuestions } from '../src/mcp/question.ts'
import { createMcpServer } from '../src/mcp/server.ts'
import { fail } from '../src/snapshots/errors.ts'
import { parseTraceparent } from '../src/tracing/context.ts'
import { createTracing } from '../src/tracing/tracing.ts'
import { legacy, modern } from './mcp/support/connect.ts'
import { fakeService, ID } from './mcp/support/fake-service.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const PARENT = `00-${TRACE}-${SPAN}-01`

afterEach(() => vi.unstubAllEnvs())

interface Span {
  traceId: string
  spanId: string
  parentSpanId?: string
  traceState?: string
  name: string
  kind: number
  status: { code: number }
  attributes: { key: string; value: Record<string, unknown> }[]
}

/** A collector on loopback: what it was sent, as bytes and as spans. `status` 0: it never answers. */
async function collector(status = 200) {
  const bodies: string[] = []
  const server = createServer((req, res) => {
    const parts: Buffer[] = []
    req.on('data', (part) => parts.push(part))
    req.on('end', () => {
      bodies.push(Buffer.concat(parts).toString())
      if (status !== 0) res.writeHead(status, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const resources = () => bodies.map((body) => JSON.parse(body).resourceSpans[0])
  return {
    bodies,
    resource: () => flat(resources()[0].resource.attributes),
    spans: (): Span[] => resources().flatMap(({ scopeSpans }) => scopeSpans[0].spans),
  }
}

const flat = (attributes: Span['attributes']) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

function logging() {
  const lines: Record<string, unknown>[] = []
  const log = createLog({ level: 'debug', write: (line) => void lines.push(JSON.parse(line)) })
  const tracing = createTracing(log)
  return { lines, log, tracing }
}

describe('spans', () => {
  test('of a call are children of the caller, with its name, its outcome and nothing of its arguments', async () => {
    const { spans, bodies, resource } = await collector()
    const { tracing } = logging()
    const client = await modern(fakeService(), { tracing })
    await client.callTool({
      name: 'snapshot_create',
      arguments: {
        name: 'a-name-of-mine',
        source: 'path:/a-place-of-mine',
        labels: { key: 'a-label-of-mine' },
      },
      _meta: { traceparent: PARENT, tracestate: 'vendor=value' },
    })
    await tracing.close()

    expect(spans()).toEqual([
      expect.objectContaining({
        traceId: TRACE,
        parentSpanId: SPAN,
        traceState: 'vendor=value',
        name: 'tools/call snapshot_create',
        kind: 2,
      }),
    ])
    expect(spans()[0]?.spanId).not.toBe(SPAN)
    expect(flat(spans()[0]!.attributes)).toEqual({
      'mcp.method.name': 'tools/call',
      'mcp.protocol.version': '2026-07-28',
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'snapshot_create',
      'snapshot_mcp.era': 'modern',
      'snapshot_mcp.operation': 'op_00000001',
    })
    expect(resource()).toMatchObject({ 'service.name': 'snapshot-mcp', 'service.version': '0.1.0' })
    expect(bodies.join()).not.toMatch(/of-mine|local:1000/)
  })

  test('of a call that is refused name the code, and the service goes by the name it was given', async () => {
    const { spans, resource } = await collector()
    vi.stubEnv('OTEL_SERVICE_NAME', 'my-snapshots')
    const { tracing } = logging()
    const refuse = async () => {
      throw fail('BUSY', 'Another one works on /a-place-of-mine.', 'Wait.', { operation: 'op_00000007' })
    }
    const client = await legacy(fakeService({ restore: refuse }), { tracing })
    await client.callTool({ name: 'snapshot_restore', arguments: { snapshot: ID } })
    await tracing.close()

    const [span] = spans()
    expect(span).toMatchObject({ name: 'tools/call snapshot_restore', status: { code: 2 } })
    expect(span?.parentSpanId).toBeFalsy()
    expect(flat(span!.attributes)).toMatchObject({
      'error.type': 'BUSY',
      'snapshot_mcp.operation': 'op_00000007',
      'mcp.protocol.version': '2025-11-25',
    })
    expect(JSON.stringify(span)).not.toMatch(/of-mine|local:/)
    expect(resource()['service.name']).toBe('my-snapshots')
  })

  test('of a trace that its caller does not keep are not sent', async () => {
    const { bodies } = await collector()
    const { tracing } = logging()
    const client = await modern(fakeService(), { tracing })
    await client.callTool({
      name: 'snapshot_list',
      arguments: {},
      _meta: { traceparent: `00-${TRACE}-${SPAN}-00` },
    })
    await tracing.close()
    expect(bodies).toEqual([])
  })

  test('that nobody takes cost the call nothing, and one line of the log that belongs to no request', async () => {
    await collector(400)
    vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '1')
    const { tracing, lines } = logging()
    const client = await modern(fakeService(), { tracing })
    const told = () => lines.filter(({ message }) => message === 'Traces could not be sent')
    expect((await client.callTool({ name: 'snapshot_list', arguments: {} })).isError).toBeUndefined()
    await vi.waitFor(() => expect(told()).toHaveLength(1))
    expect((await client.callTool({ name: 'snapshot_list', arguments: {} })).isError).toBeUndefined()
    await tracing.close()
    expect(told()).toHaveLength(1)
    expect(told()[0]).not.toHaveProperty('request')
  })

  test('are not waited for when a server ends and the collector never answers', async () => {
    const { bodies } = await collector(0)
    vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '600000')
    vi.stubEnv('OTEL_BSP_EXPORT_TIMEOUT', '600000')
    const { tracing } = logging()
    const client = await modern(fakeService(), { tracing })
    await client.callTool({ name: 'snapshot_list', arguments: {} })
    await tracing.close()
    expect(bodies).toHaveLength(1)
  })
})

describe('the log', () => {
  /** What a service writes while it works, with each call's context. */
  function talking() {
    const { log, lines } = logging()
    const list = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1))
      log.info('working')
      return { items: [] }
    }
    const service = fakeService({
      list,
      create: async () => {
        throw new Error('a defect')
      },
    })
    return { service, log, working: () => lines.filter(({ message }) => message === 'working'), lines }
  }

  test('names the trace of each call without anything being sent, and a request of its own', async () => {
    const { service, log, working } = talking()
    const client = await modern(service, { log })
    await client.callTool({ name: 'snapshot_list', arguments: {}, _meta: { traceparent: PARENT } })
    await client.callTool({ name: 'snapshot_list', arguments: {}, _meta: { traceparent: 'garbage\n' } })
    const [traced, plain] = working()
    expect(traced).toMatchObject({ trace: TRACE, request: expect.stringMatching(/^[0-9a-f]{16}$/) })
    expect(plain).toMatchObject({ request: expect.stringMatching(/^[0-9a-f]{16}$/) })
    expect(plain).not.toHaveProperty('trace')
    expect(plain?.request).not.toBe(traced?.request)
  })

  test('is where the id leads that the answer to a defect names', async () => {
    const { service, log, lines } = talking()
    const client = await modern(service, { log })
    const { structuredContent } = await client.callTool({ name: 'snapshot_create', arguments: {} })
    const problem = structuredContent as { code: string; request_id: string; hint: string }
    expect(problem.code).toBe('INTERNAL')
    expect(problem.hint).toContain(problem.request_id)
    const line = lines.find(({ request }) => request === problem.request_id)
    expect(JSON.stringify(line)).toContain('a defect')
  })

  test.each([
    ['the header alone', PARENT, undefined, TRACE],
    ['the message before the header', PARENT, `00-${'a'.repeat(32)}-${SPAN}-01`, 'a'.repeat(32)],
  ])('over HTTP takes the trace of %s', async (_what, header, meta, trace) => {
    const { service, log, working } = talking()
    const principal = 'somebody'
    const providers = ['local']
    const handler = createMcpHandler(({ era }) =>
      createMcpServer(
        {
          service: async () => service,
          menu: createMenu({ providers, openWorld: false, readOnly: false }),
          providers,
          principal,
          questions: createQuestions(principal, async () => new Uint8Array(32)),
          log,
        },
        era,
      ),
    )
    onTestFinished(() => handler.close())
    const params = { name: 'snapshot_list', arguments: {}, ...(meta && { _meta: { traceparent: meta } }) }
    const response = await handler.fetch(
      new Request('http://localhost/mcp', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2025-11-25',
          traceparent: header,
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
      }),
    )
    expect(await response.text()).toContain('structuredContent')
    expect(working()).toEqual([expect.objectContaining({ trace })])
  })
})

test.each([
  [PARENT, 1],
  [`00-${TRACE}-${SPAN}-00`, 0],
  [`cc-${TRACE}-${SPAN}-01-what-comes-later`, 1],
])('%s is a parent', (text, flags) => {
  expect(parseTraceparent(text)).toEqual({ traceId: TRACE, spanId: SPAN, flags })
})

test.each([
  [undefined],
  [42],
  [[PARENT]],
  [''],
  [`ff-${TRACE}-${SPAN}-01`],
  [`00-${'0'.repeat(32)}-${SPAN}-01`],
  [`00-${TRACE}-${'0'.repeat(16)}-01`],
  [`00-${TRACE.toUpperCase()}-${SPAN}-01`],
  [`00-${TRACE}-${SPAN}-01-more`],
  [`${PARENT}\n`],
  [` ${PARENT}`],
  [`00-${TRACE}-${SPAN}-1`],
])('%j is no parent', (given) => {
  expect(parseTraceparent(given)).toBeUndefined()
})

test('a parent that is longer than any header is none', () => {
  expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01${'-x'.repeat(500)}`)).toBeUndefined()
})

test('what a vendor adds to a parent is dropped when it does not fit into a header', () => {
  expect(parseTraceparent(PARENT, 'a=1')).toMatchObject({ state: 'a=1' })
  for (const bad of ['a=1\n', 'x'.repeat(513), '', 7])
    expect(parseTraceparent(PARENT, bad)).not.toHaveProperty('state')
})

const AT = 'http://127.0.0.1:4318'
test.each([
  [{}, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: AT }, true],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: AT }, true],
  [{ OTEL_TRACES_EXPORTER: 'otlp' }, true],
  [{ OTEL_TRACES_EXPORTER: 'console, otlp' }, true],
  [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: AT }, false],
  [{ OTEL_TRACES_EXPORTER: 'console', OTEL_EXPORTER_OTLP_ENDPOINT: AT }, false],
  [{ OTEL_SDK_DISABLED: 'TRUE', OTEL_EXPORTER_OTLP_ENDPOINT: AT }, false],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what a client hands over that did not expand it
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: '${OTEL_ENDPOINT}' }, false],
])('with the variables %j traces are wanted: %j', (env, wanted) => {
  expect(wantsTraces(env)).toBe(wanted)
})
