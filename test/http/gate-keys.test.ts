import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JWK } from 'jose'
import { describe, expect, test, vi } from 'vitest'
import { temporaryDirectory } from '../snapshots/world.ts'
import {
  elliptic,
  foreign,
  guarded,
  issuer,
  jwk,
  NOW,
  pair,
  SILENT,
  second,
  signed,
  stranger,
} from './gate-issuer.ts'

describe('nobody is asked for keys but the issuer of the access file', () => {
  test('no address in a token is called, and a token of another issuer calls nobody at all', async () => {
    const { come, state } = await guarded()
    const evil = await issuer()
    const lure = { jku: evil.jwks, x5u: `${evil.url}/x5u`, x5c: ['MIIB'], jwk: foreign }
    for (const token of [
      await signed({ iss: evil.url }, { key: stranger.privateKey }),
      await signed({ iss: evil.url }, { header: lure, key: stranger.privateKey }),
      await signed({}, { header: { crit: ['b64'], b64: true } }),
      'a.b.c',
      '..',
    ])
      expect((await come(token)).status).toBe(401)
    expect([state.asked, evil.state.asked]).toEqual([[], []])
    expect((await come(await signed({}, { header: lure, key: stranger.privateKey }))).status).toBe(401)
    expect((await come(await signed({}, { header: lure }))).status).toBe(200)
    expect([state.asked, evil.state.asked]).toEqual([['/jwks'], []])
  })

  test('the issuer is asked once for many, and made-up key ids do not send requests', async () => {
    const { come, state } = await guarded()
    const token = await signed()
    const all = await Promise.all(Array.from({ length: 20 }, () => come(token)))
    expect(all.every(({ status }) => status === 200)).toBe(true)
    for (let n = 0; n < 5; n++)
      expect((await come(await signed({}, { header: { kid: `made-up-${n}` } }))).status).toBe(401)
    expect(state.asked).toEqual(['/jwks'])
  })

  test('a redirect is not followed', async () => {
    const { come, state } = await guarded()
    state.status = 302
    expect((await come(await signed())).status).toBe(503)
    expect(state.asked).toEqual(['/jwks'])
  })
})

describe('keys of the issuer change', () => {
  const next = () => signed({}, { header: { kid: 'two' }, key: second.privateKey })

  test('a new one is found with the first token that names it, after a pause', async () => {
    const { come, state, time } = await guarded()
    expect((await come(await signed())).status).toBe(200)
    state.keys = [await jwk(pair, 'one'), await jwk(second, 'two')]
    expect((await come(await next())).status).toBe(401)
    time.now += 30_000
    expect((await come(await next())).status).toBe(200)
    expect(state.asked).toHaveLength(2)
  })

  test('one that is withdrawn is dropped within ten minutes', async () => {
    const { come, state, time } = await guarded()
    const token = await signed({ exp: NOW + 7200 })
    expect((await come(token)).status).toBe(200)
    state.keys = [await jwk(second, 'two')]
    expect((await come(token)).status).toBe(200)
    time.now += 10 * 60_000
    expect((await come(token)).status).toBe(401)
  })

  test('a change of the access file does not forget them, another place for them does', async () => {
    const { come, write, access, state } = await guarded()
    expect((await come(await signed())).status).toBe(200)
    write({ ...access, tokens: [] })
    expect((await come(await signed())).status).toBe(200)
    expect(state.asked).toHaveLength(1)
    const other = await issuer()
    other.state.keys = [await jwk(stranger, 'one')]
    write({ ...access, oauth: { ...access.oauth, jwks: other.jwks } })
    expect((await come(await signed())).status).toBe(401)
    expect((await come(await signed({}, { key: stranger.privateKey }))).status).toBe(200)
  })
})

describe('while the issuer is down', () => {
  test('nobody can be told apart before its keys are known, and it is not asked with every request', async () => {
    const { come, state, time, lines } = await guarded()
    state.status = 500
    const token = await signed()
    for (let n = 0; n < 3; n++) {
      const refused = await come(token)
      expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5'])
    }
    expect(state.asked).toHaveLength(1)
    expect(lines.filter((line) => line.includes('"level":"warn"'))).toHaveLength(1)
    state.status = 200
    time.now += 5_000
    expect((await come(token)).status).toBe(200)
  })

  test('what it answers must be keys', async () => {
    const { come, state } = await guarded()
    state.keys = 'none'
    expect((await come(await signed())).status).toBe(503)
    const broken = await guarded()
    broken.state.keys = [{ ...(await jwk(pair, 'one')), n: 'AQAB' }]
    expect((await broken.come(await signed())).status).toBe(503)
  })

  test('the keys that are known are good for an hour', async () => {
    const { come, state, time } = await guarded()
    const token = await signed({ exp: NOW + 7200 })
    expect((await come(token)).status).toBe(200)
    state.status = 500
    time.now += 59 * 60_000
    expect((await come(token)).status).toBe(200)
    expect((await come(await signed({ exp: NOW + 7200 }, { header: { kid: 'two' } }))).status).toBe(503)
    time.now += 60_000
    expect((await come(token)).status).toBe(503)
  })

  test('nobody waits for one that hangs whose key is known', async () => {
    const { come, state, time } = await guarded()
    const token = await signed({ exp: NOW + 7200 })
    expect((await come(token)).status).toBe(200)
    state.status = 500
    time.now += 10 * 60_000
    expect((await come(token)).status).toBe(200)
    state.status = SILENT
    time.now += 5_000
    expect((await come(token)).status).toBe(200)
    await vi.waitFor(() => expect(state.waiting).toBe(1))
    expect((await come(token)).status).toBe(200)
    expect([state.waiting, state.asked.length]).toEqual([1, 3])
  })

  test('tokens of the file are taken as ever', async () => {
    const { come, state } = await guarded({
      tokens: [
        {
          sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
          principal: 'bob',
          scopes: [],
        },
      ],
    })
    state.status = 500
    expect((await come('abc')).status).toBe(200)
  })
})

describe('keys in a file', () => {
  test('are read again when it has changed, and nobody gets in without it', async () => {
    const path = join(temporaryDirectory(), 'keys.json')
    const write = async (...keys: JWK[]) => writeFileSync(path, JSON.stringify({ keys }))
    await write(await jwk(pair, 'one'))
    const { come, lines } = await guarded({ oauth: { jwks: `file:${path}` } })
    expect((await come(await signed())).status).toBe(200)
    await write(await jwk(second, 'two'), await jwk(elliptic, 'three'))
    expect((await come(await signed())).status).toBe(401)
    expect((await come(await signed({}, { header: { kid: 'two' }, key: second.privateKey }))).status).toBe(
      200,
    )
    const short = await signed({}, { header: { alg: 'ES256', kid: 'three' }, key: elliptic.privateKey })
    expect((await come(short)).status).toBe(200)
    for (const spoil of [() => writeFileSync(path, '{'), () => rmSync(path)]) {
      spoil()
      const logged = lines.length
      expect([(await come(short)).status, (await come(short)).status]).toEqual([503, 503])
      expect(lines).toHaveLength(logged + 1)
    }
    await write(await jwk(pair, 'one'))
    chmodSync(path, 0o666)
    expect((await come(await signed())).status).toBe(503)
  })
})
