import { describe, expect, test } from 'vitest'
import { createSecret } from '../../../src/providers/http/secret.ts'
import { refusal } from '../../snapshots/world.ts'
import { CANARY } from '../http/world.ts'
import { EVERYTHING, image, native, world } from './world.ts'

const MINUTE = 60_000
const SHA = `@sha256:${'ab'.repeat(32)}`

describe('The snapshots there are', () => {
  test('are all listed, newest first, those of the vendor among them', async () => {
    const w = await world()
    for (let n = 0; n < 205; n++) w.daytona.addSnapshot({ name: `s${n}`, createdAt: w.time.now() + n * 1000 })
    const names: string[] = []
    let cursor: string | undefined
    do {
      const page = await w.provider.list({ ...EVERYTHING, ...(cursor && { cursor }) }, w.ctx())
      names.push(...page.items.map(({ name }) => name))
      cursor = page.next
    } while (cursor)
    expect(names).toHaveLength(206)
    expect(names.slice(0, 2)).toEqual(['s204', 's203'])
    const own = { ...EVERYTHING, name: w.daytona.general.name }
    expect((await w.provider.list(own, w.ctx())).items).toMatchObject([
      { protected: true, native: { general: true } },
    ])
  })

  test('name their sandboxes, and those that are gone by their id', async () => {
    const w = await world()
    const boxes = ['a', 'b', 'c'].map((name) => w.daytona.addSandbox({ name }))
    for (const { id, name } of boxes) w.daytona.addSnapshot({ name: `of-${name}`, sourceSandboxId: id })
    w.daytona.world.sandboxes.get(boxes[2]!.id)!.state = 'destroyed'
    const { items } = await w.provider.list(EVERYTHING, w.ctx())
    const sources = items.filter(({ source }) => source.kind === 'sandbox').map(({ source }) => source.name)
    expect(sources.sort()).toEqual([boxes[2]!.id, 'a', 'b'].sort())
    expect(w.asked('GET', /sandbox$/)).toBe(1)
  })

  test('are found by names with slash, colon and digest, and a state that nobody knows is unknown', async () => {
    const w = await world()
    const { id } = w.daytona.addSnapshot({
      name: `registry/team/app:1.0${SHA}`,
      state: 'hibernating' as never,
    })
    const found = await w.provider.get(`registry/team/app:1.0${SHA}`, w.ctx())
    expect(found).toMatchObject({ id: `daytona:${id}`, state: 'unknown', native: { state: 'hibernating' } })
  })

  test('are all shown but for what is no record of one, and that is logged', async () => {
    const w = await world()
    w.daytona.addSnapshot({ name: 'mine' })
    const body = {
      items: [{ id: 'odd', name: 'odd', state: 'active' }, null],
      total: 2,
      page: 1,
      totalPages: 2,
    }
    w.trouble('GET', /snapshots$/, { answer: { status: 200, body } })
    const warned: unknown[] = []
    const ctx = w.ctx()
    const log = { ...ctx.log, warn: (...said: unknown[]) => void warned.push(said) }
    w.daytona.faults[0]!.when = ({ path, query }) => /snapshots$/.test(path) && query.get('page') === '2'
    for (let n = 0; n < 200; n++) w.daytona.addSnapshot()
    expect((await w.provider.list(EVERYTHING, { ...ctx, log })).items).toHaveLength(100)
    expect(warned).toEqual([
      [expect.stringContaining('left out'), { left_out: 2, first: expect.any(String) }],
    ])
    const boxes = { items: [{ id: w.devbox.id, name: 'devbox' }, { name: 'odd' }], nextCursor: null }
    w.trouble('GET', /sandbox$/, { answer: { status: 200, body: boxes } })
    expect((await w.provider.sources({ limit: 9 }, { ...ctx, log })).items).toHaveLength(1)
    expect(warned).toHaveLength(2)
  })

  test('have nothing to do with an id that is none', async () => {
    const w = await world()
    for (const id of ['..', '.', 'a b', '', '../sandbox', 'a//b', 'x/', '..%2f..'])
      await refusal(w.provider.get(id, w.ctx()), 'NOT_FOUND')
    expect(w.daytona.requests).toEqual([])
    for (const id of ['0'.repeat(32), 'no-such-snapshot', 'f'.repeat(199), 'snapshots/x'])
      await refusal(w.provider.get(id, w.ctx()), 'NOT_FOUND')
  })
})

describe('A delete', () => {
  test('is done when the snapshot is gone and its name is free, whatever it is called', async () => {
    const w = await world({ pollsToComplete: 3 })
    const names = ['team/app:1.0', `app${SHA}`, 'plain']
    const ids = names.map((name) => w.daytona.addSnapshot({ name }).id)
    w.daytona.addSandbox({ name: 'user', snapshot: 'plain' })
    const plan = await w.provider.planDelete(names, w.ctx())
    expect(plan).toMatchObject({ reversible: false, effects: { snapshots: 3, sandboxes_made_from_them: 1 } })
    expect(plan.summary).toContain('"team/app:1.0"')
    expect(plan.warnings[0]).toContain('"user"')
    expect(w.asked('DELETE', /./)).toBe(0)
    const result = await w.provider.delete(plan, w.ctx())
    expect(result).toEqual({ deleted: ids, failed: [], freed_bytes: 3 * 2 ** 27 })
    expect(w.daytona.world.snapshots.size).toBe(1)
    await w.create(image('a:1'), 'plain')
    // What is gone already is no failure.
    expect(await w.provider.delete(plan, w.ctx())).toMatchObject({ deleted: ids, failed: [] })
  })

  test('of one that the vendor offers to all is refused before any delete', async () => {
    const w = await world()
    const { id } = w.daytona.addSnapshot({ name: 'mine' })
    const { general } = w.daytona
    const problem = await refusal(w.provider.planDelete([id, general.id], w.ctx()), 'FORBIDDEN')
    expect(problem.hint).toContain('native.general')
    const plan = await w.provider.planDelete([id], w.ctx())
    w.daytona.world.snapshots.get(id)!.general = true
    expect(await w.provider.delete(plan, w.ctx())).toMatchObject({
      deleted: [],
      failed: [{ code: 'FORBIDDEN' }],
    })
    expect(w.asked('DELETE', /./)).toBe(0)
  })

  test('that is cancelled before it began deletes nothing, and later leaves it to the vendor', async () => {
    const w = await world({ pollsToComplete: 3 })
    const { id } = w.daytona.addSnapshot({ name: 'mine' })
    const plan = await w.provider.planDelete([id], w.ctx())
    const signal = AbortSignal.abort()
    expect(await refusal(w.provider.delete(plan, w.ctx({ signal })), 'CANCELLED')).toMatchObject({
      outcome: 'not_started',
    })
    expect(w.asked('DELETE', /./)).toBe(0)
    w.time.onSleep = () => w.cancel()
    expect(await w.provider.delete(plan, w.ctx())).toEqual({
      deleted: [],
      failed: [{ snapshot: id, code: 'CANCELLED', message: expect.stringContaining('goes on') }],
    })
    expect(w.daytona.world.snapshots.get(id)!.state).toBe('removing')
  })

  test('that is cancelled half way says what was deleted and what was not', async () => {
    const w = await world({ pollsToComplete: 0 })
    const [one, two] = ['one', 'two'].map((name) => w.daytona.addSnapshot({ name }).id) as [string, string]
    const plan = await w.provider.planDelete([one, two], w.ctx())
    const gone = () => !w.daytona.world.snapshots.has(one)
    w.daytona.faults.push({
      when({ path }) {
        const due = path.endsWith(two) && gone()
        if (due) w.cancel()
        return due
      },
      at: 'before',
      how: 'hang',
    })
    expect(await w.provider.delete(plan, w.ctx())).toMatchObject({
      deleted: [one],
      failed: [{ snapshot: two, code: 'CANCELLED' }],
    })
    expect(w.daytona.world.snapshots.has(two)).toBe(true)
  })

  test('that a deactivation takes back is not done', async () => {
    const w = await world({ pollsToComplete: 3 })
    const { id } = w.daytona.addSnapshot({ name: 'mine' })
    const plan = await w.provider.planDelete([id], w.ctx())
    w.time.onSleep = () => {
      w.daytona.world.snapshots.get(id)!.state = 'inactive'
    }
    const { deleted, failed } = await w.provider.delete(plan, w.ctx())
    expect(deleted).toEqual([])
    expect(failed).toMatchObject([{ snapshot: id, code: 'CONFLICT' }])
  })

  test('is not taken for taken back by a look that shows what was before', async () => {
    const w = await world({ pollsToComplete: 0 })
    const { id } = w.daytona.addSnapshot({ name: 'mine', state: 'inactive' })
    const { native: body } = await w.provider.get(id, w.ctx())
    const plan = await w.provider.planDelete([id], w.ctx())
    w.daytona.faults.push({
      when: ({ method, path }) => method === 'GET' && path.endsWith(id) && w.asked('DELETE', /./) > 0,
      ...{ at: 'before', how: { answer: { status: 200, body } } },
    })
    expect(await w.provider.delete(plan, w.ctx())).toMatchObject({ deleted: [id], failed: [] })
    expect(w.daytona.faults).toEqual([])
  })

  test('may lack a permission, and the reason is told', async () => {
    const w = await world({ permissions: ['write:snapshots'] })
    const { id } = w.daytona.addSnapshot({ name: 'mine' })
    const result = await w.provider.delete(await w.provider.planDelete([id], w.ctx()), w.ctx())
    expect(result.failed).toMatchObject([
      { code: 'FORBIDDEN', message: expect.stringContaining('Access denied') },
    ])
  })
})

describe('Activation', () => {
  test('goes both ways, with the ten minutes in between as an error to wait for', async () => {
    const w = await world()
    const { id } = w.daytona.addSnapshot({ name: 'mine' })
    const update = (active: boolean) => w.provider.update!('mine', { active }, w.ctx())
    expect(await update(true)).toMatchObject({ state: 'ready' })
    expect(await update(false)).toMatchObject({ state: 'inactive' })
    expect(await update(false)).toMatchObject({ state: 'inactive' })
    const problem = await refusal(update(true), 'BUSY')
    expect(problem).toMatchObject({ retryable: true, retry_after_ms: 10 * MINUTE, outcome: 'not_started' })
    w.time.pass(10 * MINUTE)
    w.trouble('POST', /activate$/, 'reset', 'after')
    expect(await update(true)).toMatchObject({ id: `daytona:${id}`, state: 'ready' })
    expect(w.asked('POST', /\/activate$/)).toBe(2)
    expect(w.asked('POST', /deactivate$/)).toBe(1)
  })

  test('has not failed because one look still shows what was before', async () => {
    const w = await world()
    const { id } = w.daytona.addSnapshot({ name: 'mine', state: 'inactive' })
    const { native: body } = await w.provider.get(id, w.ctx())
    w.daytona.faults.push({
      when: ({ method, path }) => method === 'GET' && path.endsWith(id) && w.asked('POST', /activate$/) > 0,
      ...{ at: 'before', how: { answer: { status: 200, body } } },
    })
    expect(await w.provider.update!(id, { active: true }, w.ctx())).toMatchObject({ state: 'ready' })
    expect(w.daytona.faults).toEqual([])
  })

  test('shows the names of states as harmless text', async () => {
    const w = await world({ pollsToComplete: 2 })
    const { id } = w.daytona.addSnapshot({ name: 'mine', state: 'inactive' })
    w.time.onSleep = () => {
      const snapshot = w.daytona.world.snapshots.get(id)!
      if (snapshot.state === 'pending') snapshot.state = `\u001b[2J${'x'.repeat(99)}` as never
    }
    await w.provider.update!(id, { active: true }, w.ctx())
    const [said] = w.told.filter((line) => line.includes('xxx'))
    expect(said).toContain(`?[2J${'x'.repeat(23)}...`)
  })

  test('does not take a removal back, nor touch what is not ready or not ours', async () => {
    const w = await world()
    const { id } = w.daytona.addSnapshot({ name: 'mine' })
    const snapshot = w.daytona.world.snapshots.get(id)!
    for (const [state, code] of [
      ['removing', 'CONFLICT'],
      ['error', 'CONFLICT'],
      ['pulling', 'BUSY'],
    ] as const) {
      snapshot.state = state
      for (const active of [true, false]) await refusal(w.provider.update!(id, { active }, w.ctx()), code)
    }
    await refusal(w.provider.update!(w.daytona.general.id, { active: false }, w.ctx()), 'FORBIDDEN')
    snapshot.state = 'active'
    await refusal(w.provider.update!(id, { name: 'other' }, w.ctx()), 'UNSUPPORTED')
    await refusal(w.provider.update!('nobody', { name: 'other' }, w.ctx()), 'NOT_FOUND')
    expect(w.asked('POST', /./)).toBe(0)
  })
})

describe('Sources', () => {
  test('are the sandboxes, by name or id; the only one needs no name', async () => {
    const w = await world()
    expect(await w.provider.resolveSource(undefined, w.ctx())).toEqual(w.devbox)
    for (const text of ['sandbox:devbox', 'devbox', `sandbox:${w.devbox.id}`, w.devbox.id])
      expect(await w.provider.resolveSource(text, w.ctx())).toEqual(w.devbox)
    const other = w.daytona.addSandbox({ name: 'other' })
    const problem = await refusal(w.provider.resolveSource(undefined, w.ctx()), 'INVALID_ARGUMENT')
    expect(problem.hint).toContain('snapshot_sources')
    const { items } = await w.provider.sources({ limit: 100, query: 'oth' }, w.ctx())
    expect(items).toMatchObject([
      { id: other.id, source: `sandbox:${other.id}`, note: expect.stringContaining('started') },
    ])
    expect((await refusal(w.provider.resolveSource('nobody', w.ctx()), 'NOT_FOUND')).hint).toContain(
      'snapshot_sources',
    )
    for (const text of ['path:/tmp', 'ubuntu:22.04'])
      await refusal(w.provider.resolveSource(text, w.ctx()), 'UNSUPPORTED')
    await refusal(w.provider.resolveSource('sandbox:', w.ctx()), 'INVALID_ARGUMENT')
    await refusal(w.provider.resolveSource('sandbox:..', w.ctx()), 'INVALID_ARGUMENT')
  })
})

describe('Health', () => {
  test('tells what is used and what the key may do', async () => {
    const w = await world({ permissions: ['write:snapshots'] })
    expect(await w.provider.health(w.ctx())).toMatchObject({
      healthy: true,
      usage: { permissions: ['write:snapshots'] },
    })
    w.daytona.addSnapshot({ name: 'mine' })
    expect(await w.provider.health(w.ctx())).toMatchObject({
      ...{ healthy: true, usage: { snapshots: 1 }, quota: { snapshots: 30 } },
    })
  })

  test('is ill with a wrong key, and does not say the key', async () => {
    const w = await world({ key: 'another' })
    expect(await w.provider.health(w.ctx())).toMatchObject({
      healthy: false,
      error: { code: 'UNAUTHENTICATED' },
    })
  })
})

test('The organisation is named for the token of a person, and not for a key', async () => {
  const named: unknown[] = []
  for (const key of ['head.claims.signature', CANARY]) {
    const w = await world({ key }, { key: createSecret(key), organizationId: 'org-1' })
    w.daytona.faults.push({
      when: ({ headers }) => named.push(headers['x-daytona-organization-id']) < 0,
      ...{ at: 'before', how: 'reset' },
    })
    await w.provider.sources({ limit: 1 }, w.ctx())
  }
  expect(named).toEqual(['org-1', undefined])
})

test('An answer with too many requests is waited for as its own headers say', async () => {
  const w = await world({ limits: { authenticated: 1 } })
  w.daytona.addSnapshot({ name: 'mine' })
  await w.provider.get('mine', w.ctx())
  const problem = await refusal(w.provider.get('mine', w.ctx()), 'RATE_LIMITED')
  expect(problem).toMatchObject({ retryable: true, retry_after_ms: 60_000 })
  w.time.pass(60_000)
  expect(native(await w.provider.get('mine', w.ctx()))).toMatch(/^[0-9a-f-]{36}$/)
})
