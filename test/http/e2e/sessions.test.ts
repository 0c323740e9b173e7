import { McpServer } from '@modelcontextprotocol/server'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Identity } from '../../../src/http/identity.ts'
import { Refusal } from '../../../src/http/refusal.ts'
import { createSessions } from '../../../src/http/sessions.ts'
import { headersFor, type Message, type Way } from './wire.ts'

const HALF_AN_HOUR = 30 * 60_000
const URL_OF_IT = 'http://127.0.0.1/mcp'

const person = (principal: string, tenant?: string): Identity => ({
  principal,
  place: tenant === undefined ? {} : { tenant },
  scopes: [],
  uses: ['mcp'],
})

function world() {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  let now = 0
  const ended = vi.fn()
  const sessions = createSessions({
    createServer: () => ({ server: new McpServer({ name: 'one', version: '1' }), end: ended }),
    clock: () => now,
    maxBody: 1000,
  })
  onTestFinished(async () => {
    vi.useRealTimers()
    await sessions.close()
  })

  function send(
    who: Identity,
    method: string,
    { session, http = 'POST' }: { session?: string; http?: string } = {},
  ) {
    const message = { jsonrpc: '2.0', id: 1, method, params: method === 'initialize' ? HELLO : {} }
    const way: Way = { url: URL_OF_IT, era: 'legacy', session }
    const body = http === 'POST' ? JSON.stringify(message) : undefined
    const request = new Request(URL_OF_IT, {
      method: http,
      headers: headersFor(way, method),
      ...(body && { body }),
    })
    const auth = { token: '', clientId: who.principal, scopes: [] }
    return sessions.serve(request, who, body && message, auth)
  }
  return {
    sessions,
    ended,
    send,
    async begin(who: Identity): Promise<string> {
      const response = await send(who, 'initialize')
      await response.text()
      return response.headers.get('mcp-session-id')!
    },
    /** Whether it is there, by asking it. */
    async isThere(who: Identity, session: string) {
      const response = await send(who, 'ping', { session })
      await response.text()
      return response.status === 200
    },
    pass(ms: number) {
      now += ms
      vi.advanceTimersByTime(60_000)
    },
  }
}

const HELLO = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'old', version: '1' } }
const ANN = person('ann')
const READER: Identity = { ...ANN, scopes: ['snapshots:read'] }
const KEEPER: Identity = { ...ANN, scopes: ['snapshots:read', 'snapshots:delete'] }

describe('a session', () => {
  test('of another caller is as unknown as one that never was', async () => {
    const { begin, send, isThere } = world()
    const session = await begin(ANN)
    const seen = await Promise.all(
      [person('bob'), person('ann', 'elsewhere'), ANN].flatMap((who) =>
        ['POST', 'GET', 'DELETE'].map(async (http) => {
          const id = who === ANN ? '0c6f9f0e-9cbd-4a43-8e0c-3f5f3c9a1c11' : session
          const response = await send(who, 'ping', { session: id, http })
          return { status: response.status, headers: [...response.headers], body: await response.text() }
        }),
      ),
    )
    for (const answer of seen) expect(answer).toEqual(seen[0])
    expect(seen[0]!.status).toBe(404)
    expect(await isThere(ANN, session)).toBe(true)
  })

  test.each<[string, Identity, Identity]>([
    ['fewer scopes', KEEPER, READER],
    ['more scopes', READER, KEEPER],
    ['other providers', ANN, { ...ANN, place: { providers: ['local'] } }],
    ['other directories', { ...ANN, place: { roots: ['/a'] } }, { ...ANN, place: { roots: ['/b'] } }],
  ])('is unknown to a credential of the same caller with %s', async (_, beginner, other) => {
    const { begin, send, isThere } = world()
    const session = await begin(beginner)
    for (const http of ['POST', 'GET', 'DELETE'])
      expect((await send(other, 'ping', { session, http })).status).toBe(404)
    expect(await isThere(beginner, session)).toBe(true)
  })

  test('is known to a credential that names the same scopes in another order', async () => {
    const { begin, isThere } = world()
    const session = await begin(KEEPER)
    expect(await isThere({ ...KEEPER, scopes: KEEPER.scopes.toReversed() }, session)).toBe(true)
  })

  test('ends when its client says so', async () => {
    const { begin, send, isThere, ended, sessions } = world()
    const session = await begin(ANN)
    expect(sessions.count()).toBe(1)
    expect((await send(ANN, '', { session, http: 'DELETE' })).status).toBe(200)
    expect(await isThere(ANN, session)).toBe(false)
    expect(ended).toHaveBeenCalledOnce()
    expect(sessions.count()).toBe(0)
  })

  test('is swept when nothing has come for half an hour, and nothing is listened to', async () => {
    const { begin, send, isThere, pass, ended } = world()
    const [idle, busy, listening] = [await begin(ANN), await begin(ANN), await begin(ANN)]
    const stream = await send(ANN, '', { session: listening, http: 'GET' })
    pass(HALF_AN_HOUR - 1)
    expect(await isThere(ANN, busy)).toBe(true)
    pass(2)
    expect(ended).toHaveBeenCalledOnce()
    expect(await isThere(ANN, idle)).toBe(false)
    expect(await isThere(ANN, busy)).toBe(true)

    // From when it stops listening, in the middle of that, it is idle like any other.
    const reader = stream.body!.getReader()
    await reader.read()
    void reader.read()
    await new Promise(setImmediate)
    await reader.cancel()
    pass(HALF_AN_HOUR - 1)
    expect(await isThere(ANN, listening)).toBe(true)
    pass(HALF_AN_HOUR + 1)
    expect(ended).toHaveBeenCalledTimes(3)
  })
})

test('a caller who begins more than a client could need loses the oldest idle one, and nobody else does', async () => {
  const { begin, isThere, pass, ended, sessions } = world()
  const bobs = await begin(person('bob'))
  const first = await begin(ANN)
  pass(1)
  const second = await begin(ANN)
  pass(1)
  for (let n = 2; n < 64; n++) await begin(ANN)
  expect(await isThere(ANN, first)).toBe(true)
  pass(1)
  expect(ended).not.toHaveBeenCalled()
  await begin(ANN)
  expect(ended).toHaveBeenCalledOnce()
  expect(await isThere(ANN, second)).toBe(false)
  expect(await isThere(ANN, first)).toBe(true)
  expect(await isThere(person('bob'), bobs)).toBe(true)
  expect(sessions.count()).toBe(65)
})

test('a caller has no more of them for having credentials with other scopes', async () => {
  const { begin, isThere, ended, sessions } = world()
  const first = await begin(READER)
  for (let n = 1; n < 64; n++) await begin(KEEPER)
  await begin(ANN)
  expect(ended).toHaveBeenCalledOnce()
  expect(await isThere(READER, first)).toBe(false)
  expect(sessions.count()).toBe(64)
})

/** All that there may be: of the first caller 64, of each of the others 60. */
async function full({ begin, pass }: ReturnType<typeof world>) {
  const ids: { who: Identity; id: string }[] = []
  const add = async (who: Identity, count: number) => {
    for (let n = 0; n < count; n++) ids.push({ who, id: await begin(who) })
    pass(1)
  }
  for (let n = 0; n < 16; n++) await add(person(`caller ${n}`), 60)
  await add(person('greedy'), 64)
  return ids
}

test('where all are taken, whoever has most loses the oldest idle one to a caller who has none', async () => {
  const here = world()
  const ids = await full(here)
  expect(here.sessions.count()).toBe(1024)
  const greedy = ids.filter(({ who }) => who.principal === 'greedy')
  const stream = await here.send(greedy[0]!.who, '', { session: greedy[0]!.id, http: 'GET' })
  expect(stream.status).toBe(200)
  const anns = await here.begin(ANN)
  expect(here.ended).toHaveBeenCalledOnce()
  expect(here.sessions.count()).toBe(1024)
  expect(await here.isThere(greedy[1]!.who, greedy[1]!.id)).toBe(false)
  for (const { who, id } of [{ who: ANN, id: anns }, greedy[0]!, greedy[2]!, ids[0]!])
    expect(await here.isThere(who, id)).toBe(true)
})

test('where all are taken and listened to, a caller who has none is refused with the time to wait', async () => {
  const here = world()
  for (const { who, id } of await full(here))
    expect((await here.send(who, '', { session: id, http: 'GET' })).status).toBe(200)
  const refused = await here.begin(ANN).catch((error: unknown) => error)
  expect(refused).toMatchObject({ status: 503, problem: { code: 'RATE_LIMITED', retry_after_ms: 60_000 } })
  expect(here.ended).not.toHaveBeenCalled()
})

test('where none of them is idle a new one is refused with the time to wait', async () => {
  const { begin, send } = world()
  for (let n = 0; n < 64; n++) await send(ANN, '', { session: await begin(ANN), http: 'GET' })
  const refused = await begin(ANN).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(Refusal)
  expect(refused).toMatchObject({ status: 503, problem: { code: 'RATE_LIMITED', retry_after_ms: 60_000 } })
  expect(await begin(person('bob'))).toBeTruthy()
})

test('a request that begins none leaves none behind', async () => {
  const { send, sessions, ended } = world()
  const response = await send(ANN, 'tools/list')
  expect(response.status).toBe(400)
  expect(((await response.json()) as Message).error).toBeDefined()
  expect(sessions.count()).toBe(0)
  expect(ended).toHaveBeenCalledOnce()
})
