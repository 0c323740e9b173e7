import { once } from 'node:events'
import { connect } from 'node:net'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { HttpServer } from '../../support/http.ts'
import { callTool, headersFor, initialize, type Way } from './wire.ts'
import { httpWorld } from './world.ts'

const world = httpWorld()
let server: HttpServer
let way: Way
beforeAll(async () => {
  server = await world.serve({ roots: [world.directory()], args: ['--max-concurrency', '1'] })
  way = { url: server.url, era: 'modern' }
})

async function dial() {
  const socket = connect(Number(new URL(server.origin).port), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** The head of the answer to what no client of an SDK would send. */
async function answerTo(line: string): Promise<string> {
  const socket = await dial()
  socket.write(`${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  return answer.toString().split('\r\n\r\n', 1)[0]!
}

const errors = () => server.process.stderr.filter((line) => line.includes('"level":"error"'))
const metric = async (name: string) => {
  const text = await (await fetch(`${server.origin}/metrics`)).text()
  return Number(text.match(new RegExp(`^${name} (\\d+)$`, 'm'))?.[1])
}

describe('a path', () => {
  test.each([
    '/\\x/healthz',
    '/\\healthz',
    '\\healthz',
    '/x\\..\\healthz',
    '/x/../healthz',
    '/x/%2e%2e/healthz',
    '/./healthz',
    '/healthz#x',
    '/healthz#?x',
    '//x/healthz',
  ])('that only becomes another when it is read as an address leads nowhere: %s', async (path) => {
    expect(await answerTo(`GET ${path}`)).toMatch(/^HTTP\/1\.1 40[04] /)
  })

  test.each(['/healthz', '/healthz?', '/healthz?a=/../b\\c'])(
    'is what stands before the question mark: %s',
    async (path) => {
      expect(await answerTo(`GET ${path}`)).toMatch(/^HTTP\/1\.1 200 /)
    },
  )
})

test.each(['TRACE', 'PUT', 'PATCH', 'PROPFIND'])('%s is no method of any address', async (method) => {
  for (const path of ['/mcp', '/approve', '/healthz']) {
    const answer = await answerTo(`${method} ${path}`)
    expect(answer).toMatch(/^HTTP\/1\.1 405 /)
    expect(answer).toMatch(/^allow: GET, HEAD, POST, DELETE, OPTIONS\r?$/im)
  }
  expect(errors()).toEqual([])
})

test('a batch has at most ten messages', async () => {
  const { session } = await initialize({ ...way, era: 'legacy' })
  const headers = headersFor({ ...way, era: 'legacy', session }, 'ping')
  const send = async (count: number) => {
    const batch = Array.from({ length: count }, (_, id) => ({ jsonrpc: '2.0', id, method: 'ping' }))
    const answer = await fetch(way.url, { method: 'POST', headers, body: JSON.stringify(batch) })
    return { status: answer.status, text: await answer.text() }
  }
  expect((await send(10)).status).toBe(200)
  expect(await send(11)).toMatchObject({ status: 400, text: expect.stringContaining('INVALID_ARGUMENT') })
})

test('a call that only says it is a stream takes the place of a call', async () => {
  const socket = await dial()
  const claimed = {
    ...headersFor({ ...way, era: 'legacy' }, 'tools/call'),
    'mcp-method': 'subscriptions/listen',
  }
  const lines = Object.entries(claimed).map(([key, value]) => `${key}: ${value}\r\n`)
  socket.write(`POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n${lines.join('')}\r\n`)
  await expect.poll(async () => (await callTool(way, 'snapshot_status')).status).toBe(429)
  expect(await metric('snapshot_mcp_streams')).toBe(0)
  socket.destroy()
  await expect.poll(async () => (await callTool(way, 'snapshot_status')).status).toBe(200)
})
