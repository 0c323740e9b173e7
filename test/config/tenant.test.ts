import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { AccessFile } from '../../src/config/access.ts'
import { checkTenants, configFor, configOfTenant, type Place } from '../../src/config/tenant.ts'
import { loadConfig } from '../../src/config.ts'
import { SnapshotError } from '../../src/snapshots/errors.ts'
import { temporaryDirectory } from '../snapshots/world.ts'

const HASH = 'a'.repeat(64)
const KEY = 'mk_0123456789abcdef'

/** A machine with directories for everybody, and a server that was set up with one of its own. */
function machine(flags: Record<string, unknown> = {}, env: Record<string, string> = {}) {
  const base = realpathSync(temporaryDirectory())
  const at = (path: string) => join(base, path)
  for (const path of ['ann', 'own/deep', 'acme/deep/down', 'beta', 'acme-2', 'keys'])
    mkdirSync(at(path), { recursive: true })
  const write = (path: string, content: unknown) => {
    writeFileSync(at(path), typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 })
    return at(path)
  }
  const around = { env, cwd: at('own'), userHome: at('ann') }
  const config = loadConfig({ root: [at('own')], home: at('home'), ...flags }, around)

  /** With a token of the first tenant, unless others are named. */
  const read = (tenants: Record<string, object>, more: object = {}) =>
    AccessFile.parse({
      tenants,
      tokens: [{ sha256: HASH, principal: 'ann', tenant: Object.keys(tenants)[0], scopes: [] }],
      ...more,
    })
  return {
    base,
    at,
    write,
    config,
    read,
    check: (...args: Parameters<typeof read>) => checkTenants(config, read(...args), around),
    forPlace: (tenants: Record<string, object>, place: Place) =>
      configFor(config, read(tenants), place, around),
    around,
  }
}

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(SnapshotError)
    const { code, message, hint } = (error as SnapshotError).problem
    expect([code, hint === '']).toEqual(['INVALID_ARGUMENT', false])
    expect(JSON.stringify([message, hint])).not.toContain(KEY)
    return message
  }
  throw new Error('It was accepted')
}

describe('a tenant', () => {
  test('has a home, roots and accounts of its own, and shares the place of the state', () => {
    const { at, config, forPlace, write } = machine({}, { MORPH_API_KEY: 'of-the-server' })
    const credentials = { MORPH_API_KEY: `file:${write('keys/acme', `${KEY}\n`)}` }
    const acme = forPlace({ acme: { roots: [at('acme')], credentials } }, { tenant: 'acme' })
    expect(acme).toMatchObject({
      tenant: 'acme',
      home: at('home/tenants/acme'),
      baseHome: at('home'),
      stateDirectory: at('home/state'),
      roots: [at('acme')],
      providers: ['local', 'morph'],
    })
    expect(acme.accounts.morph?.key.reveal()).toBe(KEY)
    expect(config.accounts.morph?.key.reveal()).toBe('of-the-server')
    expect(JSON.stringify(acme)).not.toContain(KEY)
  })

  test('without roots or credentials has none of those of the server', () => {
    const { at, forPlace, write } = machine({}, { MORPH_API_KEY: 'of-the-server' })
    const cloud = { MORPH_API_KEY: `file:${write('keys/acme', KEY)}` }
    expect(forPlace({ acme: { credentials: cloud } }, { tenant: 'acme' })).toMatchObject({
      roots: [],
      rootsProblem: 'The tenant has no directories.',
      providers: ['morph'],
    })
    const local = forPlace({ acme: { roots: [at('acme')] } }, { tenant: 'acme' })
    expect([local.providers, local.accounts]).toEqual([['local'], {}])
  })

  test('takes a key from a variable, too', () => {
    const { forPlace } = machine({}, { ACME_KEY: ` ${KEY} ` })
    const acme = { credentials: { DIGITALOCEAN_TOKEN: 'env:ACME_KEY' } }
    expect(forPlace({ acme }, { tenant: 'acme' }).accounts.digitalocean?.key.reveal()).toBe(KEY)
  })

  test('has the limits of its own policy, and those of the server where it says nothing', () => {
    const { at, forPlace, write } = machine({ 'max-store': '9GB', 'max-source': '5GB' })
    const policy = write('acme.json', { quotas: { store_bytes: '3GB', source_bytes: '2GB' }, min_keep: 4 })
    const limits = (more: object) => {
      const { maxStoreBytes, maxSourceBytes } = forPlace(
        { acme: { roots: [at('acme')], ...more } },
        { tenant: 'acme' },
      )
      return [maxStoreBytes, maxSourceBytes]
    }
    expect(limits({})).toEqual([9e9, 5e9])
    expect(limits({ max_store: '20GB' })).toEqual([20e9, 5e9])
    expect(limits({ policy })).toEqual([3e9, 2e9])
    expect(limits({ policy, max_store: '1GB' })).toEqual([1e9, 2e9])
    const acme = forPlace({ acme: { roots: [at('acme')], policy } }, { tenant: 'acme' })
    expect([acme.policyFile, acme.policy.min_keep]).toEqual([policy, 4])
  })

  test('that is not there is nobody, whatever its name', () => {
    const { at, forPlace } = machine()
    for (const tenant of ['beta', '', '__proto__', 'constructor', 'toString'])
      expect(refusal(() => forPlace({ acme: { roots: [at('acme')] } }, { tenant }))).toContain(
        'There is no tenant',
      )
    const named = forPlace({ constructor: { roots: [at('acme')] } }, { tenant: 'constructor' })
    expect(named).toMatchObject({ home: at('home/tenants/constructor'), roots: [at('acme')] })
  })
})

describe('a start is refused when a tenant', () => {
  test('has a directory that cannot be one', () => {
    const { at, check } = machine()
    for (const root of ['/', at(''), at('nowhere'), at('home'), at('ann')])
      expect(refusal(() => check({ acme: { roots: [root] } }))).toMatch(
        /^tenant acme: The root .* (refused|exist)/,
      )
  })

  test('could do nothing', () => {
    expect(refusal(() => machine().check({ acme: {} }))).toContain('tenant acme: It has neither')
  })

  test('lacks a key, or has an empty one, or one that is none', () => {
    const { check, write } = machine({}, { EMPTY: ' ', MORPH_API_KEY: 'of-the-server' })
    const of = (source: string) => refusal(() => check({ acme: { credentials: { MORPH_API_KEY: source } } }))
    for (const source of ['file:/nowhere', 'env:NOT_SET', 'env:EMPTY', `file:${write('keys/none', '\n')}`])
      expect(of(source)).toBe(`tenant acme: MORPH_API_KEY: there is nothing at ${source}.`)
    expect(of(`file:${write('keys/two', `${KEY} ${KEY}`)}`)).toContain('tenant acme: MORPH_API_KEY: The key')
    expect(refusal(() => check({ acme: { providers: ['morph'] } }))).toContain(
      'no key for its provider morph',
    )
  })

  test('has an address that would show its key', () => {
    const { check, write } = machine({}, { PLACE: 'http://morph.example.org/api' })
    const credentials = { MORPH_API_KEY: `file:${write('keys/acme', KEY)}`, MORPH_BASE_URL: 'env:PLACE' }
    expect(refusal(() => check({ acme: { credentials } }))).toContain('MORPH_BASE_URL: Over plain http')
  })

  test('has a policy that cannot be read, or directories that it does not allow', () => {
    const { at, check, write } = machine()
    const roots = [at('acme')]
    expect(refusal(() => check({ acme: { roots, policy: '/nowhere.json' } }))).toContain(
      'tenant acme: The policy',
    )
    const policy = write('p.json', { roots: [at('beta')] })
    expect(refusal(() => check({ acme: { roots, policy } }))).toContain('the policy of the operator')
  })
})

describe('two tenants never reach the same directory', () => {
  const none = { tokens: [{ sha256: HASH, principal: 'x', tenant: 'acme', scopes: [] }] }

  test.each([
    ['the same', 'acme', 'acme'],
    ['one below', 'acme', 'acme/deep'],
    ['one above', 'acme/deep/down', 'acme'],
    ['a link to it', 'acme', 'link'],
    ['a link to one below', 'acme', 'low-link'],
  ])('%s', (_title, one, other) => {
    const { at, check } = machine()
    symlinkSync(at('acme'), at('link'))
    symlinkSync(at('acme/deep'), at('low-link'))
    const message = refusal(() =>
      check({ acme: { roots: [at(one)] }, beta: { roots: [at('beta'), at(other)] } }),
    )
    expect(message).toContain('of tenant beta overlaps')
    expect(message).toContain('of tenant acme')
  })

  test('one that only begins with the same name is another', () => {
    const { at, check } = machine()
    check({ acme: { roots: [at('acme')] }, beta: { roots: [at('acme-2'), at('beta')] } })
  })

  test('nor one of the server itself, when somebody can come without a tenant', () => {
    const { at, check } = machine()
    const tenants = { acme: { roots: [at('own/deep')] } }
    const oauth = { issuer: 'https://login.example.org', jwks: 'https://login.example.org/jwks' }
    const anybody = { sha256: 'b'.repeat(64), principal: 'x', scopes: [] }
    check(tenants, none)
    check(tenants, { ...none, oauth: { ...oauth, tenant: 'acme' } })
    check(tenants, { ...none, oauth: { ...oauth, tenant_claim: 'org' } })
    for (const open of [{ tokens: [...none.tokens, anybody] }, { ...none, oauth }])
      expect(refusal(() => check(tenants, open))).toContain('of the server itself')
  })
})

describe('no root reaches a file that keeps tenants apart', () => {
  test('neither an own one nor that of another tenant', () => {
    const { at, check, write } = machine()
    const inside = write('acme/deep/key', KEY)
    const policy = write('acme/p.json', {})
    symlinkSync(at('acme/deep'), at('keys/link'))
    const acme = { roots: [at('acme')] }
    const beta = { roots: [at('beta')] }
    const of = (source: string) => ({ credentials: { MORPH_API_KEY: source } })
    const words = 'it can be changed from inside the root'
    for (const source of [`file:${inside}`, `file:${at('keys/link/key')}`]) {
      expect(refusal(() => check({ acme: { ...acme, ...of(source) } }))).toContain(words)
      expect(refusal(() => check({ acme, beta: { ...beta, ...of(source) } }))).toContain(words)
    }
    expect(refusal(() => check({ acme: { ...acme, policy } }))).toContain(words)
    expect(refusal(() => check({ acme, beta: { ...beta, policy } }))).toContain('policy file of tenant beta')
  })

  test('nor the keys of the issuer', () => {
    const { at, check, write } = machine()
    const oauth = {
      issuer: 'https://login.example.org',
      jwks: `file:${write('acme/keys.json', {})}`,
      tenant: 'acme',
    }
    expect(refusal(() => check({ acme: { roots: [at('acme')] } }, { oauth }))).toContain(
      'of the OAuth issuer',
    )
  })

  test('nor those of the server', () => {
    const probe = machine()
    const inside = (name: string, content: unknown) => probe.write(`acme/${name}`, content)
    const tenants = { acme: { roots: [probe.at('acme')] } }
    const files: [object, string][] = [
      [{ access: inside('access.json', {}) }, 'access file'],
      [{ config: inside('config.json', {}) }, 'configuration file'],
      [{ policy: inside('policy.json', {}) }, 'policy file'],
      [{ encrypt: `file:${inside('key', KEY)}` }, 'key file'],
      [{ encrypt: `command:${inside('key.sh', '')} --print` }, 'key command'],
    ]
    for (const [flags, what] of files) {
      const config = loadConfig({ root: [probe.at('own')], home: probe.at('home'), ...flags }, probe.around)
      const message = refusal(() => checkTenants(config, probe.read(tenants), probe.around))
      expect(message).toContain(`The ${what}`)
    }
  })

  test('nor can somebody without a tenant reach what belongs to one', () => {
    const { check, write, at } = machine()
    const credentials = { MORPH_API_KEY: `file:${write('own/key', KEY)}` }
    const tenants = { acme: { roots: [at('acme')], credentials } }
    check(tenants)
    const tokens = [{ sha256: HASH, principal: 'x', scopes: [] }]
    expect(refusal(() => check(tenants, { tokens }))).toContain('MORPH_API_KEY of tenant acme')
  })
})

describe('a token has what its tenant has, or less', () => {
  const tokenWith = (more: object) => ({ tokens: [{ sha256: HASH, principal: 'ann', scopes: [], ...more }] })

  test('directories that lie in those of the tenant', () => {
    const { at, check, forPlace } = machine()
    const tenants = { acme: { roots: [at('acme')] } }
    const roots = [at('acme/deep')]
    expect(forPlace(tenants, { tenant: 'acme', roots })).toMatchObject({
      roots,
      home: at('home/tenants/acme'),
    })
    check(tenants, tokenWith({ tenant: 'acme', roots }))
    symlinkSync(at('beta'), at('acme/out'))
    for (const root of [at('beta'), at('own'), at('acme/../beta'), at('acme/out')])
      expect(refusal(() => check(tenants, tokenWith({ tenant: 'acme', roots: [root] })))).toMatch(
        /^the token of ann: tenant acme: The root .* lies in none/,
      )
    expect(refusal(() => check({}, tokenWith({ roots: [at('beta')] })))).toMatch(
      /^the token of ann: The root/,
    )
    check({}, tokenWith({ roots: [at('own/deep')] }))
  })

  test('providers that are enabled there', () => {
    const { at, check, forPlace } = machine({}, { MORPH_API_KEY: KEY })
    const tenants = { acme: { roots: [at('acme')] } }
    expect(forPlace({}, { providers: ['morph'] }).providers).toEqual(['morph'])
    expect(refusal(() => check(tenants, tokenWith({ tenant: 'acme', providers: ['morph'] })))).toContain(
      'The provider "morph" is not enabled there',
    )
  })
})

describe('an operator names the tenant on the command line', () => {
  test('and works where that one does', () => {
    const { at, write, read, around } = machine()
    const access = write('access.json', read({ acme: { roots: [at('acme')] } }))
    const config = loadConfig({ root: [at('own')], home: at('home'), access }, around)
    expect(configOfTenant(config, 'acme', around)).toMatchObject({
      tenant: 'acme',
      home: at('home/tenants/acme'),
    })
    expect(refusal(() => configOfTenant(config, 'beta', around))).toContain('no tenant "beta"')
  })

  test('which says nothing without the file that tells of tenants', () => {
    const { config, around } = machine()
    expect(refusal(() => configOfTenant(config, 'acme', around))).toContain('--tenant')
  })
})
