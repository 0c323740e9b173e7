import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { livePolicy, readPolicy } from '../../src/config/policy.ts'
import { loadConfig } from '../../src/config.ts'
import { SnapshotError } from '../../src/snapshots/errors.ts'
import { temporaryDirectory } from '../snapshots/world.ts'

function office() {
  const base = temporaryDirectory()
  for (const name of ['home', 'a', 'a/b', 'ab']) mkdirSync(join(base, name))
  const path = join(base, 'policy.json')
  const write = (content: unknown) => {
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }
  const load = (policy: unknown, flags: object = {}, cwd = 'a') =>
    loadConfig(
      { policy: write(policy), ...flags },
      { env: {}, cwd: join(base, cwd), userHome: join(base, 'home') },
    )
  return { base, path, write, load }
}

function refusalOf(run: () => unknown) {
  try {
    run()
  } catch (error) {
    if (error instanceof SnapshotError) return error.problem
    throw error
  }
  throw new Error('It was accepted')
}

describe('a policy file', () => {
  test('may hold every rule', () => {
    const { write } = office()
    const rules = {
      delete: { local: 'never' },
      providers: ['local'],
      roots: ['/srv'],
      protect: { ids: ['local:1*'], names: ['release-*'], labels: { keep: '*' } },
      min_keep: 3,
      min_age: '1h',
      quotas: {
        deletes_per_hour: { principal: 10, source: 5, global: 50 },
        creates_per_hour: { principal: 0 },
        source_bytes: '5GB',
        store_bytes: 20e9,
      },
      special_modes: 'keep',
      safety_snapshots: false,
      trash_window: '7d',
    }
    const quotas = { ...rules.quotas, source_bytes: 5e9 }
    expect(readPolicy(write(rules))).toEqual({ ...rules, quotas })
  })

  test.each([
    [{ delete: { lokal: 'never' } }, '"lokal"'],
    [{ providers: ['lokal'] }, '"lokal"'],
    [{ delete: { local: 'sometimes' } }, 'delete'],
    [{ delete: 'sometimes' }, 'delete'],
    [{ protect: { name: ['x'] } }, 'protect'],
    [{ protect: { labels: { keep: '' } } }, 'protect'],
    [{ min_keep: -1 }, 'min_keep'],
    [{ min_keep: 1.5 }, 'min_keep'],
    [{ min_age: '0h' }, 'min_age'],
    [{ quotas: { deletes_per_day: {} } }, 'quotas'],
    [{ quotas: { deletes_per_hour: { everybody: 1 } } }, 'quotas'],
    [{ quotas: { source_bytes: 'much' } }, 'quotas'],
    [{ roots: [] }, 'roots'],
    [{ minKeep: 3 }, 'policy file'],
  ])('with a mistake in it stops the start: %j', (rules, words) => {
    const { load } = office()
    const { code, message } = refusalOf(() => load(rules))
    expect(code).toBe('INVALID_ARGUMENT')
    expect(message).toContain(words)
  })
})

describe('roots of the policy', () => {
  test('are the only ones, themselves and what lies in them', () => {
    const { base, load } = office()
    const roots = [join(base, 'a')]
    for (const root of ['a', 'a/b']) {
      expect(load({ roots }, { root: [join(base, root)] }).roots).toEqual([join(base, root)])
    }
    const problem = refusalOf(() => load({ roots }, { root: [join(base, 'ab')] }))
    expect(problem.message).toContain('the policy of the operator does not allow it')
  })

  test('may begin with the home directory', () => {
    const { base, load } = office()
    const [inside, outside] = [join(base, 'home/work'), join(base, 'a')]
    mkdirSync(inside)
    const roots = ['~/work']
    expect(load({ roots }, { root: [inside] }).roots).toEqual([inside])
    refusalOf(() => load({ roots }, { root: [outside] }))
  })

  test('leave a server without roots when it takes the working directory by itself', () => {
    const { base, load } = office()
    const { roots, rootsProblem } = load({ roots: [join(base, 'a')] }, {}, 'ab')
    expect(roots).toEqual([])
    expect(rootsProblem).toContain('the policy of the operator does not allow it')
  })
})

test.each([
  ['the flag', '1GB', '2GB', 1e9],
  ['the policy', '2GB', '1GB', 1e9],
  ['the policy alone', undefined, '1GB', 1e9],
])('of two limits on bytes the lower counts: %s', (_which, flag, policy, expected) => {
  const { load } = office()
  const flags = flag ? { 'max-store': flag, 'max-source': flag } : {}
  const config = load({ quotas: { store_bytes: policy, source_bytes: policy } }, flags)
  expect([config.maxStoreBytes, config.maxSourceBytes]).toEqual([expected, expected])
})

describe('the rules in force', () => {
  test('are those that the file holds now', () => {
    const { write } = office()
    const rules = livePolicy(write({ min_keep: 1 }), true)
    expect(rules()).toEqual({ read_only: true, min_keep: 1 })
    write({ delete: 'never' })
    expect(rules()).toEqual({ read_only: true, delete: 'never' })
  })

  test.each([
    ['is gone', undefined],
    ['is torn', '{"min_keep'],
    ['says what no rule says', { min_kepp: 3 }],
    ['names a provider that does not exist', { providers: ['lokal'] }],
  ])('deny everything when the file %s', (_what, content) => {
    const { path, write } = office()
    const rules = livePolicy(write({}), false)
    if (content === undefined) rmSync(path)
    else write(content)
    expect(refusalOf(rules)).toMatchObject({ code: 'POLICY_DENIED', outcome: 'not_started' })
    write({ delete: 'trash' })
    expect(rules()).toMatchObject({ delete: 'trash' })
  })
})
