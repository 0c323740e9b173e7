import { describe, expect, test } from 'vitest'
import {
  AUDIENCE,
  foreign,
  guarded,
  ISSUER,
  issuer,
  jwk,
  longer,
  NOW,
  PUBLIC,
  pair,
  second,
  signed,
  spki,
  stranger,
} from './gate-issuer.ts'
import { door } from './gate-world.ts'

describe('a token of the issuer', () => {
  test('is its subject, with those of its scopes that mean something here', async () => {
    const { come } = await guarded()
    for (const scopes of [
      { scope: 'openid snapshots:read snapshots:delete snapshots:* admin' },
      { scope: undefined, scp: ['snapshots:delete', 'snapshots:read', 7] },
      { scope: undefined, scp: 'snapshots:read snapshots:delete' },
    ]) {
      const { status, said } = await come(await signed(scopes))
      expect([status, said]).toEqual([
        200,
        {
          principal: `oauth:${ISSUER}|ann`,
          place: {},
          scopes: ['snapshots:read', 'snapshots:delete'],
          uses: ['mcp'],
        },
      ])
    }
  })

  test('without a scope gets in: the tools say what it lacks', async () => {
    const { come } = await guarded()
    for (const scopes of [{ scope: undefined }, { scope: 7 }, { scope: undefined, scp: { a: 1 } }])
      expect(await come(await signed(scopes))).toMatchObject({ status: 200, said: { scopes: [] } })
  })

  test('may be meant for others too, be typed as an access token, and be off by half a minute', async () => {
    const { come } = await guarded()
    for (const token of [
      await signed({ aud: ['https://other.example.org', AUDIENCE] }),
      await signed({}, { header: { typ: 'at+jwt' } }),
      await signed({}, { header: { typ: 'JWT' } }),
      await signed({}, { header: { typ: 'application/AT+JWT' } }),
      await signed({ exp: NOW - 29 }),
      await signed({ nbf: NOW + 29 }),
    ])
      expect((await come(token)).status).toBe(200)
  })

  test('opens only the doors that the file says', async () => {
    const token = await signed()
    const strict = await guarded()
    expect((await strict.come(token)).status).toBe(200)
    expect((await strict.come(token, '/approve')).status).toBe(403)
    const { come } = await guarded({ oauth: { for: ['approve'] } })
    expect((await come(token)).status).toBe(403)
    expect((await come(token, '/approve')).status).toBe(200)
  })

  test('belongs to the tenant that the file says', async () => {
    const tenants = { acme: {}, constructor: {} }
    const fixed = await guarded({ tenants, oauth: { tenant: 'acme' } })
    expect((await fixed.come(await signed({ org: 'constructor' }))).said.place).toEqual({ tenant: 'acme' })
    const { come } = await guarded({ tenants, oauth: { tenant_claim: 'org' } })
    for (const org of ['acme', 'constructor'])
      expect((await come(await signed({ org }))).said.place).toEqual({ tenant: org })
    for (const org of [undefined, 'other', '', 7, ['acme'], '__proto__', 'toString'])
      expect(await come(await signed({ org }))).toMatchObject({ status: 403, said: { code: 'FORBIDDEN' } })
  })

  test('and one of the file work beside each other', async () => {
    const { come } = await guarded({
      tokens: [{ sha256: '0'.repeat(64), principal: 'bob', scopes: [] }],
    })
    expect((await come(await signed())).status).toBe(200)
    expect((await come('bob')).status).toBe(401)
  })
})

describe('refused like a token that nobody knows', () => {
  const unsigned = `${[{ alg: 'none' }, { iss: ISSUER, aud: AUDIENCE, sub: 'ann', exp: NOW + 300 }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')}.`

  const cases: [string, string | Promise<string>][] = [
    ['for another server', signed({ aud: 'https://other.example.org/mcp' })],
    ['for our origin, but not for us', signed({ aud: PUBLIC })],
    ['for nobody', signed({ aud: undefined })],
    ['by another issuer', signed({ iss: 'https://evil.example.org/' })],
    ['by the issuer without its slash', signed({ iss: ISSUER.slice(0, -1) })],
    ['by no issuer', signed({ iss: undefined })],
    ['expired', signed({ exp: NOW - 31 })],
    ['without an end', signed({ exp: undefined })],
    ['with an end that is no number', signed({ exp: `${NOW + 300}` })],
    ['not valid yet', signed({ nbf: NOW + 31 })],
    ['without a subject', signed({ sub: undefined })],
    ['with an empty subject', signed({ sub: '' })],
    ['with a subject that acts on a terminal', signed({ sub: 'ann\u001b[2J' })],
    ['with a subject that is too long', signed({ sub: 'a'.repeat(256) })],
    ['with a subject that is no text', signed({ sub: 7 })],
    ['signed by another key', signed({}, { key: stranger.privateKey })],
    ['with a key id that nobody has', signed({}, { header: { kid: 'two' } })],
    ['with an algorithm that is not allowed', signed({}, { header: { alg: 'RS384' }, key: longer })],
    ['of another kind', signed({}, { header: { typ: 'logout+jwt' } })],
    ['with something critical', signed({}, { header: { crit: ['b64'], b64: true } })],
    ['unsigned', unsigned],
    ['signed with the public key as a secret', signed({}, { header: { alg: 'HS256' }, key: spki })],
    [
      'that brings its own key',
      signed({}, { header: { jwk: foreign, kid: undefined }, key: stranger.privateKey }),
    ],
    ['cut short', signed().then((token) => token.slice(0, -8))],
    ['with five parts', signed().then((token) => `${token}.a.b`)],
  ]
  test.each(cases)('%s', async (_title, making) => {
    const { come, lines } = await guarded()
    const token = await making
    const unknown = await come('smcp_nobody')
    expect(unknown.status).toBe(401)
    expect(await come(token)).toEqual(unknown)
    expect(lines.join()).not.toContain(token.split('.')[2] || token)
    expect((await come(await signed())).status).toBe(200)
  })

  test('that names no key of an issuer with several', async () => {
    const { come, state } = await guarded()
    state.keys = [await jwk(pair, 'one'), await jwk(second, 'two')]
    expect((await come(await signed({}, { header: { kid: undefined } }))).status).toBe(401)
    expect((await come(await signed({}, { header: { kid: 'two' }, key: second.privateKey }))).status).toBe(
      200,
    )
  })

  test('by a challenge that says where to get one, for which scopes', async () => {
    const { ask, come, gate } = await guarded()
    const challenge =
      'scope="snapshots:read snapshots:create snapshots:restore snapshots:delete", resource_metadata="https://snapshots.example.org/.well-known/oauth-protected-resource/mcp"'
    expect((await ask()).headers['www-authenticate']).toBe(`Bearer ${challenge}`)
    expect((await come('x')).headers['www-authenticate']).toBe(`Bearer error="invalid_token", ${challenge}`)
    expect(gate.metadataUrl).toBe(`${PUBLIC}/.well-known/oauth-protected-resource/mcp`)
  })
})

describe('where clients learn who gives out tokens', () => {
  const document = {
    resource: AUDIENCE,
    authorization_servers: [ISSUER],
    scopes_supported: ['snapshots:read', 'snapshots:create', 'snapshots:restore', 'snapshots:delete'],
    bearer_methods_supported: ['header'],
    resource_name: 'snapshot-mcp',
  }
  const base = '/.well-known/oauth-protected-resource'

  test.each([base, `${base}/mcp`])('%s', async (path) => {
    const { ask } = await guarded()
    const got = await ask(path, { method: 'GET' })
    expect([got.status, got.said]).toEqual([200, document])
    expect(got.headers).toMatchObject({
      'content-type': 'application/json',
      'access-control-allow-origin': '*',
    })
    expect(await ask(path, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
    expect(await ask(path, { method: 'OPTIONS' })).toMatchObject({
      status: 204,
      headers: { 'access-control-allow-origin': '*', 'access-control-allow-methods': 'GET, HEAD, OPTIONS' },
    })
    expect(await ask(path, { method: 'POST' })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD, OPTIONS' },
    })
  })

  test('nothing else is there', async () => {
    const { ask } = await guarded()
    for (const path of [
      `${base}/`,
      `${base}/mcp/x`,
      '/.well-known/oauth-authorization-server',
      '/.well-known/openid-configuration',
    ])
      expect((await ask(path, { method: 'GET' })).status).toBe(404)
  })

  test('a server without a public address names the one that it was reached by', async () => {
    const { jwks } = await issuer()
    const access = { oauth: { issuer: ISSUER, jwks, audience: 'api://snapshots' } }
    const free = await door({ access, listening: { host: '127.0.0.1', port: 0 } })
    expect((await free.ask(base, { method: 'GET', headers: { host: 'localhost:4711' } })).said.resource).toBe(
      'http://localhost:4711/mcp',
    )
    expect(free.gate.metadataUrl).toBeUndefined()
    expect((await free.come(await signed({ aud: 'api://snapshots' }))).status).toBe(200)
    const fixed = await door({ access, listening: { host: '::1', port: 8484 } })
    expect(fixed.gate.metadataUrl).toBe('http://[::1]:8484/.well-known/oauth-protected-resource/mcp')
  })
})

test('a server that does not know what tokens for it are called does not start', async () => {
  const { jwks } = await issuer()
  await expect(door({ access: { oauth: { issuer: ISSUER, jwks } } })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    problem: { hint: expect.stringMatching(/--public-url.*oauth\.audience/) },
  })
})
