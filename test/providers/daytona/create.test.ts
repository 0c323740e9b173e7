import { describe, expect, test } from 'vitest'
import { Snapshot } from '../../../src/snapshots/model.ts'
import { refusal } from '../../snapshots/world.ts'
import { EVERYTHING, image, native, world } from './world.ts'

const PYTHON = image('python:3.12-slim')

describe('A snapshot of an image', () => {
  test('is there when the call returns, and is what was asked for', async () => {
    const w = await world()
    const daytona = { cpu: 2, memory_gb: 4, disk_gb: 5, entrypoint: ['sleep', '1'], region: 'eu' }
    const { snapshot } = await w.create(PYTHON, 'team/python:3.12', { options: daytona })
    expect(Snapshot.parse(snapshot)).toEqual(snapshot)
    expect(snapshot).toMatchObject({
      ...{ provider: 'daytona', name: 'team/python:3.12', state: 'ready', captures: ['disk'] },
      ...{ source: PYTHON, regions: ['eu'], size_bytes: 2 ** 27, auto: false, protected: false },
      native: {
        cpu: 2,
        mem: 4,
        disk: 5,
        entrypoint: ['sleep', '1'],
        imageName: PYTHON.id,
        ref: expect.any(String),
      },
    })
    expect(await w.provider.get(native(snapshot), w.ctx())).toEqual(snapshot)
    expect(await w.provider.get('team/python:3.12', w.ctx())).toEqual(snapshot)
    expect(w.told).toContain('the snapshot is pulling (5 s)')
  })

  test('is made in the region of the operator unless the call names another', async () => {
    const w = await world({}, { region: 'eu' })
    expect((await w.create(PYTHON, 'one')).snapshot.regions).toEqual(['eu'])
    const { snapshot } = await w.create(PYTHON, 'two', { options: { region: 'us' } })
    expect(snapshot.regions).toEqual(['us'])
  })

  test('that is not there is an error with the reason, and says what is left', async () => {
    const w = await world()
    const problem = await refusal(w.create(image('missing/img:1'), 'gone'), 'INVALID_ARGUMENT')
    expect(problem).toMatchObject({ outcome: 'partial', retryable: false })
    expect(problem.message).toContain('image docker.io/missing/img:1 not found in registry')
    const left = await w.provider.get('gone', w.ctx())
    expect(left).toMatchObject({ state: 'failed', error: { code: 'ERROR' } })
    expect(problem.hint).toContain(left.id)
  })

  test('without a tag that says something is refused before any call', async () => {
    const w = await world()
    for (const id of [
      'ubuntu',
      'ubuntu:latest',
      'localhost:5000/ubuntu',
      'host:5000/a/b:latest',
      'a b:1',
      'a@sha256:12',
    ])
      await refusal(w.provider.resolveSource(`image:${id}`, w.ctx()), 'INVALID_ARGUMENT')
    for (const id of ['ubuntu:22.04', 'localhost:5000/a/b:1', `a/b@sha256:${'0'.repeat(64)}`])
      expect(await w.provider.resolveSource(`image:${id}`, w.ctx())).toEqual(image(id))
    expect(w.daytona.requests).toEqual([])
  })
})

describe('What a create cannot do', () => {
  test('is refused with what could be done instead, before any call', async () => {
    const w = await world()
    for (const more of [
      { note: 'why' },
      { labels: { a: 'b' } },
      { expires_at: '2100-01-01T00:00:00Z' },
      { protected: true },
    ])
      await refusal(w.create(PYTHON, 'one', more), 'UNSUPPORTED')
    await refusal(w.create({ kind: 'droplet', id: '1', name: '1' }, 'one'), 'UNSUPPORTED')
    for (const options of [{ include_memory: true }, { context: ['a'] }]) {
      const problem = await refusal(w.create(PYTHON, 'one', { options }), 'INVALID_ARGUMENT')
      expect(problem.hint).toContain('entrypoint')
    }
    await refusal(w.create(w.devbox, 'one', { options: { cpu: 1 } }), 'INVALID_ARGUMENT')
    for (const name of ['has space', '..', 'a//b', 'a@b', 'x'.repeat(129), 'snapshot-mcp.auto.x'])
      await refusal(w.create(PYTHON, name), 'INVALID_ARGUMENT')
    expect(w.daytona.requests).toEqual([])
  })

  test('a name that is taken is not tried, also while its snapshot is being deleted', async () => {
    const w = await world({ pollsToComplete: 5 })
    const { id } = w.daytona.addSnapshot({ name: 'team/app:1' })
    for (const source of [PYTHON, w.devbox]) {
      const problem = await refusal(w.create(source, 'team/app:1'), 'ALREADY_EXISTS')
      expect(problem.message).toContain(`daytona:${id}`)
    }
    w.daytona.world.snapshots.get(id)!.state = 'removing'
    expect(await refusal(w.create(PYTHON, 'team/app:1'), 'BUSY')).toMatchObject({ retryable: true })
    expect(w.asked('POST', /./)).toBe(0)
  })

  test('a name that somebody else takes at the last moment is told from a failure', async () => {
    const w = await world()
    w.time.onSleep = () => {}
    const answer = { status: 404, body: { statusCode: 404, message: 'Snapshot with name one not found' } }
    w.daytona.addSnapshot({ name: 'one' })
    w.trouble('GET', /snapshots\/one$/, { answer })
    await refusal(w.create(PYTHON, 'one'), 'ALREADY_EXISTS')
    expect(w.daytona.world.snapshots.size).toBe(2)
  })

  test('limits of the vendor are QUOTA_EXCEEDED', async () => {
    const w = await world({ quotas: { snapshots: 1 } })
    const problem = await refusal(w.create(PYTHON, 'big', { options: { cpu: 99 } }), 'QUOTA_EXCEEDED')
    expect(problem.message).toContain('CPU request 99 exceeds maximum allowed per sandbox (4)')
    await w.create(PYTHON, 'one')
    await refusal(w.create(PYTHON, 'two'), 'QUOTA_EXCEEDED')
    await refusal(w.create(PYTHON, 'three', { options: { region: 'mars' } }), 'NOT_FOUND')
  })
})

describe('An answer that is lost', () => {
  test.for([
    'reset',
    'truncate',
    { answer: { status: 502, raw: '<html>', headers: { 'content-type': 'text/html' } } },
  ] as const)('after the snapshot was made does not make a second one: %j', async (how) => {
    const w = await world()
    w.trouble('POST', /snapshots$/, how, 'after')
    const { snapshot } = await w.create(PYTHON, 'one', { options: { cpu: 2 } })
    expect(snapshot).toMatchObject({ name: 'one', state: 'ready' })
    expect(w.asked('POST', /snapshots$/)).toBe(1)
    const { items } = await w.provider.list(EVERYTHING, w.ctx())
    expect(items.filter(({ name }) => name === 'one')).toHaveLength(1)
  })

  test('is made good also by a clock that is ahead of that of the vendor', async () => {
    const w = await world({ behindMs: 6 * 60_000 })
    w.trouble('POST', /snapshots$/, 'reset', 'after')
    expect((await w.create(PYTHON, 'one')).snapshot).toMatchObject({ name: 'one', state: 'ready' })
  })

  test('to a request that did not arrive ends with nothing, after a look', async () => {
    const w = await world()
    w.trouble('POST', /snapshots$/, 'reset')
    const problem = await refusal(w.create(PYTHON, 'one'), 'NETWORK')
    expect(problem).toMatchObject({ outcome: 'not_started', retryable: true })
    expect(w.asked('POST', /snapshots$/)).toBe(1)
    expect(w.asked('GET', /snapshots\/one$/)).toBeGreaterThan(1)
    expect(w.daytona.world.snapshots.size).toBe(1)
  })

  test('is not made good by the snapshot of somebody else', async () => {
    const w = await world()
    w.trouble('POST', /snapshots$/, 'reset')
    let sleeps = 0
    w.time.onSleep = () => {
      if (++sleeps === 1) w.daytona.addSnapshot({ name: 'one', imageName: 'other:1' })
    }
    await refusal(w.create(PYTHON, 'one'), 'NETWORK')
  })
})

test('A safety snapshot is known by its name', async () => {
  const w = await world()
  const { snapshot } = await w.create(PYTHON, 'before', { auto: true })
  expect(snapshot).toMatchObject({ auto: true, name: 'snapshot-mcp.auto.before' })
  const { items } = await w.provider.list({ ...EVERYTHING, include_auto: false }, w.ctx())
  expect(items.map(({ name }) => name)).toEqual([w.daytona.general.name])
})

test('Cancelled, it stops waiting and leaves the work of the vendor alone', async () => {
  const w = await world({ pollsToComplete: 3 })
  w.time.onSleep = () => w.cancel()
  const problem = await refusal(w.create(PYTHON, 'one'), 'CANCELLED')
  expect(problem.outcome).toBe('unknown')
  expect(w.asked('DELETE', /./)).toBe(0)
  expect([...w.daytona.world.snapshots.values()].at(-1)).toMatchObject({ name: 'one', state: 'pending' })
  const before = await world()
  before.cancel()
  expect(await refusal(before.create(PYTHON, 'one'), 'CANCELLED')).toMatchObject({ outcome: 'not_started' })
  expect(before.daytona.requests).toEqual([])
})
