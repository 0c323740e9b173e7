import { describe, expect, test } from 'vitest'
import { type Json, world } from './support.ts'

describe('A snapshot of an image', () => {
  test('Is pending at first, and then ready', async () => {
    const { post, passes, clock } = await world()
    const wanted = { vcpus: 2, memory: 4096, disk_size: 20_000, metadata: { name: 'base' } }
    const { status, body } = await post('/snapshot', { image_id: 'morphvm-minimal', ...wanted })
    expect([status, body]).toEqual([
      200,
      {
        id: expect.stringMatching(/^snapshot_[0-9a-f]{8}$/),
        object: 'snapshot',
        created: clock.now / 1000,
        status: 'pending',
        spec: { vcpus: 2, memory: 4096, disk_size: 20_000 },
        refs: { image_id: 'morphvm-minimal' },
        digest: null,
        metadata: { name: 'base' },
        ttl: { ttl_seconds: null, ttl_expire_at: null },
      },
    ])
    expect(await passes('pending', `/snapshot/${body.id}`)).toEqual([2, { ...body, status: 'ready' }])
  })

  test('May fail', async () => {
    const { post, passes, failNext } = await world()
    failNext('snapshot')
    const { body } = await post('/snapshot', {})
    const [, failed] = await passes('pending', `/snapshot/${body.id}`)
    expect(failed.status).toBe('failed')
    expect(await post(`/instance?snapshot_id=${body.id}`)).toMatchObject({ status: 422 })
    expect(await post(`/snapshot/${body.id}/boot`, {})).toMatchObject({ status: 422 })
  })
})

describe('A snapshot of an instance', () => {
  test('Holds the request until it is done, unless it is told not to', async () => {
    const { capture, passes, get, instance } = await world()
    for (const body of [{}, { sync: null }, { sync: true }])
      expect(await capture(body)).toMatchObject({ status: 'ready', spec: instance.spec })
    const pending = await capture({ sync: false })
    expect(pending.status).toBe('pending')
    expect((await get(`/instance/${instance.id}`)).body.status).toBe('saving')
    expect((await passes('pending', `/snapshot/${pending.id}`))[1].status).toBe('ready')
    expect((await get(`/instance/${instance.id}`)).body.status).toBe('ready')
  })

  test('Is in the list while its request still waits, and keeps the instance from anything else', async () => {
    const { hold, capture, get, post, instance } = await world()
    const release = hold()
    let answered = false
    const captured = capture({ digest: 'd' }).finally(() => {
      answered = true
    })
    let listed: Json[] = []
    while (listed.length === 0) listed = (await get('/snapshot')).body.data
    for (let looks = 0; looks < 5; looks++)
      expect((await get(`/snapshot/${listed[0].id}`)).body.status).toBe('pending')
    for (const call of ['snapshot', 'branch', 'pause', 'resume'])
      expect(await post(`/instance/${instance.id}/${call}`)).toEqual({
        status: 409,
        body: { detail: expect.stringContaining('saving') },
      })
    expect(await post(`/instance/${instance.id}/reboot`)).toMatchObject({ status: 422 })
    expect(await post(`/instance/${instance.id}/snapshot`, { digest: 'd' })).toMatchObject({
      status: 200,
      body: { id: listed[0].id },
    })
    expect(answered).toBe(false)
    release()
    expect(await captured).toMatchObject({ id: listed[0].id, status: 'ready' })
  })

  test('Is shown by an older server only when it is done, whatever was asked for', async () => {
    const { hold, capture, get, instance } = await world({ synchronous: true })
    const release = hold()
    const captured = capture({ sync: false })
    const status = async () => (await get(`/instance/${instance.id}`)).body.status
    await expect.poll(status).toBe('saving')
    expect((await get('/snapshot')).body.data).toEqual([])
    release()
    const { id } = await captured
    expect((await get('/snapshot')).body.data).toMatchObject([{ id, status: 'ready' }])
    expect(await status()).toBe('ready')
  })

  test('May fail, and the instance goes on', async () => {
    const { capture, failNext, get, instance } = await world()
    failNext('snapshot')
    expect(await capture()).toMatchObject({ status: 'failed' })
    expect((await get(`/instance/${instance.id}`)).body.status).toBe('ready')
    expect(await capture()).toMatchObject({ status: 'ready' })
  })

  test('Needs one that is ready', async () => {
    const { post, cloud, instance } = await world()
    for (const status of ['pending', 'paused', 'saving', 'error'] as const) {
      instance.status = status
      const { status: code, body } = await post(`/instance/${instance.id}/snapshot`)
      expect([code, body.detail]).toEqual([409, expect.stringContaining(status)])
    }
    expect(cloud.snapshots.size).toBe(0)
  })

  test('Of an instance that is gone stays', async () => {
    const { capture, get, del, instance } = await world()
    const { id } = await capture()
    expect(await del(`/instance/${instance.id}`)).toEqual({ status: 204, body: undefined })
    expect(await get(`/instance/${instance.id}`)).toMatchObject({ status: 404 })
    expect((await get(`/snapshot/${id}`)).body.status).toBe('ready')
  })
})

describe('A digest', () => {
  test('Stands for the snapshot that has it, however it is asked for again', async () => {
    const { post, capture, instance, get, offerSnapshot } = await world()
    const first = await capture({ digest: 'step-1', metadata: { n: '1' } })
    expect(first.digest).toBe('step-1')
    instance.content.disk = 'changed'
    const again = [
      await post(`/instance/${instance.id}/snapshot`, { digest: 'step-1', metadata: { n: '2' } }),
      await post(`/instance/${instance.id}/snapshot?digest=step-1`),
      await post('/snapshot', { digest: 'step-1', vcpus: 8 }),
      await post(`/snapshot/pull?token=${offerSnapshot()}&digest=step-1`),
    ]
    for (const reply of again) expect(reply).toEqual({ status: 200, body: first })
    const branched = await post(`/instance/${instance.id}/branch?digest=step-1`)
    expect(branched.body.snapshot).toEqual(first)
    expect((await get('/snapshot')).body.data).toHaveLength(1)
  })

  test('Of the body goes before that of the query', async () => {
    const { post, instance } = await world()
    const { body } = await post(`/instance/${instance.id}/snapshot?digest=query`, { digest: 'body' })
    expect(body.digest).toBe('body')
  })

  test('Is what is written, even when it was never meant', async () => {
    const { post, get, instance } = await world()
    const { body: first } = await post(`/instance/${instance.id}/snapshot?digest=undefined`)
    const { body: second } = await post(`/instance/${instance.id}/snapshot?digest=undefined`)
    expect([first.digest, second.id]).toEqual(['undefined', first.id])
    expect((await get('/snapshot?digest=undefined')).body.data).toEqual([first])
  })

  test('Is made once by many at a time', async () => {
    const { post, get } = await world()
    const made = await Promise.all(Array.from({ length: 20 }, () => post('/snapshot', { digest: 'once' })))
    expect(new Set(made.map(({ body }) => body.id)).size).toBe(1)
    expect((await get('/snapshot')).body.data).toHaveLength(1)
  })

  test('Of a failed snapshot gives that one back; of a deleted one it is free', async () => {
    const { capture, failNext, del } = await world()
    failNext('snapshot')
    const failed = await capture({ digest: 'd' })
    expect(await capture({ digest: 'd' })).toEqual(failed)
    await del(`/snapshot/${failed.id}`)
    const { id, status } = await capture({ digest: 'd' })
    expect(status).toBe('ready')
    expect(id).not.toBe(failed.id)
  })
})

describe('Lists', () => {
  test('Are newest first, and can be had in pages', async () => {
    const { get, addSnapshot, clock } = await world()
    for (let n = 0; n < 7; n++) {
      clock.now += 1000
      addSnapshot({ metadata: { n: String(n) } })
    }
    const ns = (snapshots: Json[]) => snapshots.map(({ metadata }) => Number(metadata.n))
    expect(ns((await get('/snapshot')).body.data)).toEqual([6, 5, 4, 3, 2, 1, 0])
    const { snapshots, ...first } = (await get('/snapshot/list?page=1&limit=3')).body
    expect([ns(snapshots), first]).toEqual([
      [6, 5, 4],
      { total: 7, page: 1, size: 3, total_pages: 3, has_next: true, has_prev: false },
    ])
    const last = (await get('/snapshot/list?page=3&limit=3')).body
    expect([ns(last.snapshots), last.has_next, last.has_prev]).toEqual([[0], false, true])
    expect((await get('/snapshot/list?page=9&limit=3')).body).toMatchObject({
      snapshots: [],
      has_next: false,
    })
    expect((await get('/snapshot/list')).body).toMatchObject({ page: 1, size: 50, total: 7, has_next: false })
    expect((await get('/instance/list?limit=1')).body).toMatchObject({
      instances: [{ object: 'instance' }],
      total: 1,
    })
  })

  test('Take filters that must all hold', async () => {
    const { get, addSnapshot, addInstance } = await world()
    addSnapshot({ digest: 'a', metadata: { team: 'x', 'a b': '1' } })
    addSnapshot({ digest: 'b', metadata: { team: 'x' } })
    addSnapshot({ metadata: { team: 'y' } })
    addInstance({ metadata: { team: 'x' } })
    const found = async (query: string) => (await get(`/snapshot/list?${query}`)).body.total
    expect(await found('metadata[team]=x')).toBe(2)
    expect(await found('metadata%5Bteam%5D=x&metadata%5Ba+b%5D=1')).toBe(1)
    expect(await found('metadata[team]=y&metadata[a b]=1')).toBe(0)
    expect(await found('digest=b')).toBe(1)
    expect(await found('digest=b&metadata[team]=y')).toBe(0)
    expect(await found('unknown=1')).toBe(3)
    expect((await get('/snapshot?metadata[team]=x')).body.data).toHaveLength(2)
    expect((await get('/instance?metadata[team]=x')).body.data).toHaveLength(1)
  })

  test('Have no pages on an older server, which takes the word for an id', async () => {
    const { get } = await world({ paged: false })
    expect(await get('/snapshot/list')).toEqual({ status: 404, body: { detail: 'Snapshot not found' } })
    expect(await get('/instance/list')).toMatchObject({ status: 404 })
    expect(await get('/snapshot')).toMatchObject({ status: 200 })
  })
})

describe('A delete', () => {
  test('Takes its time: deleting, deleted, gone', async () => {
    const { del, get, post, passes, capture } = await world({ pollsToComplete: 8 })
    const { id } = await capture()
    expect(await del(`/snapshot/${id}`)).toEqual({ status: 204, body: undefined })
    expect((await get('/snapshot')).body.data).toMatchObject([{ id, status: 'deleting' }])
    for (const reply of [
      await post(`/instance?snapshot_id=${id}`),
      await post(`/snapshot/${id}/boot`, {}),
      await post(`/snapshot/${id}/metadata`, {}),
      await post(`/snapshot/${id}/ttl`, { ttl_seconds: 1 }),
      await post(`/snapshot/${id}/token`),
    ])
      expect(reply.status).toBe(404)
    const [, deleted] = await passes('deleting', `/snapshot/${id}`)
    expect(deleted.status).toBe('deleted')
    expect((await get('/snapshot')).body.data).toEqual([])
    expect(await del(`/snapshot/${id}`)).toMatchObject({ status: 204 })
    const [, gone] = await passes('deleted', `/snapshot/${id}`)
    expect(gone).toEqual({ detail: 'Snapshot not found' })
    expect(await del(`/snapshot/${id}`)).toMatchObject({ status: 404 })
  })

  test('Of what is still in the making does not come back to life', async () => {
    const { capture, del, passes, get, instance } = await world()
    const { id } = await capture({ sync: false })
    await del(`/snapshot/${id}`)
    await passes('saving', `/instance/${instance.id}`)
    await passes('deleting', `/snapshot/${id}`)
    await passes('deleted', `/snapshot/${id}`)
    expect(await get(`/snapshot/${id}`)).toMatchObject({ status: 404 })
  })
})

describe('Metadata', () => {
  test('Replace all that was there', async () => {
    const { post, get, capture } = await world()
    const { id } = await capture({ metadata: { a: '1', b: '2' } })
    expect((await post(`/snapshot/${id}/metadata`, { c: '3' })).body.metadata).toEqual({ c: '3' })
    expect((await get(`/snapshot/${id}`)).body.metadata).toEqual({ c: '3' })
    expect((await post(`/snapshot/${id}/metadata`, {})).body.metadata).toEqual({})
    expect(await post(`/snapshot/${id}/metadata`, { n: 1 })).toMatchObject({ status: 422 })
    expect(await post(`/snapshot/${id}/metadata`)).toMatchObject({ status: 422 })
  })
})

describe('A time to live', () => {
  test('Counts from the last use, and ends in a delete', async () => {
    const { post, get, capture, clock } = await world()
    const began = clock.now
    const { id, ttl } = await capture({ ttl_seconds: 60 })
    expect(ttl).toEqual({ ttl_seconds: 60, ttl_expire_at: began / 1000 + 60 })
    clock.now += 59_000
    await post(`/instance?snapshot_id=${id}`)
    expect((await get(`/snapshot/${id}`)).body.ttl.ttl_expire_at).toBe(began / 1000 + 59 + 60)
    clock.now += 59_000
    expect((await get(`/snapshot/${id}`)).body.status).toBe('ready')
    clock.now += 1000
    expect((await get(`/snapshot/${id}`)).body.status).toBe('deleting')
  })

  test('Can be set and taken away', async () => {
    const { post, capture, clock, get } = await world()
    const { id } = await capture()
    const set = await post(`/snapshot/${id}/ttl`, { ttl_seconds: 10 })
    expect(set.body.ttl).toEqual({ ttl_seconds: 10, ttl_expire_at: clock.now / 1000 + 10 })
    expect((await post(`/snapshot/${id}/ttl`, { ttl_seconds: null })).body.ttl.ttl_expire_at).toBe(null)
    clock.now += 1_000_000
    expect((await get(`/snapshot/${id}`)).body.status).toBe('ready')
    for (const body of [{}, { ttl_seconds: 0 }, { ttl_seconds: -1 }])
      expect(await post(`/snapshot/${id}/ttl`, body)).toMatchObject({ status: 422 })
  })
})
