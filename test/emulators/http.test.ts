import { afterEach, expect, test } from 'vitest'
import { type EmulatorOptions, type EmulatorServer, serveEmulator } from './http.ts'

const open: EmulatorServer[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()))
})

async function serve(options: Partial<EmulatorOptions>): Promise<EmulatorServer> {
  const server = await serveEmulator({
    routes: {},
    notFound: ({ method, path }) => ({ status: 404, body: { message: `no ${method} ${path}` } }),
    authorize: () => undefined,
    badJson: () => ({ status: 400, body: { message: 'bad json' } }),
    ...options,
  })
  open.push(server)
  return server
}

test('The more literal route wins, and parameters are decoded after the path is split', async () => {
  const { url } = await serve({
    routes: {
      'GET /things/{thing}/parts': ({ params }) => ({ status: 200, body: params }),
      'GET /things/special/{part}': ({ params }) => ({ status: 200, body: params }),
      'GET /files/{bucket}/{key...}': ({ params }) => ({ status: 200, body: params }),
    },
  })
  const get = async (path: string) => (await fetch(`${url}${path}`)).json()
  expect(await get('/things/special/parts')).toEqual({ part: 'parts' })
  expect(await get('/things/a%2Fb%3A1/parts')).toEqual({ thing: 'a/b:1' })
  expect(await get('/things/a%zz/parts')).toEqual({ thing: 'a%zz' })
  expect(await get('/files/one/two/three%20.tar')).toEqual({ bucket: 'one', key: 'two/three .tar' })
})

test('One trailing slash is forgiven, two are not', async () => {
  const { url } = await serve({ routes: { 'GET /a': () => ({ status: 200 }) } })
  expect((await fetch(`${url}/a/`)).status).toBe(200)
  expect((await fetch(`${url}/a//`)).status).toBe(404)
  expect((await fetch(`${url}//a`)).status).toBe(404)
})

test('HEAD is answered as GET without the body, and other methods are not found', async () => {
  const { url } = await serve({ routes: { 'GET /a': () => ({ status: 200, body: { a: 1 } }) } })
  const head = await fetch(`${url}/a`, { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '7', ''])
  const patch = await fetch(`${url}/a`, { method: 'PATCH' })
  expect([patch.status, await patch.json()]).toEqual([404, { message: 'no PATCH /a' }])
})

test('A body is parsed when it is JSON and kept as bytes when it is not', async () => {
  const { url } = await serve({
    routes: { 'POST /a': ({ body, raw }) => ({ status: 200, body: { body, bytes: raw.length } }) },
  })
  const post = async (type: string, body: string) =>
    (await fetch(`${url}/a`, { method: 'POST', headers: { 'content-type': type }, body })).json()
  expect(await post('application/json', '{"a":null}')).toEqual({ body: { a: null }, bytes: 10 })
  expect(await post('application/x-tar', '{"a":null}')).toEqual({ bytes: 10 })
  expect(await post('application/json', '{"a":')).toEqual({ message: 'bad json' })
  expect(await (await fetch(`${url}/a`, { method: 'POST' })).json()).toEqual({ bytes: 0 })
})

test('When several things are wrong, the order of the checks decides', async () => {
  const broken = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' }
  const options = { authorize: () => ({ status: 401 }), routes: { 'POST /a': () => ({ status: 200 }) } }
  const first = await serve(options)
  expect((await fetch(`${first.url}/a`, broken)).status).toBe(401)
  expect((await fetch(`${first.url}/b`, broken)).status).toBe(401)
  const last = await serve({ ...options, order: ['route', 'json', 'authorize'] })
  expect((await fetch(`${last.url}/b`, broken)).status).toBe(404)
  expect((await fetch(`${last.url}/a`, broken)).status).toBe(400)
  expect((await fetch(`${last.url}/a`, { method: 'POST' })).status).toBe(401)
})

test('Every request is on record with its query, its body and what it was answered', async () => {
  const server = await serve({ routes: { 'POST /a': () => ({ status: 201 }) } })
  await fetch(`${server.url}/a?page=1&x%5By%5D=z`, { method: 'POST', body: new Blob(['{"n":1}']) })
  await fetch(`${server.url}/b`)
  expect(server.requests).toEqual([
    { method: 'POST', path: '/a', query: 'page=1&x%5By%5D=z', body: { n: 1 }, status: 201 },
    { method: 'GET', path: '/b', query: '', body: undefined, status: 404 },
  ])
})

test('A fault before the handler leaves nothing done, one after it loses only the answer', async () => {
  let done = 0
  const server = await serve({
    routes: {
      'POST /a': () => {
        done += 1
        return { status: 201, body: { text: 'a body that is long enough to be cut' } }
      },
    },
  })
  const post = () => fetch(`${server.url}/a`, { method: 'POST' })
  const when = () => true

  server.faults.push({ when, at: 'before', how: 'reset' })
  await expect(post()).rejects.toThrow()
  expect([done, server.requests.at(-1)?.status]).toEqual([0, 0])

  server.faults.push({ when, at: 'after', how: 'reset' })
  await expect(post()).rejects.toThrow()
  expect(done).toBe(1)

  server.faults.push({ when, at: 'after', how: 'truncate' })
  const cut = await post()
  expect(cut.status).toBe(201)
  await expect(cut.text()).rejects.toThrow()
  expect(done).toBe(2)

  const page = { status: 504, raw: '<html></html>', headers: { 'content-type': 'text/html' } }
  server.faults.push({ when, at: 'after', how: { answer: page } })
  const spoilt = await post()
  expect([spoilt.status, await spoilt.text(), spoilt.headers.get('content-type')]).toEqual([
    504,
    '<html></html>',
    'text/html',
  ])
  expect(done).toBe(3)

  expect(server.faults).toEqual([])
  expect((await post()).status).toBe(201)
})

test('A fault meets only the exchanges it is meant for, as often as it says', async () => {
  const ok = () => ({ status: 200 })
  const server = await serve({ routes: { 'GET /a': ok, 'GET /b': ok } })
  server.faults.push({
    when: ({ path }) => path === '/b',
    times: 2,
    at: 'before',
    how: { answer: { status: 503 } },
  })
  const statuses: number[] = []
  for (const path of ['/a', '/b', '/a', '/b', '/b']) statuses.push((await fetch(server.url + path)).status)
  expect(statuses).toEqual([200, 503, 200, 503, 200])
})

test('A hanging exchange ends with its client or with the emulator, a delayed one is answered', async () => {
  const server = await serve({ routes: { 'GET /a': () => ({ status: 200 }) } })
  const when = () => true
  server.faults.push({ when, at: 'before', how: 'hang' })
  await expect(fetch(`${server.url}/a`, { signal: AbortSignal.timeout(20) })).rejects.toThrow('timeout')
  server.faults.push({ when, at: 'after', how: { delay: 1 } })
  expect((await fetch(`${server.url}/a`)).status).toBe(200)
  server.faults.push({ when, at: 'before', how: 'hang' })
  const hanging = expect(fetch(`${server.url}/a`)).rejects.toThrow()
  while (server.faults.length > 0) await new Promise(setImmediate)
  await server.close()
  await hanging
})

test('An answer can come in pieces', async () => {
  async function* log() {
    yield 'one\n'
    yield Buffer.from('two\n')
  }
  const { url } = await serve({ routes: { 'GET /log': () => ({ status: 200, stream: log() }) } })
  const answer = await fetch(`${url}/log`)
  expect([answer.headers.get('content-length'), await answer.text()]).toEqual([null, 'one\ntwo\n'])
})

test('A defect in a handler is answered with 500 and comes to light when the emulator closes', async () => {
  const server = await serveEmulator({
    routes: {
      'GET /a': () => {
        throw new Error('a defect')
      },
    },
    notFound: () => ({ status: 404 }),
    authorize: () => undefined,
    badJson: () => ({ status: 400 }),
  })
  expect((await fetch(`${server.url}/a`)).status).toBe(500)
  await expect(server.close()).rejects.toThrow('a defect')
})
