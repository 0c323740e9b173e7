import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { NOON } from '../snapshots/world.ts'
import { door } from './gate-world.ts'

const TOKEN = 'smcp_kXfX3mRkQ0o'
const OTHER = 'smcp_9dLQpYw7t1E'
const hash = (token: string) => createHash('sha256').update(token).digest('hex')

const entry = (token: string, more: object = {}) => ({
  sha256: hash(token),
  principal: 'ann',
  scopes: ['snapshots:read', 'snapshots:create'],
  ...more,
})

describe('a token of the access file', () => {
  test('is a principal in its tenant, with its scopes and doors', async () => {
    const { come } = await door({
      access: {
        tenants: { acme: { roots: ['/srv/acme'] } },
        tokens: [
          entry(TOKEN, { tenant: 'acme', providers: ['local'], roots: ['/srv/acme/a'], for: ['mcp'] }),
          entry(OTHER),
        ],
      },
    })
    expect(await come(TOKEN)).toMatchObject({
      status: 200,
      said: {
        principal: 'token:ann',
        place: { tenant: 'acme', providers: ['local'], roots: ['/srv/acme/a'] },
        scopes: ['snapshots:read', 'snapshots:create'],
        uses: ['mcp'],
      },
    })
    expect((await come(OTHER)).said).toMatchObject({ principal: 'token:ann', place: {} })
  })

  test('is never part of the identity', async () => {
    const { come } = await door({ access: { tokens: [entry(TOKEN)] } })
    const { text } = await come(TOKEN)
    expect(text).not.toContain(TOKEN)
    expect(text).not.toContain(hash(TOKEN))
  })

  test('without a scope gets in: the tools say what it lacks', async () => {
    const { come } = await door({ access: { tokens: [entry(TOKEN, { scopes: [] })] } })
    expect(await come(TOKEN)).toMatchObject({ status: 200, said: { scopes: [] } })
  })

  test('ends at the moment that the file says', async () => {
    const expires_at = new Date(NOON + 1000).toISOString()
    const { come, time } = await door({ access: { tokens: [entry(TOKEN, { expires_at })] } })
    time.now = NOON + 999
    expect((await come(TOKEN)).status).toBe(200)
    time.now = NOON + 1000
    expect((await come(TOKEN)).status).toBe(401)
  })

  test('opens only the doors that it is for', async () => {
    const { come } = await door({
      access: { tokens: [entry(TOKEN), entry(OTHER, { for: ['metrics', 'approve'] })] },
    })
    const answers = async (token: string) =>
      Promise.all(['/mcp', '/approve', '/metrics'].map(async (path) => (await come(token, path)).status))
    expect(await answers(TOKEN)).toEqual([200, 403, 403])
    expect(await answers(OTHER)).toEqual([403, 200, 200])
    expect((await come(OTHER)).said).toMatchObject({ code: 'FORBIDDEN', retryable: false })
  })

  test('that a person typed opens the same', async () => {
    const { gate } = await door({ access: { tokens: [entry(TOKEN, { for: ['approve'] })] } })
    expect(await gate.identifyToken(TOKEN, 'approve')).toMatchObject({ principal: 'token:ann' })
    await expect(gate.identifyToken(TOKEN, 'metrics')).rejects.toMatchObject({ status: 403 })
    for (const wrong of [OTHER, '', ` ${TOKEN}`, `${TOKEN}\n`, hash(TOKEN)])
      await expect(gate.identifyToken(wrong, 'approve')).rejects.toMatchObject({ status: 401 })
  })
})

describe('a token comes in the Authorization header, and in no other way', () => {
  const access = { tokens: [entry(TOKEN), entry(OTHER)] }

  test.each(['Bearer', 'bearer', 'BEARER'])('scheme %s', async (scheme) => {
    const { ask } = await door({ access })
    expect((await ask('/mcp', { headers: { authorization: `${scheme} ${TOKEN}` } })).status).toBe(200)
  })

  test('not in the query, a cookie, another header or the body', async () => {
    const { ask } = await door({ access })
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const attempts = await Promise.all([
      ask(`/mcp?access_token=${TOKEN}&authorization=Bearer%20${TOKEN}`),
      ask('/mcp', { headers: { cookie: `access_token=${TOKEN}; authorization=Bearer ${TOKEN}` } }),
      ask('/mcp', {
        headers: { 'x-authorization': `Bearer ${TOKEN}`, 'proxy-authorization': `Bearer ${TOKEN}` },
      }),
      ask('/mcp', { headers: form, body: `access_token=${TOKEN}` }),
    ])
    for (const { status, headers } of attempts)
      expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer'])
  })

  test('not twice, not even the same', async () => {
    const { ask } = await door({ access })
    for (const second of [TOKEN, OTHER, 'x']) {
      const headers = [
        'Host',
        'localhost',
        'Authorization',
        `Bearer ${TOKEN}`,
        'authorization',
        `Bearer ${second}`,
      ]
      expect((await ask('/mcp', { headers })).status).toBe(401)
    }
  })
})

describe('what is refused', () => {
  const access = {
    tokens: [entry(TOKEN), entry(OTHER, { expires_at: new Date(NOON - 1).toISOString() })],
  }

  test('reads the same for every token that is not taken', async () => {
    const { ask, come } = await door({ access })
    const unknown = await come('smcp_nobody')
    expect(unknown).toMatchObject({ status: 401, said: { code: 'UNAUTHENTICATED' } })
    expect(unknown.headers['www-authenticate']).toBe('Bearer error="invalid_token"')
    const jwt = ['{"alg":"none"}', '{"sub":"ann"}', ''].map((part) => Buffer.from(part).toString('base64url'))
    const others = [
      `Bearer ${OTHER}`,
      'Bearer',
      'Bearer  ',
      `Bearer ${TOKEN} ${TOKEN}`,
      `Bearer ${TOKEN},`,
      `Basic ${Buffer.from(`ann:${TOKEN}`).toString('base64')}`,
      TOKEN,
      `Bearer ${'a'.repeat(5000)}`,
      `Bearer ${TOKEN.toUpperCase()}`,
      `Bearer ${hash(TOKEN)}`,
      `Bearer ${jwt.join('.')}`,
      'Bearer ..',
    ]
    for (const authorization of others)
      expect(await ask('/mcp', { headers: { authorization } })).toEqual(unknown)
    const none = await ask()
    expect(none).toEqual({ ...unknown, headers: { ...unknown.headers, 'www-authenticate': 'Bearer' } })
  })

  test('shows no token, in no header, text or line of the log', async () => {
    const { come, lines } = await door({ access })
    const answers = [await come(OTHER), await come(TOKEN, '/metrics'), await come('smcp_nobody')]
    const seen = JSON.stringify([answers, lines])
    for (const token of [TOKEN, OTHER, 'smcp_nobody'])
      for (const text of [token, hash(token)]) expect(seen).not.toContain(text)
  })

  test('a header of a megabyte does not reach the gate', async () => {
    const { come } = await door({ access })
    expect((await come('a'.repeat(2 ** 20))).status).toBe(431)
    expect((await come(TOKEN)).status).toBe(200)
  })
})

describe('a change of the access file applies with the next request', () => {
  test('a token that is taken out, and one that is put in', async () => {
    const { come, write } = await door({ access: { tokens: [entry(TOKEN)] } })
    expect([(await come(TOKEN)).status, (await come(OTHER)).status]).toEqual([200, 401])
    write({ tokens: [entry(OTHER)] })
    expect([(await come(TOKEN)).status, (await come(OTHER)).status]).toEqual([401, 200])
  })

  test('while it cannot be understood nobody gets in, and the log says so once', async () => {
    const { ask, come, write, open, file, lines } = await door({ access: { tokens: [entry(TOKEN)] } })
    const errors = () => lines.filter((line) => line.includes('"level":"error"')).length
    const breaks = [
      () => write('{'),
      () => write({ tokens: [] }),
      () => write({ tokens: [entry(TOKEN, { scope: [] })] }),
      () => {
        write({ tokens: [entry(TOKEN)] })
        open()
      },
      () => rmSync(file),
    ]
    for (const [index, spoil] of breaks.entries()) {
      spoil()
      const refused = await come(TOKEN)
      expect(refused).toMatchObject({ status: 503, said: { retryable: true, retry_after_ms: 5000 } })
      expect(refused.headers['retry-after']).toBe('5')
      expect(refused.text).not.toContain(file)
      expect((await ask()).status).toBe(503)
      expect(errors()).toBe(index + 1)
    }
    write({ tokens: [entry(TOKEN)] })
    expect((await come(TOKEN)).status).toBe(200)
    expect(lines.at(-1)).toContain('in order again')
  })
})

test('without an issuer there are no addresses to learn one from', async () => {
  const { ask, gate } = await door({ access: { tokens: [entry(TOKEN)] } })
  for (const path of ['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp'])
    expect((await ask(path, { method: 'GET' })).status).toBe(404)
  expect(gate.metadataUrl).toBeUndefined()
})
