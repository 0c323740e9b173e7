import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { CREDENTIALS } from '../../src/config/credentials.ts'
import { loadConfig, readCommandLine } from '../../src/config.ts'
import { PROVIDER_NAMES } from '../../src/providers/index.ts'
import { SnapshotError } from '../../src/snapshots/errors.ts'
import { temporaryDirectory } from '../snapshots/world.ts'

const KEY = 'canary_9f3c'

function load(env: Record<string, string>, argv: string[] = []) {
  const cwd = temporaryDirectory()
  return loadConfig(readCommandLine(argv).flags, { env, cwd, userHome: `${cwd}-home` })
}

/** The account as a provider gets it, with its key in the open. */
function account(name: string, env: Record<string, string>) {
  const { key, ...rest } = load(env, ['--providers', name]).accounts[name]!
  return { key: key.reveal(), ...rest }
}

/** What a start is refused with. */
function refusal(env: Record<string, string>, ...argv: string[]) {
  try {
    load(env, argv)
  } catch (error) {
    expect(error).toBeInstanceOf(SnapshotError)
    const { code, message, hint } = (error as SnapshotError).problem
    expect(code).toBe('INVALID_ARGUMENT')
    return `${message} ${hint}`
  }
  throw new Error('It was accepted')
}

describe('the enabled providers', () => {
  test('are the local one and each cloud whose key is set', () => {
    expect(load({}).providers).toEqual(['local'])
    expect(load({ DIGITALOCEAN_TOKEN: KEY }).providers).toEqual(['local', 'digitalocean'])
    const all = { DIGITALOCEAN_API_TOKEN: KEY, MORPH_API_KEY: KEY, DAYTONA_API_KEY: KEY }
    expect(load(all).providers).toEqual(['local', 'morph', 'daytona', 'digitalocean'])
  })

  test('are those that are named, whatever keys there are', () => {
    const { providers, accounts } = load({ MORPH_API_KEY: 'of another product' }, ['--providers', 'local'])
    expect([providers, accounts]).toEqual([['local'], {}])
    expect(load({ MORPH_API_KEY: KEY }, ['--providers', 'morph']).providers).toEqual(['morph'])
  })

  test('an address without a key enables nothing', () => {
    expect(load({ MORPH_BASE_URL: 'https://morph.example/api' }).providers).toEqual(['local'])
  })

  test.each([
    ['morph', 'MORPH_API_KEY'],
    ['daytona', 'DAYTONA_API_KEY or DAYTONA_JWT_TOKEN'],
    ['digitalocean', 'DIGITALOCEAN_TOKEN or DIGITALOCEAN_ACCESS_TOKEN or DIGITALOCEAN_API_TOKEN'],
  ])('%s without a key stops the start', (name, variables) => {
    expect(refusal({}, '--providers', `local,${name}`)).toContain(`Set ${variables}`)
  })
})

describe('an account', () => {
  test.each([
    ['morph', { MORPH_API_KEY: ` ${KEY}\n` }, { key: KEY }],
    [
      'morph',
      { MORPH_API_KEY: KEY, MORPH_BASE_URL: 'https://morph.example/api/' },
      { key: KEY, baseUrl: 'https://morph.example/api/' },
    ],
    [
      'daytona',
      { DAYTONA_API_KEY: KEY, DAYTONA_API_URL: 'https://d.example/api', DAYTONA_TARGET: 'eu' },
      { key: KEY, baseUrl: 'https://d.example/api', region: 'eu' },
    ],
    [
      'daytona',
      { DAYTONA_API_KEY: KEY, DAYTONA_SERVER_URL: 'https://old.example/api' },
      { key: KEY, baseUrl: 'https://old.example/api' },
    ],
    [
      'daytona',
      {
        ...{ DAYTONA_API_KEY: KEY },
        ...{ DAYTONA_API_URL: 'https://new.example/api', DAYTONA_SERVER_URL: 'https://old.example/api' },
      },
      { key: KEY, baseUrl: 'https://new.example/api' },
    ],
    [
      'daytona',
      { DAYTONA_JWT_TOKEN: KEY, DAYTONA_ORGANIZATION_ID: 'org-1' },
      { key: KEY, organizationId: 'org-1' },
    ],
    ['digitalocean', { DIGITALOCEAN_TOKEN: KEY, DIGITALOCEAN_ACCESS_TOKEN: 'no' }, { key: KEY }],
    ['digitalocean', { DIGITALOCEAN_ACCESS_TOKEN: KEY, DIGITALOCEAN_API_TOKEN: 'no' }, { key: KEY }],
    [
      'digitalocean',
      { DIGITALOCEAN_API_TOKEN: KEY, DIGITALOCEAN_API_URL: 'https://do.example' },
      { key: KEY, baseUrl: 'https://do.example' },
    ],
  ])('of %s from %j', (name, env, expected) => {
    expect(account(name, env)).toEqual(expected)
  })

  test('an API key is not told an organization: it belongs to one', () => {
    const env = { DAYTONA_API_KEY: KEY, DAYTONA_JWT_TOKEN: 'no', DAYTONA_ORGANIZATION_ID: 'org-1' }
    expect(account('daytona', env)).toEqual({ key: KEY })
  })

  test('a token of a person needs one', () => {
    const env = { DAYTONA_JWT_TOKEN: KEY }
    expect(refusal(env, '--providers', 'daytona')).toContain('Set DAYTONA_ORGANIZATION_ID')
    // Somebody else's half of a configuration keeps nobody from working.
    expect(load(env).providers).toEqual(['local'])
  })
})

describe('a value that is no value', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what a client hands over
  const literal = '${MORPH_API_KEY}'

  test('counts as not set, and is told', () => {
    expect(load({ MORPH_API_KEY: '  ' })).not.toHaveProperty('unexpanded')
    expect(load({ MORPH_API_KEY: '', DIGITALOCEAN_TOKEN: ' ' }).providers).toEqual(['local'])
    const { providers, unexpanded } = load({ MORPH_API_KEY: literal, DAYTONA_TARGET: literal })
    expect([providers, unexpanded]).toEqual([['local'], ['MORPH_API_KEY', 'DAYTONA_TARGET']])
  })

  test('lets the next variable have its say', () => {
    expect(account('digitalocean', { DIGITALOCEAN_TOKEN: literal, DIGITALOCEAN_API_TOKEN: KEY })).toEqual({
      key: KEY,
    })
  })

  test('is named where a key is needed', () => {
    expect(refusal({ MORPH_API_KEY: literal }, '--providers', 'morph')).toContain(
      'MORPH_API_KEY holds a variable that the client did not expand',
    )
  })
})

describe('a value that cannot be right stops the start, named by its variable and never shown', () => {
  test.each(['two words', 'k\u00e9y', 'line\nbreak', 'nul\0', 'key\u200b'])('the key %j', (end) => {
    const message = refusal({ MORPH_API_KEY: `${KEY}${end}` })
    expect(message).toContain('MORPH_API_KEY: The key holds a character')
    expect(message).not.toContain(KEY)
  })

  test.each([
    'cloud.example/api',
    'ftp://cloud.example',
    'https://',
    'https://user:pass@cloud.example',
    'https://cloud.example/?key=1',
    'https://cloud.example/#a',
    'javascript:alert(1)',
  ])('the address %s', (address) => {
    const message = refusal({ DIGITALOCEAN_TOKEN: KEY, DIGITALOCEAN_API_URL: address })
    expect(message).toContain('DIGITALOCEAN_API_URL: The base URL of a provider is not a plain http')
    expect(message).not.toMatch(/cloud\.example|pass@/)
  })

  test.each(['two words', 'us\r\nx-evil: 1', 'x'.repeat(201)])('the region %j', (region) => {
    expect(refusal({ DAYTONA_API_KEY: KEY, DAYTONA_TARGET: region })).toContain('DAYTONA_TARGET: It must be')
  })

  test('of a cloud that is not enabled stops nothing', () => {
    const env = { MORPH_API_KEY: 'two words', DAYTONA_API_URL: 'nowhere', DAYTONA_JWT_TOKEN: KEY }
    expect(load(env, ['--providers', 'local']).accounts).toEqual({})
  })
})

describe('plain http', () => {
  test.each([
    'http://127.0.0.1:8080/api',
    'http://127.9.9.9',
    'http://0x7f.1',
    'http://LOCALHOST:80/',
    'http://[::1]:9/api',
  ])('is for this machine: %s', (address) => {
    expect(account('morph', { MORPH_API_KEY: KEY, MORPH_BASE_URL: address }).baseUrl).toBe(address)
  })

  test.each([
    'http://cloud.morph.so/api',
    'http://10.0.0.1',
    'http://0.0.0.0',
    'http://127.0.0.1.example',
    'http://localhost.example',
    'http://[::ffff:127.0.0.1]',
  ])('would show the key to others: %s', (address) => {
    expect(refusal({ MORPH_API_KEY: KEY, MORPH_BASE_URL: address })).toContain(
      'MORPH_BASE_URL: Over plain http the key would travel in clear.',
    )
  })
})

test('a configuration that is printed or logged does not show its keys', () => {
  const config = load({ MORPH_API_KEY: KEY, DAYTONA_JWT_TOKEN: KEY, DAYTONA_ORGANIZATION_ID: 'org-1' })
  expect(JSON.stringify(config) + inspect(config, { depth: 9 })).not.toContain(KEY)
})

test('keys have neither a flag nor a key in the configuration file', () => {
  for (const { variable } of CREDENTIALS)
    for (const flag of [`--${variable}`, `--${variable.toLowerCase().replaceAll('_', '-')}`])
      expect(refusal({}, flag, KEY)).toContain('Unknown option')
})

test('every variable belongs to a provider, and every cloud has a key', () => {
  expect(CREDENTIALS.filter(({ provider }) => !PROVIDER_NAMES.includes(provider))).toEqual([])
  const withKey = new Set(CREDENTIALS.filter(({ part }) => part === 'key').map(({ provider }) => provider))
  expect([...withKey]).toEqual(PROVIDER_NAMES.filter((name) => name !== 'local'))
})
