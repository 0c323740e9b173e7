import { beforeAll, describe, expect, test } from 'vitest'
import type { Listening } from '../../src/config/listening.ts'
import { httpWorld } from '../http/e2e/world.ts'
import type { HttpServer } from '../support/http.ts'
import { ODD_REQUESTS } from './odd-requests.ts'
import { legacy, modern, type Raw, sendRaw } from './raw.ts'

const world = httpWorld()
const servers = {} as Record<Listening['legacy'], HttpServer>
const MODES = ['sessions', 'stateless', 'reject'] as const

beforeAll(async () => {
  const roots = [world.directory('root')]
  await Promise.all(
    MODES.map(async (mode) => {
      servers[mode] = await world.serve({ home: world.directory('home'), roots, args: ['--legacy', mode] })
    }),
  )
})

/** Sends it, and sees to it that no answer has a code that the protocol took back, or tells how the server is built. */
async function ask(mode: Listening['legacy'], raw: Raw, how?: { open: boolean }) {
  const answer = await sendRaw(servers[mode].origin, raw, how)
  expect(answer.text).not.toMatch(/-32002|-32042/)
  expect(answer.text).not.toMatch(/node_modules|\.[jt]s:\d/)
  return answer
}

const INITIALIZE = legacy('initialize', {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'by hand', version: '1' },
})

async function begin(mode: Listening['legacy']): Promise<string> {
  const { status, headers } = await ask(mode, INITIALIZE)
  expect(status).toBe(200)
  return String(headers['mcp-session-id'])
}

const get = (session?: string): Raw => ({
  method: 'GET',
  headers: { accept: 'text/event-stream', ...(session !== undefined && { 'mcp-session-id': session }) },
})
const remove = (session?: string): Raw => ({ ...get(session), method: 'DELETE' })

describe.each(MODES)('With --legacy %s it is answered what to do with', (mode) => {
  test.each(ODD_REQUESTS.map((odd) => [odd.title, odd] as const))(
    '%s',
    async (_, { send, status, answer }) => {
      const got = await ask(mode, send)
      expect({ status: got.status, text: got.text.slice(0, 500) }).toMatchObject({ status })
      if (answer) expect(got.message).toMatchObject(answer)
    },
  )

  test.each([
    ['GET', 'POST'],
    ['DELETE', 'POST'],
    ['PUT', 'GET, HEAD, POST, DELETE, OPTIONS'],
  ])('%s by a client since 2026-07-28', async (method, allow) => {
    const { status, headers } = await ask(mode, { ...modern('tools/list'), body: '', method })
    expect({ status, allow: headers.allow }).toEqual({ status: 405, allow })
  })

  test.each([
    '/.well-known/oauth-protected-resource',
    '/.well-known/oauth-protected-resource/mcp',
    '/.well-known/oauth-authorization-server',
    '/.well-known/oauth-authorization-server/mcp',
    '/.well-known/openid-configuration',
    '/.well-known/openid-configuration/mcp',
    '/mcp/.well-known/openid-configuration',
  ])('a look for an issuer of tokens at %s', async (path) => {
    expect((await ask(mode, { method: 'GET', path })).status).toBe(404)
  })

  test('and in the end its log knows of no defect', () => {
    const { stderr } = servers[mode].process
    expect(stderr.filter((line) => (JSON.parse(line) as { level: string }).level === 'error')).toEqual([])
  })
})

describe('Clients before 2026-07-28 are', () => {
  test('given sessions, which they can listen to and end', async () => {
    const session = await begin('sessions')
    const { status, headers } = await ask('sessions', get(session), { open: true })
    expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type: 'text/event-stream' })
    expect((await ask('sessions', legacy('ping', {}, session))).message).toMatchObject({ id: 1, result: {} })
    expect((await ask('sessions', remove(session))).status).toBe(200)
    expect((await ask('sessions', legacy('ping', {}, session))).status).toBe(404)
    expect((await ask('sessions', get(session))).status).toBe(404)
    expect((await ask('sessions', remove(session))).status).toBe(404)
  })

  test('told to begin a session first', async () => {
    for (const raw of [get(), remove(), legacy('ping')]) expect((await ask('sessions', raw)).status).toBe(400)
    for (const raw of [get('none'), remove('none'), legacy('ping', {}, 'none')])
      expect((await ask('sessions', raw)).status).toBe(404)
  })

  test('answered one by one where there are no sessions, and cannot listen', async () => {
    const id = await begin('stateless')
    for (const raw of [get(), get(id), remove(), remove(id)]) {
      const { status, headers } = await ask('stateless', raw)
      expect({ status, allow: headers.allow }).toEqual({ status: 405, allow: 'POST' })
    }
    expect((await ask('stateless', legacy('ping', {}, id))).message).toMatchObject({ id: 1, result: {} })
  })

  test('not promised news where nobody could tell them', async () => {
    const { result } = (await ask('sessions', INITIALIZE)).message!
    expect(result.capabilities.resources).toEqual({ listChanged: true, subscribe: true })
    const stateless = (await ask('stateless', INITIALIZE)).message!
    expect(stateless.result.capabilities.resources).toEqual({ listChanged: false })
    expect(
      (await ask('stateless', legacy('resources/subscribe', { uri: 'snapshot://local/a' }))).message,
    ).toMatchObject({ id: 1, error: { code: -32_601 } })
  })

  test('told which revision to speak where they are not served', async () => {
    for (const raw of [INITIALIZE, legacy('tools/list'), legacy('tools/list', {}, 'none')])
      expect(await ask('reject', raw)).toMatchObject({
        status: 400,
        message: { id: 1, error: { code: -32_022, data: { supported: ['2026-07-28'] } } },
      })
    for (const raw of [get(), remove()]) expect((await ask('reject', raw)).status).toBe(405)
  })

  test('answered soon when an address is nothing but commas', async () => {
    const uri = `snapshot://local/${','.repeat(50_000)}`
    for (const mode of ['sessions', 'stateless'] as const) {
      const read = legacy('resources/read', { uri }, await begin(mode))
      expect((await ask(mode, read)).message).toMatchObject({ id: 1, error: { code: -32_602 } })
    }
  })

  test('answered each message of a batch, which one of their revisions had', async () => {
    const batch = (raw: Raw): Raw => ({
      ...raw,
      body: `[${raw.body},${String(raw.body).replace('"id":1', '"id":2')}]`,
    })
    for (const mode of ['sessions', 'stateless'] as const) {
      const { status, text } = await ask(mode, batch(legacy('ping', {}, await begin(mode))))
      expect({ status, ids: [...text.matchAll(/"id":(\d)/g)].map(([, id]) => id) }).toEqual({
        status: 200,
        ids: ['1', '2'],
      })
    }
  })

  test('told in the same words what is no message', async () => {
    for (const mode of ['sessions', 'stateless'] as const) {
      const ping = legacy('ping', {}, await begin(mode))
      const text = String(ping.body)
      for (const [body, code] of [
        [text.replace('"id":1', '"id":null'), -32_600],
        [text.replace('"id":1', '"id":1e400'), -32_600],
        [text.slice(1), -32_700],
        [`\ufeff${text}`, -32_700],
      ] as const)
        expect(await ask(mode, { ...ping, body })).toMatchObject({
          status: 400,
          message: { id: null, error: { code } },
        })
    }
  })
})
