import { describe, expect, test } from 'vitest'
import { native, problemOf, world } from './world.ts'

describe('A snapshot of a Droplet', () => {
  test('is found behind its action, under the name that was asked for', async () => {
    const { create, call, cloud, provider, source, names } = await world()
    const of = call()
    const saved = await create({ name: 'before the upgrade', labels: { env: 'prod', web: '' } }, of)
    expect(saved).toMatchObject({
      name: 'before the upgrade',
      state: 'ready',
      captures: ['disk'],
      source,
      labels: { env: 'prod', web: '' },
      protected: false,
      auto: false,
      regions: ['nyc3'],
      cost_per_month: { amount: 0.14, currency: 'USD' },
      native: {
        name: `before the upgrade~${of.operation}`,
        min_disk_size: 25,
        size_gigabytes: 2.34,
        resource_type: 'droplet',
        tags: ['env:prod', 'web'],
      },
    })
    expect(saved.size_bytes).toBe(Math.round(2.34 * 2 ** 30))
    expect(names()).toEqual([`before the upgrade~${of.operation}`])
    expect(await provider.get(native(saved), call())).toEqual(saved)
    expect(cloud.cloud.droplets.get(cloud.droplet.id)!.status).toBe('active')
  })

  test('is polled after five seconds first, and progress rises through all of it', async () => {
    const { create, call, cloud, time } = await world({ polls: 6 })
    cloud.cloud.snapshotLag = 3
    const of = call()
    await create({}, of)
    expect(time.slept[0]).toBe(5000)
    expect(of.told.length).toBeGreaterThan(4)
    expect(of.told).toEqual([...new Set(of.told)].sort((a, b) => a - b))
    expect(of.messages[0]).toContain('DigitalOcean copies the disk')
    expect(of.messages.at(-1)).toContain('waiting for the snapshot to be listed')
  })

  test('may take hours', async () => {
    const { create, time } = await world({ polls: 400 })
    const began = time.now()
    expect((await create()).state).toBe('ready')
    expect(time.now() - began).toBeGreaterThan(3_600_000)
  })

  test('that is not listed within a minute is left for later, not said to have failed', async () => {
    const { provider, request, call, cloud } = await world()
    cloud.cloud.snapshotLag = 1000
    const problem = await problemOf(provider.create(request(), call()))
    expect(problem).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown', retryable: false })
    expect(problem.hint).toContain('snapshot_get')
  })

  test('has a name of its own even where two are called the same', async () => {
    const { create, names } = await world()
    const one = await create({ name: 'same' })
    const two = await create({ name: 'same' })
    expect([one.name, two.name]).toEqual(['same', 'same'])
    expect(one.id).not.toBe(two.id)
    expect(new Set(names()).size).toBe(2)
  })

  test('is protected and marked as automatic without labels that say so', async () => {
    const { create, names } = await world()
    const saved = await create({ name: 'safety', auto: true, protected: true })
    expect(saved).toMatchObject({ name: 'safety', auto: true, protected: true, labels: {} })
    expect(saved.native.tags).toEqual(['snapshot-mcp:protected'])
    expect(names()[0]).toMatch(/^safety~auto_op_/)
  })

  test('waits while another event is under way, and gives up after a time', async () => {
    const { create, cloud, provider, request, call, actions } = await world()
    cloud.cloud.droplets.get(cloud.droplet.id)!.blocked = 3
    expect((await create()).state).toBe('ready')
    expect(actions()).toEqual(['snapshot', 'snapshot', 'snapshot', 'snapshot'])

    cloud.cloud.droplets.get(cloud.droplet.id)!.blocked = 1000
    const problem = await problemOf(provider.create(request(), call()))
    expect(problem).toMatchObject({ code: 'BUSY', outcome: 'not_started', retryable: true, status: 422 })
  })

  test('whose action fails is reported as not made', async () => {
    const { provider, request, call, cloud, names } = await world()
    cloud.failNext('snapshot')
    const problem = await problemOf(provider.create(request(), call()))
    expect(problem).toMatchObject({ code: 'PROVIDER_UNAVAILABLE', outcome: 'not_started', retryable: true })
    expect(names()).toEqual([])
  })

  test('outlives a Droplet that is destroyed at the wrong moment', async () => {
    const { create, cloud, time } = await world()
    cloud.cloud.snapshotLag = 1
    time.onSleep = (ms) => ms < 5000 && cloud.cloud.droplets.delete(cloud.droplet.id)
    const saved = await create()
    expect(saved.source).toEqual({
      kind: 'droplet',
      id: String(cloud.droplet.id),
      name: String(cloud.droplet.id),
    })
  })

  test('is not lost with its tags', async () => {
    const { provider, request, call, trouble } = await world()
    trouble('/resources', { answer: { status: 403, body: { id: 'forbidden', message: 'No access.' } } })
    const { snapshot, warnings } = await provider.create(request({ labels: { env: 'prod' } }), call())
    expect(snapshot).toMatchObject({ state: 'ready', labels: {} })
    expect(warnings).toEqual([expect.stringMatching(/not all of its tags \(env:prod\).*No access/)])
  })

  test('of a Droplet that is not there is NOT_FOUND, and nothing was sent', async () => {
    const { provider, request, call, source, sent } = await world()
    for (const id of ['1', '..%2f..', '0'.repeat(32)]) {
      const problem = await problemOf(provider.create(request({ source: { ...source, id } }), call()))
      expect(problem).toMatchObject({ code: 'NOT_FOUND', outcome: 'not_started' })
    }
    expect(sent('POST', '')).toEqual([])
  })
})

describe('Labels that cannot be tags', () => {
  test('are refused before anything is sent', async () => {
    const { provider, request, call, cloud } = await world()
    const bad = [
      { 'a:b': 'c' },
      { 'not allowed': '' },
      { key: 'no spaces' },
      { 'snapshot-mcp': 'protected' },
      { umlaut: '\u00e4' },
    ]
    for (const labels of bad)
      expect(await problemOf(provider.create(request({ labels }), call()))).toMatchObject({
        code: 'INVALID_ARGUMENT',
        outcome: 'not_started',
      })
    const options = { tags: ['snapshot-mcp:protected'] }
    expect(await problemOf(provider.create(request({ options }), call()))).toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
    expect(cloud.requests).toEqual([])
  })

  test('tags that were asked for come beside the labels', async () => {
    const { create } = await world()
    const saved = await create({ labels: { env: 'prod' }, options: { tags: ['web', 'env:prod', 'a:b:c'] } })
    expect(saved.native.tags).toEqual(['env:prod', 'web', 'a:b:c'])
    expect(saved.labels).toEqual({ env: 'prod', web: '', a: 'b:c' })
  })
})

describe('A snapshot of a volume', () => {
  test('is there at once, with its tags', async () => {
    const { create, volume, time } = await world()
    const saved = await create({ source: volume, name: 'data', labels: { env: 'prod' }, protected: true })
    expect(saved).toMatchObject({
      name: 'data',
      source: volume,
      labels: { env: 'prod' },
      protected: true,
      cost_per_month: { amount: 0.03 },
      native: { resource_type: 'volume', tags: ['env:prod', 'snapshot-mcp:protected'] },
    })
    expect(time.slept).toEqual([])
  })

  test('is taken once in ten minutes, and says how long to wait', async () => {
    const { create, provider, request, call, volume, time, sent } = await world()
    await create({ source: volume })
    const problem = await problemOf(provider.create(request({ source: volume }), call()))
    expect(problem).toMatchObject({
      code: 'RATE_LIMITED',
      retryable: true,
      retry_after_ms: 600_000,
      outcome: 'not_started',
      message: expect.stringContaining('ten minutes'),
    })
    time.pass(400_000)
    expect((await problemOf(provider.create(request({ source: volume }), call()))).retry_after_ms).toBe(
      200_000,
    )
    expect(sent('POST', '/snapshots')).toHaveLength(1)
    time.pass(200_000)
    expect((await create({ source: volume })).state).toBe('ready')
  })

  test('is asked for where the last one seems to come from the future', async () => {
    const { create, provider, request, call, volume, cloud, sent } = await world()
    const saved = await create({ source: volume })
    cloud.cloud.volumeSnapshots.get(native(saved))!.createdAt += 3_600_000
    const problem = await problemOf(provider.create(request({ source: volume }), call()))
    expect(problem).toMatchObject({ code: 'RATE_LIMITED', retry_after_ms: 600_000 })
    expect(problem.hint).toContain('ten minutes')
    expect(sent('POST', '/snapshots')).toHaveLength(2)
  })

  test('is refused beyond 25 without a call that makes one', async () => {
    const { create, provider, request, call, volume, time, sent } = await world()
    for (let n = 0; n < 25; n++) {
      await create({ source: volume })
      time.pass(600_000)
    }
    const problem = await problemOf(provider.create(request({ source: volume }), call()))
    expect(problem).toMatchObject({ code: 'QUOTA_EXCEEDED', outcome: 'not_started' })
    expect(problem.message).toContain('25')
    expect(sent('POST', '/snapshots')).toHaveLength(25)
  })

  test('cannot be taken with its power off', async () => {
    const { provider, request, call, volume } = await world()
    const asked = request({ source: volume, options: { power_off: true } })
    for (const work of [provider.create(asked, call()), provider.planCreate!(asked, call())])
      expect(await problemOf(work)).toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

describe('A create that is cancelled', () => {
  test('before it began sends nothing', async () => {
    const { provider, request, call, cloud, volume } = await world()
    for (const fields of [{}, { source: volume }, { options: { power_off: true } }]) {
      const of = call()
      of.cancel()
      expect(await problemOf(provider.create(request(fields), of))).toMatchObject({
        code: 'CANCELLED',
        outcome: 'not_started',
      })
    }
    expect(cloud.requests).toEqual([])
  })

  test('while the disk is copied leaves that alone', async () => {
    const { provider, request, call, time, cloud, names, sent } = await world()
    const of = call()
    time.onSleep = () => of.cancel()
    const problem = await problemOf(provider.create(request(), of))
    expect(problem).toMatchObject({ code: 'CANCELLED', outcome: 'unknown', retryable: false })
    expect(sent('DELETE', '')).toEqual([])
    time.onSleep = () => {}
    const facts = of.notes.at(-1)
    const { snapshot } = await provider.resume!.create(
      { operation: of.operation, started_at: time.now(), request: request(), facts },
      call(),
    )
    expect(snapshot.name).toBe('before the change')
    expect(names()).toHaveLength(1)
    expect(cloud.requests.filter(({ method }) => method === 'POST')).toHaveLength(1)
  })

  test('while another event is waited for has not begun', async () => {
    const { provider, request, call, time, cloud } = await world()
    cloud.cloud.droplets.get(cloud.droplet.id)!.blocked = 1000
    const of = call()
    time.onSleep = () => of.cancel()
    expect(await problemOf(provider.create(request(), of))).toMatchObject({
      code: 'CANCELLED',
      outcome: 'not_started',
    })
  })
})
