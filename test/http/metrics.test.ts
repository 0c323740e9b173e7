import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createMetrics, type Metrics } from '../../src/http/metrics.ts'
import { answerText } from '../../src/http/refusal.ts'
import { fail } from '../../src/snapshots/errors.ts'
import { modern } from '../mcp/support/connect.ts'
import { fakeService, ID } from '../mcp/support/fake-service.ts'

interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const SAMPLE = new RegExp(`^(${NAME})(?:\\{((?:[a-zA-Z_]\\w*="[^"\\\\\\n]*",?)*)\\})? (\\S+)$`)
const COMMENT = new RegExp(`^# (?:HELP ${NAME} .+|TYPE ${NAME} (?:counter|gauge|histogram|summary))$`)

/** Scrapes over HTTP, as Prometheus does, and reads every line. */
async function scrape(metrics: Metrics): Promise<Sample[]> {
  const server = createServer(async (_req, res) => {
    const { body, contentType } = await metrics.text()
    answerText(res, 200, body, { 'content-type': contentType })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`)
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  const lines = (await response.text()).split('\n').filter((line) => line !== '')
  for (const line of lines) expect(line).toMatch(line.startsWith('#') ? COMMENT : SAMPLE)
  return lines.filter((line) => !line.startsWith('#')).map(sampleOf)
}

function sampleOf(line: string): Sample {
  const [, name, labels = '', value] = SAMPLE.exec(line)!
  const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text])
  return { name: name!, labels: Object.fromEntries(pairs), value: Number(value) }
}

const valueIn = (samples: readonly Sample[], name: string, labels: Record<string, string> = {}) =>
  samples.find(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )?.value

test('requests are counted by route, kind of method and status, and timed', async () => {
  const metrics = await createMetrics()
  metrics.http('mcp', 'POST', 200, 0.01)
  metrics.http('mcp', 'POST', 200, 3)
  metrics.http('mcp', 'POST', 429, 0.001)
  metrics.http('other', 'PROPFIND', 404, 0.001)
  const samples = await scrape(metrics)
  const count = (route: string, method: string, status: string) =>
    valueIn(samples, 'snapshot_mcp_http_requests_total', { route, method, status })
  expect(count('mcp', 'POST', '200')).toBe(2)
  expect(count('mcp', 'POST', '429')).toBe(1)
  expect(count('other', 'other', '404')).toBe(1)
  const seconds = 'snapshot_mcp_http_request_duration_seconds'
  expect(valueIn(samples, `${seconds}_count`, { route: 'mcp' })).toBe(3)
  expect(valueIn(samples, `${seconds}_bucket`, { route: 'mcp', le: '2' })).toBe(2)
})

test('calls are counted by tool and outcome as clients make them, and name nobody and nothing', async () => {
  const metrics = await createMetrics()
  const service = fakeService({
    restore: async () => {
      throw fail('BUSY', 'Another one works on /secret-place.', 'Wait.')
    },
    sources: async () => {
      throw new Error('a defect')
    },
  })
  const client = await modern(service, { observe: metrics.tool, principal: 'secret-person' })
  const call = (name: string, args = {}) => client.callTool({ name: `snapshot_${name}`, arguments: args })
  await call('list')
  await call('list')
  await call('list', { limit: 0 })
  await call('delete', { snapshots: [ID] })
  await call('restore', { snapshot: ID })
  await call('sources')
  await expect(call('secret_tool')).rejects.toThrow()

  const samples = await scrape(metrics)
  const count = (tool: string, outcome: string) =>
    valueIn(samples, 'snapshot_mcp_tool_calls_total', { tool: `snapshot_${tool}`, outcome, era: 'modern' })
  expect(count('list', 'ok')).toBe(2)
  expect(count('list', 'INVALID_ARGUMENT')).toBe(1)
  expect(count('delete', 'asked')).toBe(1)
  expect(count('restore', 'BUSY')).toBe(1)
  expect(count('sources', 'INTERNAL')).toBe(1)
  const list = { tool: 'snapshot_list' }
  expect(valueIn(samples, 'snapshot_mcp_tool_call_duration_seconds_count', list)).toBe(3)
  expect(JSON.stringify(samples)).not.toMatch(/secret|local:/)
})

test('a question that a person answers is one call that waits, and one that is done', async () => {
  const metrics = await createMetrics()
  const person = () => ({ action: 'accept' as const, content: { confirm: true } })
  const client = await modern(fakeService(), { observe: metrics.tool, person })
  await client.callTool({ name: 'snapshot_delete', arguments: { snapshots: [ID] } })
  const samples = await scrape(metrics)
  for (const outcome of ['asked', 'ok'])
    expect(valueIn(samples, 'snapshot_mcp_tool_calls_total', { outcome })).toBe(1)
})

test('a tool that is none of ours has no name here', async () => {
  const metrics = await createMetrics()
  for (let index = 0; index < 100; index++)
    metrics.tool({ tool: `tool-${index}`, outcome: 'ok', era: 'legacy', seconds: 1 })
  const calls = (await scrape(metrics)).filter(({ name }) => name === 'snapshot_mcp_tool_calls_total')
  expect(calls).toEqual([
    expect.objectContaining({ value: 100, labels: expect.objectContaining({ tool: 'other' }) }),
  ])
})

test('gauges are read with each scrape, and one that cannot be read does not spoil the others', async () => {
  const metrics = await createMetrics()
  let sessions = 1
  metrics.gauge('snapshot_mcp_sessions', 'Open sessions', () => sessions)
  metrics.gauge('snapshot_mcp_connections', 'Open connections', async () => 7)
  metrics.gauge('snapshot_mcp_state_up', 'Whether the state answers', async () => {
    throw new Error('gone')
  })
  metrics.refused('rate')
  metrics.refused('rate')
  expect(valueIn(await scrape(metrics), 'snapshot_mcp_sessions')).toBe(1)
  sessions = 5
  const samples = await scrape(metrics)
  expect(valueIn(samples, 'snapshot_mcp_sessions')).toBe(5)
  expect(valueIn(samples, 'snapshot_mcp_connections')).toBe(7)
  expect(valueIn(samples, 'snapshot_mcp_state_up')).toBeNaN()
  expect(valueIn(samples, 'snapshot_mcp_refusals_total', { kind: 'rate' })).toBe(2)
  expect(valueIn(samples, 'process_resident_memory_bytes')).toBeGreaterThan(0)
})

test('an observer that fails is no reason for the call to fail', async () => {
  const observe = () => {
    throw new Error('no room')
  }
  const client = await modern(fakeService(), { observe })
  expect((await client.callTool({ name: 'snapshot_list', arguments: {} })).isError).toBeUndefined()
})
