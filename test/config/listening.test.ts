import { describe, expect, test } from 'vitest'
import { isLoopback, listeningOf } from '../../src/config/listening.ts'
import { Origins } from '../../src/config/values.ts'

const ACCESS = '/etc/access.json'

function refusal(given: Parameters<typeof listeningOf>[0]) {
  try {
    listeningOf(given)
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' })
    return (error as Error).message
  }
  throw new Error('It was accepted')
}

test('by default it listens on this machine alone', () => {
  const local = ['localhost', '127.0.0.1', '[::1]']
  expect(listeningOf({})).toEqual({
    host: '127.0.0.1',
    port: 8484,
    hosts: local,
    ownNames: local,
    origins: [],
    legacy: 'sessions',
    replicas: 1,
    limits: { rate: 1200, concurrency: 32, connections: 1024 },
  })
})

describe('others may call only where something says who', () => {
  test.each([
    '0.0.0.0',
    '::',
    '[::]',
    '0',
    '192.168.1.5',
    'box.local',
    '::ffff:127.0.0.1',
    '127.1',
    '127.0.0.1.example.org',
  ])('not on %s', (host) => {
    expect(refusal({ host })).toContain('nothing says who may call')
  })

  test('nor under a public name, on whatever address: its proxy is on this machine', () => {
    const public_url = 'https://snapshots.example.org'
    expect(refusal({ public_url })).toContain(`--public-url ${public_url}`)
    expect(listeningOf({ public_url, access: ACCESS }).publicUrl).toBe(public_url)
    for (const own of ['http://127.0.0.1:9000', 'http://localhost', 'http://[::1]:9000'])
      expect(listeningOf({ public_url: own }).publicUrl).toBe(own)
  })

  test.each(['127.0.0.1', '127.8.9.10', 'localhost', '::1', '[::1]'])('this machine is %s', (host) => {
    expect(listeningOf({ host }).hosts).toContain('127.0.0.1')
  })
})

test('a wildcard has no name: it needs a public one', () => {
  for (const host of ['0.0.0.0', '0', '::', '[::]']) {
    expect(refusal({ host, access: ACCESS })).toContain('no name that a request could be checked against')
    const public_url = 'https://snapshots.example.org:8443'
    const { hosts, ownNames, origins } = listeningOf({ host, access: ACCESS, public_url })
    expect([hosts, ownNames, origins]).toEqual([['snapshots.example.org'], [], [public_url]])
  }
})

test('the names are those of the address, of the public URL, and of the pages that were allowed', () => {
  const given = {
    host: '192.168.1.5',
    access: ACCESS,
    public_url: 'https://a.example.org',
    allow_origins: ['https://b.example.org'],
  }
  expect(listeningOf(given)).toMatchObject({
    hosts: ['192.168.1.5', 'a.example.org'],
    ownNames: ['192.168.1.5'],
    origins: ['https://a.example.org', 'https://b.example.org'],
  })
  expect(listeningOf({ host: '::1' }).hosts).toEqual(['localhost', '127.0.0.1', '[::1]'])
  expect(listeningOf({ host: '[::1]' }).host).toBe('::1')
  expect(listeningOf({ host: 'BOX.local', access: ACCESS }).hosts).toEqual(['box.local'])
})

test('pages that may call are given by their whole origins', () => {
  const given = (text: string) => Origins.safeParse(text)
  expect(given('http://localhost:6274, https://App.example.org:443/').data).toEqual([
    'http://localhost:6274',
    'https://app.example.org',
  ])
  expect(given('chrome-extension://abcdef').data).toEqual(['chrome-extension://abcdef'])
  for (const wrong of [
    'app.example.org',
    'localhost:6274',
    'null',
    '*',
    'http://*.example.org',
    'x://*',
    'http://me@localhost',
    'https:example.org/x',
    'http://',
    'chrome-extension://abc/x',
    'x://a@b',
  ])
    expect(given(wrong).error?.issues[0]?.message, wrong).toContain('such as http://localhost:6274')
})

test('several replicas have no sessions, unless the operator says so', () => {
  expect(listeningOf({ replicas: 2 }).legacy).toBe('stateless')
  expect(listeningOf({ replicas: 2, legacy: 'sessions' }).legacy).toBe('sessions')
})

test('a name is not this machine because it begins like it', () => {
  for (const name of ['127.0.0.1.example.org', 'localhost.example.org', '0.0.0.0', '128.0.0.1', '::1', ''])
    expect(isLoopback(name)).toBe(false)
})
