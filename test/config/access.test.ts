import { chmodSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { liveAccess, readAccess } from '../../src/config/access.ts'
import { SnapshotError } from '../../src/snapshots/errors.ts'
import { temporaryDirectory } from '../snapshots/world.ts'

const HASH = 'a'.repeat(64)
const OTHER = 'b'.repeat(64)
const TOKEN = { sha256: HASH, principal: 'ann', scopes: ['snapshots:read'] }
const OAUTH = { issuer: 'https://login.example.org/', jwks: 'https://login.example.org/jwks' }

function file(content: unknown) {
  const path = join(temporaryDirectory(), 'access.json')
  const write = (next: unknown) => writeFileSync(path, typeof next === 'string' ? next : JSON.stringify(next))
  write(content)
  chmodSync(path, 0o600)
  return { path, write }
}

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(SnapshotError)
    expect((error as SnapshotError).code).toBe('INVALID_ARGUMENT')
    return (error as SnapshotError).message
  }
  throw new Error('It was accepted')
}

describe('an access file', () => {
  test('may hold everything that it knows', () => {
    const tenants = {
      acme: {
        roots: ['/srv/acme'],
        providers: ['local', 'morph'],
        credentials: { MORPH_API_KEY: 'file:/run/keys/acme', MORPH_BASE_URL: 'env:ACME_MORPH' },
        policy: '/etc/acme.json',
        max_store: '20GB',
      },
    }
    const token = {
      ...TOKEN,
      tenant: 'acme',
      for: ['mcp'],
      providers: ['local'],
      roots: ['/srv/acme/a'],
      expires_at: '2027-01-01T00:00:00+01:00',
    }
    const oauth = { ...OAUTH, audience: 'x', algorithms: ['ES256'], for: ['mcp'], tenant: 'acme' }
    expect(readAccess(file({ tenants, tokens: [token], oauth }).path)).toEqual({
      tenants: { acme: { ...tenants.acme, max_store: 20e9 } },
      tokens: [token],
      oauth,
    })
  })

  test('may hold little', () => {
    expect(readAccess(file({ tokens: [TOKEN] }).path)).toEqual({
      tenants: {},
      tokens: [{ ...TOKEN, for: ['mcp'] }],
    })
    expect(readAccess(file({ oauth: OAUTH }).path).oauth).toEqual({
      ...OAUTH,
      algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      for: ['mcp'],
    })
  })

  test('lets two tokens be the same principal', () => {
    const tokens = [TOKEN, { ...TOKEN, sha256: OTHER, for: ['approve'] }]
    expect(readAccess(file({ tokens }).path).tokens).toHaveLength(2)
  })

  test.each([
    [{}, 'nobody could call'],
    [{ tokens: [] }, 'nobody could call'],
    [{ tokens: [TOKEN], token: [] }, 'token'],
    [{ tokens: [{ ...TOKEN, sha256: HASH.toUpperCase() }] }, '64 hexadecimal digits'],
    [{ tokens: [TOKEN, TOKEN] }, 'a hash is there twice'],
    [{ tokens: [{ ...TOKEN, principal: 'ann smith' }] }, 'must be a name'],
    [{ tokens: [{ ...TOKEN, scopes: ['snapshots:*'] }] }, 'scopes'],
    [{ tokens: [{ sha256: HASH, principal: 'ann' }] }, 'scopes'],
    [{ tokens: [{ ...TOKEN, for: [] }] }, 'for'],
    [{ tokens: [{ ...TOKEN, for: ['purge'] }] }, 'for'],
    [{ tokens: [{ ...TOKEN, expires_at: 'tomorrow' }] }, 'expires_at'],
    [{ tokens: [{ ...TOKEN, tenant: 'acme' }] }, 'there is no tenant "acme"'],
    [{ tokens: [{ ...TOKEN, tenant: 'constructor' }] }, 'there is no tenant "constructor"'],
    [{ tokens: [{ ...TOKEN, providers: ['floppy'] }] }, '"floppy"'],
    [{ tokens: [TOKEN], tenants: { acme: { providers: ['floppy'] } } }, '"floppy"'],
    [{ tokens: [TOKEN], tenants: { acme: { providers: [] } } }, 'providers'],
    [{ tokens: [TOKEN], tenants: { acme: { root: ['/srv'] } } }, 'root'],
    [{ tokens: [TOKEN], tenants: { Acme: {} } }, 'Acme: must be tenants by short lower-case names'],
    [{ tokens: [TOKEN], tenants: { '../acme': {} } }, 'short lower-case names'],
    [{ tokens: [TOKEN], tenants: { acme: { credentials: { PATH: 'env:X' } } } }, 'PATH: must be a variable'],
    [{ oauth: { ...OAUTH, issuer: 'login' } }, 'issuer'],
    [{ oauth: { ...OAUTH, issuer: 'ftp://login.example.org' } }, 'issuer'],
    [{ oauth: { ...OAUTH, jwks: 'http://login.example.org/jwks' } }, 'https://'],
    [{ oauth: { ...OAUTH, jwks: 'http://localhost.example.org/jwks' } }, 'https://'],
    [{ oauth: { ...OAUTH, jwks: 'keys.json' } }, 'file:/path'],
    [{ oauth: { ...OAUTH, algorithms: ['HS256'] } }, 'algorithms'],
    [{ oauth: { ...OAUTH, algorithms: ['none'] } }, 'algorithms'],
    [{ oauth: { ...OAUTH, algorithms: [] } }, 'algorithms'],
    [{ oauth: { ...OAUTH, tenant: 'acme' } }, 'there is no tenant "acme"'],
    [{ oauth: { ...OAUTH, tenant: 'a', tenant_claim: 'org' }, tenants: { a: {} } }, 'contradict each other'],
  ])('with a mistake in it stops the start: %j', (content, words) => {
    expect(refusal(() => readAccess(file(content).path))).toContain(words)
  })

  test('does not repeat a key that somebody put where only its place belongs', () => {
    const key = 'mk_live_0123456789'
    const { path } = file({ tokens: [TOKEN], tenants: { acme: { credentials: { MORPH_API_KEY: key } } } })
    const message = refusal(() => readAccess(path))
    expect(message).toContain('MORPH_API_KEY: must be file:/path/to/it or env:VARIABLE')
    expect(message).not.toContain(key)
  })

  test('cannot have a tenant by the name of what every object has', () => {
    const tenants = '{"__proto__": {"roots": ["/"]}, "constructor": {"roots": ["/srv"]}}'
    const { path } = file(`{"tokens": [${JSON.stringify(TOKEN)}], "tenants": ${tenants}}`)
    expect(Object.entries(readAccess(path).tenants)).toEqual([['constructor', { roots: ['/srv'] }]])
    const { path: other } = file({ tokens: [{ ...TOKEN, tenant: '__proto__' }] })
    expect(refusal(() => readAccess(other))).toContain('short lower-case name')
  })

  test.skipIf(process.platform === 'win32')('is refused when others can write to it', () => {
    const { path } = file({ tokens: [TOKEN] })
    for (const mode of [0o620, 0o602]) {
      chmodSync(path, mode)
      expect(refusal(() => readAccess(path))).toContain('can be written by other users')
    }
    chmodSync(path, 0o644)
    expect(readAccess(path).tokens).toHaveLength(1)
  })
})

describe('while the server runs', () => {
  test('the file is read when it has changed, and else not', () => {
    const { path, write } = file({ tokens: [TOKEN] })
    const access = liveAccess(path)
    const first = access()
    expect(access()).toBe(first)
    write({ tokens: [{ ...TOKEN, sha256: OTHER }] })
    utimesSync(path, 0, 0)
    expect(access().tokens[0]?.sha256).toBe(OTHER)
    expect(access()).toBe(access())
  })

  test('a change counts only when it passes the check, and is looked at again until it does', () => {
    const { path, write } = file({ tokens: [TOKEN] })
    let now = 0
    let isFine = true
    let looks = 0
    const check = () => {
      looks++
      if (!isFine) throw new Error('two tenants have the same root')
    }
    const access = liveAccess(path, check, () => now)
    access()
    isFine = false
    expect(access().tokens).toHaveLength(1)
    write({ tokens: [TOKEN, { ...TOKEN, sha256: OTHER }] })
    looks = 0
    for (let request = 0; request < 100; request++) expect(access).toThrow('the same root')
    expect(looks).toBe(1)
    // What was wrong may lie elsewhere, and be put right while the file stays as it is.
    isFine = true
    now += 999
    expect(access).toThrow('the same root')
    now += 1
    expect(access().tokens).toHaveLength(2)
    expect(looks).toBe(2)
  })

  test('a file that is broken is read once, and again as soon as it is another', () => {
    const { path, write } = file({ tokens: [TOKEN] })
    const access = liveAccess(path, undefined, () => 0)
    access()
    write('{ broken')
    const failures = [1, 2, 3].map(() => {
      try {
        return access()
      } catch (error) {
        return error
      }
    })
    expect(failures[0]).toBeInstanceOf(SnapshotError)
    expect(new Set(failures).size).toBe(1)
    write({ tokens: [TOKEN, { ...TOKEN, sha256: OTHER }] })
    expect(access().tokens).toHaveLength(2)
  })
})
