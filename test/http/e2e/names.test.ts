import { once } from 'node:events'
import { connect } from 'node:net'
import { beforeAll, describe, expect, test } from 'vitest'
import { writeAccess } from './access.ts'
import { httpWorld } from './world.ts'

const world = httpWorld()
let port: number
let published: number
beforeAll(async () => {
  const portOf = ({ origin }: { origin: string }) => Number(new URL(origin).port)
  port = portOf(await world.serve({ roots: [world.directory()] }))
  const names = ['--public-url', 'https://snapshots.example.org', '--allow-origin', 'https://app.example.org']
  const args = [...names, '--access', writeAccess(world.dir, { somebody: {} }).path]
  published = portOf(await world.serve({ roots: [world.directory()], home: world.directory('home'), args }))
})

/** The status of what is answered to a head alone: the body that it announces never comes. */
async function statusOf(to: number, lines: string[], path = '/mcp'): Promise<number> {
  const socket = connect(to, '127.0.0.1')
  try {
    await once(socket, 'connect')
    const head = [
      `POST ${path} HTTP/1.1`,
      ...lines,
      'Content-Type: application/json',
      'Content-Length: 100000',
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer.toString('latin1'))?.[1])
  } finally {
    socket.destroy()
  }
}

const EVIL_HOSTS = [
  'evil.example',
  'localhost.evil',
  '127.0.0.1.evil',
  'evil.localhost',
  'localhost@evil.example',
  'evil.example#localhost',
  'localhost,evil.example',
  '0.0.0.0',
  '[::]',
  '[::ffff:127.0.0.1]',
  '127.0.0.2',
  'null',
  '',
  '[',
  'a b',
  'localhost:80:80',
  'localhost:',
  'localhost:80a',
  '127.1',
  '2130706433',
  '0x7f.1',
  '127.0.0.1.',
  '[0:0::1]',
  'x@localhost',
  'x@snapshots.example.org',
  'localhost/',
  'snapshots.example.org/x',
  'localhost?',
  'localhost#x',
  'localhost\\x',
  'local%68ost',
]

describe('a request whose body never comes is answered all the same with 403', () => {
  test.each(EVIL_HOSTS)('under the name %j', async (host) => {
    for (const to of [port, published])
      for (const suffix of host === '' ? [''] : ['', `:${to}`])
        expect(await statusOf(to, [`Host: ${host}${suffix}`])).toBe(403)
  })

  test.each([
    'https://evil.example',
    'http://localhost.evil',
    'http://127.0.0.1.evil',
    'http://evil.example:8484',
    'null',
    'localhost',
    'http://',
    'file://',
    'http://[',
    'http://localhost, http://evil.example',
    'http://localhost',
    'http://127.0.0.1:3000',
    'http://[::1]:3000',
    'https://localhost:PORT',
    'HTTP://localhost:PORT',
    'http://localhost:PORT/',
    'http://localhost:PORT/path',
    'http://me@localhost:PORT',
    'http://127.1:PORT',
    'chrome-extension://localhost:PORT',
    'http://snapshots.example.org',
    'http://snapshots.example.org:PORT',
    'https://snapshots.example.org:8443',
    'https://app.example.org:444',
    'https://APP.example.org',
    'http://app.example.org',
  ])('from a page of %j', async (origin) => {
    const from = (to: number) => `Origin: ${origin.replace('PORT', String(to))}`
    expect(await statusOf(port, [`Host: 127.0.0.1:${port}`, from(port)])).toBe(403)
    expect(await statusOf(published, ['Host: snapshots.example.org', from(published)])).toBe(403)
  })

  test('on every path', async () => {
    for (const path of [
      '/',
      '/mcp',
      '/approve',
      '/approve/ABCD',
      '/metrics',
      '/healthz',
      '/readyz',
      '/nothing',
    ])
      expect(await statusOf(port, ['Host: evil.example'], path)).toBe(403)
  })

  test('but 400 without any name, which HTTP itself forbids', async () => {
    expect(await statusOf(port, [])).toBe(400)
  })
})

describe('a request under a name of the server', () => {
  /** A GET, which is complete as it stands. */
  async function health(to: number, headers: Record<string, string>) {
    const socket = connect(to, '127.0.0.1')
    await once(socket, 'connect')
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    socket.write(`GET /healthz HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    return answer.toString('latin1').split('\r\n', 1)[0]
  }
  const OK = 'HTTP/1.1 200 OK'

  test.each(['localhost', 'LOCALHOST', '127.0.0.1', '[::1]', 'localhost:8484', '127.0.0.1:1', '[::1]:8484'])(
    'is served: %s',
    async (host) => {
      expect(await health(port, { Host: host })).toBe(OK)
      for (const name of ['localhost', '127.0.0.1', '[::1]'])
        expect(await health(port, { Host: host, Origin: `http://${name}:${port}` })).toBe(OK)
    },
  )

  test('is served under the one it is published by, and for the pages that may call it', async () => {
    expect(await health(published, { Host: 'snapshots.example.org' })).toBe(OK)
    expect(await health(published, { Host: 'Snapshots.Example.ORG:443' })).toBe(OK)
    for (const origin of ['https://snapshots.example.org', 'https://app.example.org'])
      expect(await health(published, { Host: 'snapshots.example.org', Origin: origin })).toBe(OK)
  })
})

test('a page that may call is told so by the browser, and reads the answer', async () => {
  const url = `http://127.0.0.1:${port}/mcp`
  const origin = `http://localhost:${port}`
  const asked = await fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'mcp-method',
    },
  })
  expect(asked.status).toBe(204)
  expect(asked.headers.get('access-control-allow-origin')).toBe(origin)
  expect(asked.headers.get('access-control-allow-headers')).toContain('mcp-method')
  expect(asked.headers.has('access-control-allow-credentials')).toBe(false)
  const refused = await fetch(url, {
    method: 'OPTIONS',
    headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
  })
  expect(refused.status).toBe(403)
  expect(refused.headers.has('access-control-allow-origin')).toBe(false)
})
