import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { createSecret } from '../../src/providers/http/secret.ts'
import { createHttp } from '../../src/providers/http.ts'
import { serveEmulator } from '../emulators/http.ts'
import { thingDialect } from './http/things.ts'
import { CANARY, Thing, world } from './http/world.ts'

const List = z.object({ things: z.array(Thing), query: z.array(z.tuple([z.string(), z.string()])) })

describe('a call', () => {
  test('carries the key and JSON, and brings back what fits the schema', async () => {
    const { http, ctx, things } = await world()
    const body = { name: 'one', note: undefined }
    const reply = await http.json({ method: 'POST', path: ['things'], body, schema: Thing }, ctx)
    expect(reply).toMatchObject({ status: 201, body: { id: 't1', name: 'one' }, request_id: 'req-1' })
    expect(things.requests).toMatchObject([{ method: 'POST', path: '/api/things', body: { name: 'one' } }])
  })

  test('has a body only where one is given, and takes an empty one for undefined', async () => {
    const { http, ctx, things, trouble } = await world()
    trouble({ answer: { status: 204 } })
    const reply = await http.json({ method: 'PUT', path: ['things', 1], schema: z.undefined() }, ctx)
    expect(reply).toMatchObject({ status: 204, body: undefined })
    expect(things.requests[0]).toMatchObject({ body: undefined })
  })

  test('leaves out what is undefined in a query, and nothing else', async () => {
    const { http, ctx } = await world()
    const query = { page: 2, all: false, 'metadata[a b]': 'x&y=z', digest: undefined, empty: '' }
    const { body } = await http.json({ method: 'GET', path: ['things'], query, schema: List }, ctx)
    expect(body.query).toEqual([
      ['page', '2'],
      ['all', 'false'],
      ['metadata[a b]', 'x&y=z'],
      ['empty', ''],
    ])
  })

  test.for(['team/app:1.0@sha256', 'a b?c#d', '%2e%2e', '..a', 'caf\u00e9', ';,&=+$'])(
    'sends the name %j as one segment',
    async (id) => {
      const { things, read } = await world()
      things.all.set(id, { id, name: 'odd' })
      expect(await read(id)).toEqual({ id, name: 'odd' })
    },
  )

  test.for(['', '.', '..', '\ud800'])(
    'refuses the name %j, which would make it another address',
    async (id) => {
      const { things, remove, problemOf, read } = await world()
      const problem = { code: 'INVALID_ARGUMENT', outcome: 'not_started' }
      expect(await problemOf(read(id))).toMatchObject(problem)
      expect(await problemOf(remove(id))).toMatchObject(problem)
      expect(things.requests).toEqual([])
    },
  )

  test.for(['ftp://host', 'host/api', 'https://me:pass@host', 'https://host/?a=1', ''])(
    'needs a plain base URL, not %j',
    (baseUrl) => {
      const options = { provider: 'things', baseUrl, key: createSecret(CANARY), dialect: thingDialect }
      expect(() => createHttp(options)).toThrow(/not a plain http or https address/)
    },
  )
})

describe('a refusal', () => {
  test('is told in the words of the vendor, with its status and request id', async () => {
    const { read, problemOf } = await world()
    expect(await problemOf(read('t9'))).toEqual({
      code: 'NOT_FOUND',
      message: 'Things answered 404: There is no such thing. Nothing was changed.',
      hint: 'snapshot_list shows what is there.',
      outcome: 'not_started',
      retryable: false,
      provider: 'things',
      status: 404,
      request_id: 'req-1',
    })
  })

  test('cannot act on a terminal, and is not long', async () => {
    const { read, problemOf, trouble } = await world()
    trouble({ answer: { status: 400, body: { message: `\u001b[2J\u202eevil\n${'x'.repeat(5000)}` } } })
    const { message } = await problemOf(read('t1'), 'INVALID_ARGUMENT')
    expect(message).toMatch(/^Things answered 400: \?\[2J\?evil\?x+\. Nothing was changed\.$/)
    expect(message.length).toBeLessThan(400)
  })

  const page = (status: number, text = '<html>bad gateway</html>') => ({
    answer: { status, raw: text, headers: { 'content-type': 'text/html' } },
  })

  test.for([
    [400, 'PROVIDER_BUG'],
    [403, 'PROVIDER_BUG'],
    [429, 'RATE_LIMITED'],
    [500, 'PROVIDER_UNAVAILABLE'],
    [502, 'PROVIDER_UNAVAILABLE'],
  ] as const)('with a page and status %i is %s: somebody in between has answered', async ([status, code]) => {
    const { read, problemOf, trouble } = await world()
    trouble(page(status), 9)
    const error = await read('t1').catch((error) => error)
    expect(error.problem).toMatchObject({ code, status, outcome: 'not_started' })
    expect(error.problem.message).toContain('a page of type text/html')
    expect(error.cause.message).toBe(`${status} text/html: <html>bad gateway</html>`)
    await problemOf(Promise.reject(error))
  })

  test('keeps no more of a page than what tells where it came from', async () => {
    const { read, trouble } = await world()
    trouble(page(400, 'y'.repeat(100_000)))
    expect((await read('t1').catch((error) => error)).cause.message.length).toBeLessThan(600)
  })

  test('without a body is told by its status', async () => {
    const { read, problemOf, trouble } = await world()
    trouble({ answer: { status: 418 } })
    const { message } = await problemOf(read('t1'), 'PROVIDER_BUG')
    expect(message).toContain('no explanation')
  })
})

describe('an answer that should not be', () => {
  test.for([
    ['a page', { raw: '<html>welcome to the hotel</html>' }, /not JSON/],
    ['half a value', { raw: '{"id":"t1"' }, /not JSON/],
    ['another value', { body: { id: 't1' } }, /at name, Invalid input: expected string/],
    ['nothing', { raw: '' }, /at the top, Invalid input: expected object/],
    ['a value nested without end', { raw: '['.repeat(200_000) + ']'.repeat(200_000) }, /not JSON/],
  ] as const)(
    'such as %s is a defect of the vendor, and a create may have happened',
    async ([, answer, words]) => {
      const { make, read, problemOf, trouble } = await world()
      trouble({ answer: { status: 200, ...answer } }, 2)
      const problem = await problemOf(make(), 'PROVIDER_BUG')
      expect(problem).toMatchObject({ outcome: 'unknown', status: 200 })
      expect(problem.message).toMatch(words)
      expect(problem.hint).toContain('snapshot_list')
      expect(await problemOf(read('t1'), 'PROVIDER_BUG')).toMatchObject({ outcome: 'not_started' })
    },
  )

  test('is not read beyond a limit', async () => {
    const { read, make, problemOf, trouble } = await world({ limits: { answerBytes: 1000 } })
    trouble({ answer: { status: 200, raw: 'x'.repeat(1001) } }, 2)
    expect(await problemOf(read('t1'), 'PROVIDER_BUG')).toMatchObject({ outcome: 'not_started' })
    expect(await problemOf(make(), 'PROVIDER_BUG')).toMatchObject({ outcome: 'unknown' })
    trouble({ answer: { status: 200, raw: `{"id":"t1","name":"${'x'.repeat(979)}"}` } })
    expect((await read('t1')).name).toHaveLength(979)
  })
})

describe('a redirect', () => {
  test('is not followed, within the origin or out of it, and the key stays at home', async () => {
    const elsewhere = await serveEmulator({
      routes: {},
      authorize: () => undefined,
      notFound: () => ({ status: 404 }),
      badJson: () => ({ status: 400 }),
    })
    const { read, make, problemOf, trouble, things, proxy } = await world()
    for (const location of [`${elsewhere.url}/steal`, `${proxy.url}/api/things`]) {
      for (const status of [301, 302, 303, 307, 308]) {
        trouble({ answer: { status, headers: { location } } }, 2)
        expect(await problemOf(read('t1'), 'PROVIDER_BUG')).toMatchObject({ status, retryable: false })
        expect(await problemOf(make(), 'PROVIDER_BUG')).toMatchObject({ status, outcome: 'unknown' })
      }
    }
    expect(things.requests).toHaveLength(20)
    expect(elsewhere.requests).toEqual([])
    await elsewhere.close()
  })
})

describe('an answer that announces itself', () => {
  test('is waited for', async () => {
    const answer = JSON.stringify({ id: 't1', name: 'one' })
    const head =
      'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n'
    const server = createServer((socket) => {
      socket.once('data', () => socket.end(`${head}content-length: ${answer.length}\r\n\r\n${answer}`))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { read, make } = await world({
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    })
    expect(await read('t1')).toEqual({ id: 't1', name: 'one' })
    expect(await make()).toEqual({ id: 't1', name: 'one' })
  })
})
