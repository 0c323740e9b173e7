import { expect, onTestFinished, test, vi } from 'vitest'
import { createApp } from '../../../src/app.ts'
import { loadConfig } from '../../../src/config.ts'
import { createDesk } from '../../../src/http/desk.ts'
import type { Identity } from '../../../src/http/identity.ts'
import { whenRead } from '../../../src/http/when-read.ts'
import { createWork } from '../../../src/http/work.ts'
import { headersFor, paramsFor, type Way } from './wire.ts'
import { httpWorld } from './world.ts'

const world = httpWorld()
const ADDRESS = 'http://127.0.0.1/mcp'
const KEEP_ALIVE_MS = 15_000
const ANN: Identity = { principal: 'ann', place: {}, scopes: ['snapshots:read'], uses: ['mcp'] }

async function desk() {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const flags = { root: [world.directory()], home: world.directory('home'), http: true }
  const config = loadConfig(flags, { env: {}, cwd: world.dir, userHome: world.dir })
  const made = await createDesk({
    app: createApp(config),
    listening: config.http!,
    work: createWork(() => {}),
    running: () => {},
    clock: Date.now,
  })
  onTestFinished(async () => {
    vi.useRealTimers()
    await made.close()
  })
  return (way: Way, method: string, params: object = {}) => {
    const message =
      method === '' ? undefined : { jsonrpc: '2.0', id: 1, method, params: paramsFor(way, params) }
    const request = new Request(ADDRESS, {
      method: message ? 'POST' : 'GET',
      headers: headersFor(way, method, params),
      ...(message && { body: JSON.stringify(message) }),
    })
    return made.serve(request, ANN, message)
  }
}

async function next(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read()
  return new TextDecoder().decode(value)
}

test('a stream on which nothing happens says every 15 seconds that it is still there', async () => {
  const send = await desk()
  const clientInfo = { name: 'old', version: '1' }
  const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }
  const begun = await send({ url: ADDRESS, era: 'legacy' }, 'initialize', hello)
  await begun.text()
  const session = begun.headers.get('mcp-session-id')!
  const filter = { notifications: { resourcesListChanged: true } }
  const streams = {
    legacy: await send({ url: ADDRESS, era: 'legacy', session }, ''),
    modern: await send({ url: ADDRESS, era: 'modern' }, 'subscriptions/listen', filter),
  }
  for (const [era, { body, status, headers }] of Object.entries(streams)) {
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/event-stream')
    const reader = body!.getReader()
    // It begins at once, so that whoever asked knows that it is open.
    expect(await next(reader)).toContain(era === 'modern' ? 'acknowledged' : ': open')
    for (const _ of [1, 2, 3]) {
      vi.advanceTimersByTime(KEEP_ALIVE_MS)
      expect(await next(reader)).toMatch(/^: ?keep-?alive/)
    }
    await reader.cancel()
  }
})

test('whoever gives up a stream, or reads it to its end, is done with it once', async () => {
  const tell = vi.fn()
  const stream = () => new ReadableStream<Uint8Array>({ start: (at) => at.enqueue(new Uint8Array(1)) })
  const reader = whenRead(new Response(stream()), tell).body!.getReader()
  await reader.read()
  const pending = reader.read()
  await new Promise(setImmediate)
  expect(tell).not.toHaveBeenCalled()
  await reader.cancel()
  await pending
  await new Promise(setImmediate)
  expect(tell).toHaveBeenCalledOnce()
  expect(await whenRead(new Response('all of it'), tell).text()).toBe('all of it')
  expect(tell).toHaveBeenCalledTimes(2)
  whenRead(new Response(null), tell)
  expect(tell).toHaveBeenCalledTimes(3)
})
