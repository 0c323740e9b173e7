import { describe, expect, test } from 'vitest'
import { native, problemOf, toNew, world } from './world.ts'

describe('A new Droplet of a snapshot', () => {
  test('is where and as large as the one that was captured, and runs', async () => {
    const { create, provider, call, cloud, sent } = await world()
    const saved = await create({ name: 'Before: the upgrade!' })
    const plan = await provider.planRestore(toNew(saved), call())
    expect(plan.effects).toMatchObject({
      droplet: { name: 'Before-the-upgrade', region: 'nyc3', size: 's-1vcpu-1gb' },
      cost_per_month: { amount: 6, currency: 'USD' },
    })
    expect(plan.summary).toContain('6.00 USD a month')
    expect(sent('POST', '/droplets')).toEqual([])
    const of = call()
    const { targets, safety_snapshot, warnings } = await provider.restore(plan, of)
    expect(warnings).toEqual([expect.stringContaining('6.00 USD a month until it is destroyed')])
    expect(safety_snapshot).toBeUndefined()
    const made = cloud.cloud.droplets.get(Number(targets![0]!.id))!
    expect(made).toMatchObject({
      name: 'Before-the-upgrade',
      status: 'active',
      content: 'the first state of web-01',
      tags: [`snapshot-mcp:${of.operation}`],
    })
    expect(sent('POST', '/droplets')[0]!.body).toMatchObject({ image: Number(native(saved)) })
    expect(of.told.length).toBeGreaterThan(0)
  })

  test('is made as it was asked for', async () => {
    const { create, provider, call, cloud, sent } = await world()
    const saved = await create()
    cloud.cloud.images.get(Number(native(saved)))!.regions = ['nyc3', 'fra1']
    const options = { region: 'fra1', size: 's-2vcpu-4gb', ssh_keys: [12, 'aa:bb'] }
    const plan = await provider.planRestore(toNew(saved, { to: 'web-02', options }), call())
    const { targets } = await provider.restore(plan, call())
    expect(cloud.cloud.droplets.get(Number(targets![0]!.id))).toMatchObject({
      name: 'web-02',
      region: 'fra1',
      size: { slug: 's-2vcpu-4gb' },
    })
    expect(sent('POST', '/droplets')[0]!.body).toMatchObject({ ssh_keys: [12, 'aa:bb'] })
  })

  test('has the cheapest size that will do, in the first region, when the one that was captured is gone', async () => {
    const { create, provider, call, cloud } = await world()
    const saved = await create()
    const image = cloud.cloud.images.get(Number(native(saved)))!
    cloud.cloud.droplets.clear()
    image.regions = ['fra1', 'nyc3']
    const placeOf = async () => (await provider.planRestore(toNew(saved), call())).effects.droplet
    expect(await placeOf()).toMatchObject({ region: 'fra1', size: 's-1vcpu-1gb' })
    image.minDiskSize = 10
    expect(await placeOf()).toMatchObject({ region: 'fra1', size: 's-1vcpu-512mb-10gb' })
    image.regions = ['sfo3']
    image.minDiskSize = 80
    expect(await placeOf()).toMatchObject({ region: 'sfo3', size: 's-2vcpu-4gb' })
  })

  test('is refused before the call where it could not be made', async () => {
    const { create, provider, call, cloud, sent } = await world()
    const saved = await create()
    const image = cloud.cloud.images.get(Number(native(saved)))!
    const refusal = (options: Record<string, unknown>, to = 'web-02') =>
      problemOf(provider.planRestore(toNew(saved, { to, options }), call()))
    expect(await refusal({ region: 'fra1' })).toMatchObject({
      code: 'CONFLICT',
      hint: expect.stringContaining('add_regions:["fra1"]'),
    })
    expect(await refusal({ size: 's-none' })).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(await refusal({}, 'not a host')).toMatchObject({ code: 'INVALID_ARGUMENT' })
    image.minDiskSize = 50
    expect(await refusal({ size: 's-1vcpu-1gb' })).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('50 GB'),
      hint: expect.stringContaining('s-1vcpu-2gb'),
    })
    image.minDiskSize = 500
    expect(await refusal({})).toMatchObject({ code: 'INVALID_ARGUMENT' })
    image.minDiskSize = 25
    cloud.cloud.account.droplet_limit = 1
    expect(await refusal({})).toMatchObject({ code: 'QUOTA_EXCEEDED', outcome: 'not_started' })
    expect(sent('POST', '/droplets')).toEqual([])
  })

  test('is refused when the snapshot has changed since the plan', async () => {
    const { create, provider, call, cloud, sent } = await world()
    const saved = await create()
    const plan = await provider.planRestore(toNew(saved), call())
    cloud.cloud.images.get(Number(native(saved)))!.regions = ['fra1']
    expect((await problemOf(provider.restore(plan, call()))).code).toBe('PLAN_STALE')
    expect(sent('POST', '/droplets')).toEqual([])
  })

  test('that fails while it starts may be left in part', async () => {
    const { create, provider, call, cloud } = await world()
    const saved = await create()
    const plan = await provider.planRestore(toNew(saved), call())
    cloud.failNext('create')
    const problem = await problemOf(provider.restore(plan, call()))
    expect(problem).toMatchObject({ code: 'PROVIDER_UNAVAILABLE', outcome: 'partial', retryable: false })
    expect(problem.hint).toContain('destroy it')
  })

  test('that somebody has switched off at once is made all the same', async () => {
    const { create, provider, call, cloud, time } = await world()
    const saved = await create()
    const plan = await provider.planRestore(toNew(saved, { to: 'web-02' }), call())
    const made = () => [...cloud.cloud.droplets.values()].find(({ name }) => name === 'web-02')
    cloud.cloud.statusLag = 1000
    time.onSleep = () => {
      const droplet = made()
      if (droplet?.status === 'active') Object.assign(droplet, { status: 'off' })
    }
    const began = time.now()
    const { targets } = await provider.restore(plan, call())
    expect(targets).toMatchObject([{ id: String(made()!.id) }])
    expect(time.now() - began).toBeLessThan(120_000)
  })

  test('that is destroyed while it is made is gone, and nobody waits for it', async () => {
    const { create, provider, call, cloud, time } = await world({ polls: 50 })
    const saved = await create()
    const plan = await provider.planRestore(toNew(saved, { to: 'web-02' }), call())
    time.onSleep = () => {
      for (const { id, name } of cloud.cloud.droplets.values())
        if (name === 'web-02') cloud.cloud.droplets.delete(id)
    }
    const began = time.now()
    const problem = await problemOf(provider.restore(plan, call()))
    expect(problem).toMatchObject({ code: 'CONFLICT', outcome: 'not_started' })
    expect(problem.message).toContain('Nothing is left of it')
    expect(time.now() - began).toBeLessThan(300_000)
  })

  test('that is cancelled is made all the same, once it was asked for', async () => {
    const { create, provider, call, cloud, time } = await world()
    const saved = await create()
    const plan = await provider.planRestore(toNew(saved, { to: 'web-02' }), call())
    const early = call()
    early.cancel()
    expect(await problemOf(provider.restore(plan, early))).toMatchObject({ outcome: 'not_started' })
    const of = call()
    time.onSleep = () => of.cancel()
    expect(await problemOf(provider.restore(plan, of))).toMatchObject({
      code: 'CANCELLED',
      outcome: 'unknown',
    })
    expect([...cloud.cloud.droplets.values()].filter(({ name }) => name === 'web-02')).toHaveLength(1)
  })
})

describe('A new volume of a snapshot', () => {
  test('is made at once, with its content', async () => {
    const { create, provider, call, volume, cloud, sent } = await world()
    const saved = await create({ source: volume, name: 'Data of 2026' })
    const plan = await provider.planRestore(toNew(saved), call())
    expect(plan.effects).toMatchObject({
      volume: { name: 'data-of-2026', region: 'nyc3', size_gb: 10 },
      cost_per_month: { amount: 1, currency: 'USD' },
    })
    expect(sent('POST', '/volumes')).toEqual([])
    const of = call()
    const { targets, warnings } = await provider.restore(plan, of)
    expect(warnings).toEqual(['The new volume costs about 1.00 USD a month until it is deleted.'])
    expect(cloud.cloud.volumes.get(targets![0]!.id)).toMatchObject({
      name: 'data-of-2026',
      content: 'data',
      tags: [`snapshot-mcp:${of.operation}`],
    })
  })

  test('that turns out smaller than asked for says so', async () => {
    const { create, provider, call, volume } = await world()
    const saved = await create({ source: volume })
    const request = toNew(saved, { to: 'data-02', options: { size_gb: 20 } })
    const { warnings } = await provider.restore(await provider.planRestore(request, call()), call())
    expect(warnings).toEqual([
      expect.stringContaining('1.00 USD a month'),
      expect.stringContaining('10 GB instead of 20 GB'),
    ])
  })

  test('is refused before the call where it could not be made', async () => {
    const { create, provider, call, volume, cloud, sent } = await world()
    const saved = await create({ source: volume })
    const refusal = (to: string, options: Record<string, unknown> = {}) =>
      problemOf(provider.planRestore(toNew(saved, { to, options }), call()))
    expect(await refusal('data-01')).toMatchObject({ code: 'ALREADY_EXISTS' })
    expect(await refusal('Data 02')).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(await refusal('data-02', { size_gb: 5 })).toMatchObject({
      code: 'INVALID_ARGUMENT',
      hint: expect.stringContaining('size_gb:10'),
    })
    expect(await refusal('data-02', { region: 'fra1' })).toMatchObject({ code: 'UNSUPPORTED' })
    cloud.cloud.account.volume_limit = 1
    expect(await refusal('data-02')).toMatchObject({ code: 'QUOTA_EXCEEDED', outcome: 'not_started' })
    expect(sent('POST', '/volumes')).toEqual([])
  })
})
