import { describe, expect, test } from 'vitest'
import { image, world } from './world.ts'

describe('the sources', () => {
  test('are the instances and the images, as they are', async () => {
    const { provider, context, morph } = await world()
    const named = morph.addInstance({ metadata: { name: 'api' }, status: 'paused' })
    const { items } = await provider.sources({ limit: 10 }, context())
    expect(items).toContainEqual({
      provider: 'morph',
      kind: 'instance',
      id: named.id,
      name: 'api',
      source: `instance:${named.id}`,
      note: 'paused, 1 vCPU, 512 MB of memory, 8192 MB of disk',
    })
    expect(items.map(({ source }) => source)).toContain('image:morphvm-minimal')
    expect(items).toHaveLength(4)
  })

  test('are all found, also beyond a page', async () => {
    const { provider, context, morph } = await world()
    for (let n = 0; n < 150; n++) morph.addInstance({ metadata: { name: `n${n}` } })
    const { items } = await provider.sources({ query: 'n149', limit: 10 }, context())
    expect(items).toHaveLength(1)
  })
})

describe('a source', () => {
  test('is named with its kind, or as an instance by its id alone', async () => {
    const { provider, context, source } = await world()
    const resolve = (text: string) => provider.resolveSource(text, context())
    expect(await resolve(`instance:${source.id}`)).toEqual(source)
    expect(await resolve(source.id)).toEqual(source)
    const ubuntu = { kind: 'image', id: 'img_ubuntu24', name: 'img_ubuntu24' }
    expect(await resolve('image:img_ubuntu24')).toEqual(ubuntu)
    for (const text of ['image:', 'image:morphvm-minimal']) expect(await resolve(text)).toEqual(image())
  })

  test('is an image by its name, and the default one even where it is not listed', async () => {
    const { provider, context, morph } = await world()
    morph.cloud.images[1]!.name = 'Ubuntu 24.04'
    morph.cloud.images.shift()
    const resolve = (text: string) => provider.resolveSource(text, context())
    const ubuntu = { kind: 'image', id: 'img_ubuntu24', name: 'Ubuntu 24.04' }
    expect(await resolve('image:Ubuntu 24.04')).toEqual(ubuntu)
    expect(await resolve('image:')).toEqual(image())
  })

  test('is the only instance where none is named, and never an image', async () => {
    const { provider, context, morph, source, problem } = await world()
    expect(await provider.resolveSource(undefined, context())).toEqual(source)
    morph.addInstance()
    const many = await problem(provider.resolveSource(undefined, context()), 'INVALID_ARGUMENT')
    expect([many.message, many.hint]).toEqual([
      expect.stringContaining('2 instances'),
      expect.stringContaining('snapshot_sources'),
    ])
    morph.cloud.instances.clear()
    const none = await problem(provider.resolveSource(undefined, context()), 'INVALID_ARGUMENT')
    expect([none.message, none.hint]).toEqual([
      expect.stringContaining('no instance'),
      expect.stringContaining('snapshot_sources'),
    ])
  })

  test('that is gone is still one while there are snapshots of it', async () => {
    const { create, list, provider, context, morph, source, problem } = await world()
    const saved = await create()
    morph.cloud.instances.clear()
    const found = await provider.resolveSource(source.id, context())
    expect(found).toEqual(source)
    expect(await list({ source: found })).toEqual([saved])
    for (const text of [
      'instance:morphvm_other',
      'morphvm_other',
      'image:no-such',
      'instance:',
      'instance:..%2f',
    ])
      await problem(provider.resolveSource(text, context()), 'NOT_FOUND')
  })

  test.each(['', 'desk', 'snapshot_1', 'box:desk'])('cannot be written as "%s"', async (text) => {
    const { provider, context, problem, morph } = await world()
    const { hint } = await problem(provider.resolveSource(text, context()), 'INVALID_ARGUMENT')
    expect([hint, morph.requests]).toEqual([expect.stringContaining('instance:ID'), []])
  })
})

describe('the health', () => {
  test('has the numbers of the account', async () => {
    const { create, provider, context } = await world()
    await create()
    expect(await provider.health(context())).toEqual({
      healthy: true,
      usage: { snapshots: 1, instances: 1 },
      quota: { snapshots: 1000, instances: 100 },
    })
  })

  test('tells apart what two services call the same', async () => {
    const { provider, context, trouble } = await world()
    const quotas = [{ quota_code: 'disk', limit_value: 9, used_value: 1 }]
    const services = ['a', 'b'].map((service_id) => ({ service_id, service_name: service_id, quotas }))
    trouble('GET /user/service/quota', { answer: { status: 200, body: { services } } })
    expect((await provider.health(context())).quota).toEqual({ disk: 9, 'b.disk': 9 })
  })

  test('is none without a valid key, and does not hang on a quota', async () => {
    const { provider, context, trouble } = await world()
    const missing = { answer: { status: 404, body: { detail: 'Not Found' } } }
    const refused = { answer: { status: 401, body: { detail: 'no' } } }
    trouble('GET /user/service/quota', missing)
    expect(await provider.health(context())).toEqual({ healthy: true })
    trouble('GET /user/service/quota', missing)
    trouble('GET /image', refused)
    const unwell = { healthy: false, error: { code: 'UNAUTHENTICATED' } }
    expect(await provider.health(context())).toMatchObject(unwell)
    trouble('GET /user/service/quota', refused)
    expect(await provider.health(context())).toMatchObject(unwell)
  })
})
