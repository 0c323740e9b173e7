import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { HttpServer } from '../../support/http.ts'
import { callTool, headersFor, paramsFor, type Way } from './wire.ts'
import { httpWorld, idle } from './world.ts'

const world = httpWorld()
const MOST_AT_ONCE = 10
const root = world.directory('root')
let server: HttpServer
let way: Way
beforeAll(async () => {
  for (let n = 0; n < 1000; n++) writeFileSync(join(root, `${'a long name '.repeat(15)}${n}`), String(n))
  server = await world.serve({
    roots: [root],
    args: ['--max-connections', '40', '--max-concurrency', String(MOST_AT_ONCE)],
  })
  way = { url: server.url, era: 'modern' }
})

const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  // Whatever was done to it: it is there, not busy with what nobody wants, and each place is free again.
  await idle(server.origin)
  const all = async () => {
    const calls = Array.from({ length: MOST_AT_ONCE }, () => callTool(way, 'snapshot_sources'))
    return (await Promise.all(calls)).every((call) => call.status === 200)
  }
  await expect.poll(all).toBe(true)
  expect(server.process.stderr.filter((line) => line.includes('"level":"error"'))).toEqual([])
})

async function dial(): Promise<Socket> {
  const socket = connect(Number(new URL(server.origin).port), '127.0.0.1')
  sockets.push(socket)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** A call as bytes. */
function bytesOf(name: string, args: object): { head: string; body: string } {
  const params = { name, arguments: args }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: paramsFor(way, params) })
  const headers = {
    host: 'localhost',
    ...headersFor(way, 'tools/call', params),
    'content-length': body.length,
  }
  const lines = Object.entries(headers).map(([key, value]) => `${key}: ${value}\r\n`)
  return { head: `POST /mcp HTTP/1.1\r\n${lines.join('')}\r\n`, body }
}

describe('others are answered', () => {
  test('while a client hangs up at any point of its request', async () => {
    const { head, body } = bytesOf('snapshot_create', { name: 'given up' })
    const whole = head + body
    for (const at of [1, 10, head.length - 2, head.length, head.length + 1, whole.length - 1]) {
      const socket = await dial()
      socket.write(whole.slice(0, at))
      await new Promise(setImmediate)
      socket.resetAndDestroy()
    }
    const { reply } = await callTool(way, 'snapshot_list')
    expect(reply.items).toEqual([])
  })

  test('while clients hang up before they have their answers, and none of them keeps a place', async () => {
    const { head, body } = bytesOf('snapshot_status', {})
    for (let n = 0; n < 3 * MOST_AT_ONCE; n++) {
      const socket = await dial()
      socket.write(head + body)
      if (n % 2) await new Promise(setImmediate)
      socket.resetAndDestroy()
    }
  })

  test('while clients are slow with their headers, which are not waited for', async () => {
    const slow = await Promise.all(Array.from({ length: 10 }, dial))
    for (const socket of slow) socket.write('POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')
    const { status } = await callTool(way, 'snapshot_list')
    expect(status).toBe(200)
    const answers = slow.map(async (socket) => {
      const [answer] = (await once(socket, 'data')) as [Buffer]
      return answer.toString('latin1').split('\r\n', 1)[0]
    })
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['HTTP/1.1 408 Request Timeout']))
  })

  test('while a client never reads a large answer', async () => {
    const { reply } = await callTool(way, 'snapshot_create')
    const { reply: empty } = await callTool(way, 'snapshot_list')
    expect(empty.items).toHaveLength(1)
    for (let n = 0; n < 1000; n++) writeFileSync(join(root, `${'a long name '.repeat(15)}${n}`), 'changed')
    const { head, body } = bytesOf('snapshot_diff', { from: reply.snapshot.id, limit: 1000, content: true })
    const socket = await dial()
    socket.pause()
    for (let n = 0; n < MOST_AT_ONCE - 1; n++) socket.write(head + body)
    for (let n = 0; n < 5; n++) expect((await callTool(way, 'snapshot_list')).status).toBe(200)
  })

  test.each([
    'GET // HTTP/1.1',
    'GET //[ HTTP/1.1',
    'GET http:// HTTP/1.1',
    'GET http://evil.example/mcp HTTP/1.1',
    'GET /% HTTP/1.1',
    'GET /approve/%ff HTTP/1.1',
    'OPTIONS * HTTP/1.1',
    'CONNECT evil.example:443 HTTP/1.1',
    'GET /mcp HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket',
    'POST /mcp HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5',
    'POST /mcp HTTP/1.1\r\nContent-Length: -1',
    'NONSENSE',
  ])('while a client asks for %j', async (lines) => {
    const socket = await dial()
    const closed = once(socket, 'close')
    socket.write(`${lines}\r\nHost: localhost\r\n\r\n`)
    const [answer] = (await Promise.race([once(socket, 'data'), closed])) as [Buffer | boolean]
    if (answer instanceof Buffer) expect(answer.toString()).toMatch(/^HTTP\/1\.1 [245]\d\d /)
  })

  test('while there are more connections than may be, once some of them are gone', async () => {
    const many = await Promise.all(Array.from({ length: 60 }, dial))
    const closed = many.map((socket) => once(socket, 'close'))
    const gone = await Promise.race(closed)
    expect(gone).toBeDefined()
    for (const socket of many) socket.destroy()
    await expect.poll(async () => (await fetch(`${server.origin}/healthz`)).status).toBe(200)
  })
})

test('a body that is too long, no JSON, or no text is refused, and the next request is served', async () => {
  const headers = headersFor(way, 'tools/call', { name: 'snapshot_list' })
  const send = (body: string | Uint8Array) => fetch(way.url, { method: 'POST', headers, body })
  expect((await send('x'.repeat(2 ** 20 + 1))).status).toBe(413)
  const endless = new ReadableStream({ pull: (at) => at.enqueue(new Uint8Array(65_536)) })
  const chunked = { method: 'POST', headers, body: endless, duplex: 'half' } as const
  const outcome = await fetch(way.url, chunked).then(
    (response) => response.status,
    () => 'cut off',
  )
  expect([413, 'cut off']).toContain(outcome)
  for (const body of ['{', '', Uint8Array.of(0x22, 0xff, 0x22), '\ufeff{}'])
    expect((await send(body)).status).toBe(400)
})
