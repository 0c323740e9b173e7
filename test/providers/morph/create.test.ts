import { describe, expect, test } from 'vitest'
import { image, native, world } from './world.ts'

const CAPTURE = 'POST /instance/*/snapshot'

describe('a snapshot of an image', () => {
  test('has the resources that were asked for, and says what it is', async () => {
    const { create, shelf, context } = await world()
    const ctx = context()
    const made = await create(
      {
        source: image('img_ubuntu24'),
        name: 'base',
        note: 'for tests',
        labels: { team: 'blue' },
        options: { vcpus: 2, memory_mb: 2048, disk_mb: 4096 },
      },
      ctx,
    )
    const [there, ...more] = shelf()
    expect(more).toEqual([])
    expect(there).toMatchObject({
      imageId: 'img_ubuntu24',
      spec: { vcpus: 2, memory: 2048, disk_size: 4096 },
      digest: `snapshot-mcp-${ctx.operation}`,
      ttlSeconds: null,
    })
    expect(made).toMatchObject({
      id: `morph:${there?.id}`,
      state: 'ready',
      name: 'base',
      note: 'for tests',
      labels: { team: 'blue' },
      captures: ['disk'],
      source: image('img_ubuntu24'),
      native: { status: 'ready', spec: there?.spec, refs: { image_id: 'img_ubuntu24' } },
    })
    expect(made).not.toHaveProperty('size_bytes')
  })

  test('leaves to the vendor what nobody asked for', async () => {
    const { create, morph, context } = await world()
    const ctx = context()
    const made = await create({ source: image() }, ctx)
    const { body } = morph.requests.find(({ path }) => path === '/api/snapshot')!
    expect(Object.keys(body as object).sort()).toEqual(['digest', 'image_id', 'metadata'])
    expect(made.native).toMatchObject({ spec: { vcpus: 1, memory: 128, disk_size: 700 } })
    expect(ctx.told.length).toBeGreaterThan(0)
  })

  test('that fails is said to have failed, and what is left of it', async () => {
    const { create, morph, problem, list } = await world()
    morph.failNext('snapshot')
    const { message, outcome } = await problem(create({ source: image() }), 'PROVIDER_UNAVAILABLE')
    const [left] = await list()
    expect(left).toMatchObject({ state: 'failed', error: { code: 'FAILED' } })
    expect(message).toContain(left?.id)
    expect(outcome).toBe('partial')
  })
})

describe('a snapshot of an instance', () => {
  test('has its disk and its memory, and is waited for without holding the request', async () => {
    const { create, source, morph, time, shelf } = await world()
    morph.hold()
    const expires_at = new Date(time.now() + 3_600_000).toISOString()
    const made = await create({ expires_at })
    expect(made).toMatchObject({ captures: ['disk', 'memory'], source, expires_at, state: 'ready' })
    const [there] = shelf()
    expect(there).toMatchObject({ content: morph.instance.content, ttlSeconds: 3600 })
    const sent = morph.requests.find(({ path }) => path.endsWith('/snapshot'))
    expect(sent?.body).toMatchObject({ sync: false, digest: there?.digest })
    expect(sent?.query).toBe(`digest=${there?.digest}`)
  })

  test('of a server that holds the request for minutes is waited for', async () => {
    const { create, proxy, time, asked } = await world()
    let release = () => {}
    const until = new Promise<void>((resolve) => {
      release = resolve
    })
    proxy.troubles.push({ how: 'delay', until })
    const creating = create()
    await expect.poll(() => proxy.exchanges.length).toBe(1)
    time.pass(9 * 60_000)
    release()
    expect(await creating).toMatchObject({ state: 'ready' })
    expect([asked(CAPTURE), asked('GET /snapshot/list')]).toEqual([1, 0])
  })

  test('cannot have other resources than the instance', async () => {
    const { create, problem, morph } = await world()
    for (const options of [{ vcpus: 2 }, { memory_mb: 512 }, { disk_mb: 1 }]) {
      const { message } = await problem(create({ options }), 'INVALID_ARGUMENT')
      expect(message).toMatch(/for images\. Nothing was changed\.$/)
    }
    expect(morph.requests).toEqual([])
  })

  test('that is being saved is refused for now', async () => {
    const { create, problem, morph, source } = await world()
    morph.instance.status = 'saving'
    const busy = await problem(create(), 'BUSY')
    expect(busy).toMatchObject({ retryable: true, outcome: 'not_started', status: 409 })
    morph.instance.status = 'paused'
    expect(await problem(create({ source }), 'CONFLICT')).toMatchObject({ retryable: false })
  })

  test('that is gone is not found, and one without credit costs none', async () => {
    const { create, problem, morph, shelf } = await world()
    const gone = { kind: 'instance', id: 'morphvm_gone', name: 'gone' }
    await problem(create({ source: gone }), 'NOT_FOUND')
    morph.cloud.account.credit = false
    await problem(create(), 'QUOTA_EXCEEDED')
    expect(shelf()).toEqual([])
  })
})

describe('a digest of the caller', () => {
  test('that names a ready snapshot returns that one, and says so', async () => {
    const { create, provider, context, source, asked, shelf } = await world()
    const first = await create({ name: 'first', options: { digest: 'd1' } })
    const request = { source, name: 'second', labels: {}, auto: false, protected: false }
    const options = { digest: 'd1' }
    const { snapshot, warnings } = await provider.create({ ...request, options }, context())
    expect(snapshot).toEqual(first)
    expect(warnings).toEqual([expect.stringContaining('nothing new was captured')])
    expect([asked(CAPTURE), shelf().length]).toEqual([1, 1])
  })

  test('that names one in the making waits for it', async () => {
    const { provider, context, source, asked, morph } = await world()
    const pending = morph.addSnapshot({ digest: 'd1', status: 'pending' })
    const request = {
      source,
      name: 'x',
      labels: {},
      auto: false,
      protected: false,
      options: { digest: 'd1' },
    }
    const progress = () => {
      pending.status = 'ready'
    }
    const { snapshot, warnings } = await provider.create(request, context({ progress }))
    expect([native(snapshot), snapshot.state, warnings?.length]).toEqual([pending.id, 'ready', 1])
    expect(asked(CAPTURE)).toBe(0)
  })

  test('that another call has used in between is noticed by what comes back', async () => {
    const { provider, context, source, morph, shelf } = await world()
    const request = {
      source,
      name: 'x',
      labels: {},
      auto: false,
      protected: false,
      options: { digest: 'd1' },
    }
    const note = async () => void (shelf().length === 0 && morph.addSnapshot({ digest: 'd1' }))
    const { snapshot, warnings } = await provider.create(request, context({ note }))
    expect([native(snapshot), warnings?.length]).toEqual([shelf()[0]?.id, 1])
  })

  test('that names a failed one is refused, and says which', async () => {
    const { create, problem, morph, shelf } = await world()
    const { id } = morph.addSnapshot({ digest: 'd1', status: 'failed' })
    const refused = await problem(create({ options: { digest: 'd1' } }), 'CONFLICT')
    expect(refused).toMatchObject({ outcome: 'not_started', message: expect.stringContaining(`morph:${id}`) })
    expect(shelf()).toHaveLength(1)
  })
})

test('a label cannot pass for one of our own words', async () => {
  const { create, problem, morph } = await world()
  await problem(create({ labels: { snapshot_mcp_protected: 'true' } }), 'INVALID_ARGUMENT')
  expect(morph.requests).toEqual([])
})
