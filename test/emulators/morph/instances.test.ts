import { describe, expect, test } from 'vitest'
import { type Json, type World, world } from './support.ts'

const contentOf = ({ cloud }: World, { id }: Json) => cloud.instances.get(id)?.content

describe('A start from a snapshot', () => {
  test('Brings back the disk and the memory as they were', async () => {
    const its = await world()
    const { post, passes, capture, instance } = its
    const snapshot = await capture()
    instance.content.disk = 'destroyed'
    const wishes = { metadata: { name: 'copy' }, ttl_seconds: 600, ttl_action: 'stop' }
    const { body } = await post(`/instance?snapshot_id=${snapshot.id}`, wishes)
    expect(body).toMatchObject({
      id: expect.stringMatching(/^morphvm_/),
      status: 'pending',
      spec: snapshot.spec,
      refs: { snapshot_id: snapshot.id, image_id: 'morphvm-minimal' },
      networking: { internal_ip: null },
      metadata: { name: 'copy' },
      ttl: { ttl_seconds: 600, ttl_action: 'stop' },
    })
    const [looks, ready] = await passes('pending', `/instance/${body.id}`)
    expect([looks, ready.status]).toEqual([2, 'ready'])
    expect(contentOf(its, body)).toEqual({ disk: 'the first state', memory: 'at work' })
  })

  test('Does not touch what it was taken of, nor the snapshot', async () => {
    const its = await world()
    const { post, capture, cloud } = its
    const snapshot = await capture()
    const { body } = await post(`/instance?snapshot_id=${snapshot.id}`)
    cloud.instances.get(body.id)!.content.disk = 'changed in the copy'
    expect(contentOf(its, its.instance)?.disk).toBe('the first state')
    expect(cloud.snapshots.get(snapshot.id)?.content.disk).toBe('the first state')
  })

  test('That is still in the making waits for it', async () => {
    const { post, get, passes, failNext } = await world()
    const { body: snapshot } = await post('/snapshot', {})
    const { body: instance } = await post(`/instance?snapshot_id=${snapshot.id}`)
    const [, ready] = await passes('pending', `/instance/${instance.id}`)
    expect([ready.status, (await get(`/snapshot/${snapshot.id}`)).body.status]).toEqual(['ready', 'ready'])
    failNext('snapshot')
    const { body: doomed } = await post('/snapshot', {})
    const { body: lost } = await post(`/instance?snapshot_id=${doomed.id}`)
    expect((await passes('pending', `/instance/${lost.id}`))[1].status).toBe('error')
  })

  test('May fail', async () => {
    const { post, passes, capture, failNext, del } = await world()
    const { id } = await capture()
    failNext('instance')
    const { body } = await post(`/instance?snapshot_id=${id}`)
    expect((await passes('pending', `/instance/${body.id}`))[1].status).toBe('error')
    expect(await del(`/instance/${body.id}`)).toMatchObject({ status: 204 })
  })
})

describe('A cold start', () => {
  test('Has the disk only, and may have other resources', async () => {
    const its = await world()
    const { post, capture } = its
    const { id, spec } = await capture()
    const { body: same } = await post(`/snapshot/${id}/boot`, {})
    expect(same).toMatchObject({ spec, refs: { snapshot_id: id } })
    expect(contentOf(its, same)).toEqual({ disk: 'the first state', memory: 'just booted' })
    const { body: larger } = await post(`/snapshot/${id}/boot`, { vcpus: 4, memory: 8192, disk_size: 20_000 })
    expect(larger.spec).toEqual({ vcpus: 4, memory: 8192, disk_size: 20_000 })
    expect(await post(`/snapshot/${id}/boot`, { disk_size: 100 })).toMatchObject({ status: 422 })
  })

  test('Of an image needs no snapshot', async () => {
    const its = await world()
    const { body } = await its.post('/image/img_ubuntu24/boot', { vcpus: 2 })
    expect(body).toMatchObject({ refs: { image_id: 'img_ubuntu24' }, spec: { vcpus: 2, memory: 128 } })
    expect(contentOf(its, body)?.disk).toBe('fresh img_ubuntu24')
    expect(await its.post('/image/nothing/boot', {})).toMatchObject({ status: 404 })
  })
})

describe('A branch', () => {
  test('Leaves a snapshot and starts one copy, or as many as wanted', async () => {
    const its = await world()
    const { post, get, passes, instance } = its
    const one = await post(`/instance/${instance.id}/branch`)
    expect(one.body).toMatchObject({ snapshot: { status: 'ready' }, instances: [{ status: 'pending' }] })
    const many = await post(`/instance/${instance.id}/branch?count=3`, {
      snapshot_metadata: { kind: 'branch' },
      instance_metadata: { kind: 'copy' },
    })
    expect(many.body.snapshot.metadata).toEqual({ kind: 'branch' })
    expect(many.body.instances).toHaveLength(3)
    for (const copy of many.body.instances) {
      expect(copy).toMatchObject({ metadata: { kind: 'copy' }, refs: { snapshot_id: many.body.snapshot.id } })
      expect((await passes('pending', `/instance/${copy.id}`))[1].status).toBe('ready')
      expect(contentOf(its, copy)).toEqual({ disk: 'the first state', memory: 'at work' })
    }
    expect((await get('/snapshot')).body.data).toHaveLength(2)
    expect((await get('/instance')).body.data).toHaveLength(5)
    expect((await get(`/instance/${instance.id}`)).body.status).toBe('ready')
  })

  test('Gives each its own metadata when there are as many', async () => {
    const { post, instance } = await world()
    const instance_metadata = [{ n: '0' }, { n: '1' }]
    const { body } = await post(`/instance/${instance.id}/branch?count=2`, { instance_metadata })
    expect(body.instances.map(({ metadata }: Json) => metadata.n)).toEqual(['0', '1'])
    for (const call of ['branch?count=3', 'branch', 'branch?count=0', 'branch?count=x'])
      expect(await post(`/instance/${instance.id}/${call}`, { instance_metadata })).toMatchObject({
        status: 422,
      })
  })
})

describe('An instance', () => {
  test('Pauses, with a snapshot if wanted, and resumes as it was', async () => {
    const its = await world()
    const { post, passes, get, instance } = its
    const path = `/instance/${instance.id}`
    expect((await post(`${path}/pause`)).body.status).toBe('saving')
    expect((await passes('saving', path))[1].status).toBe('paused')
    expect(await post(`${path}/pause`)).toMatchObject({ status: 409 })
    expect((await post(`${path}/resume`)).body.status).toBe('pending')
    expect((await passes('pending', path))[1].status).toBe('ready')
    expect(await post(`${path}/resume`)).toMatchObject({ status: 409 })
    expect((await get('/snapshot')).body.data).toEqual([])

    await post(`${path}/pause?snapshot=true`)
    expect((await passes('saving', path))[1].status).toBe('paused')
    expect((await get('/snapshot')).body.data).toMatchObject([{ status: 'ready' }])
    expect(contentOf(its, instance)).toEqual({ disk: 'the first state', memory: 'at work' })
  })

  test('Loses its memory in a reboot, and may come up larger', async () => {
    const its = await world()
    const { post, passes, instance } = its
    const path = `/instance/${instance.id}`
    expect((await post(`${path}/reboot`, { vcpus: 2 })).body).toMatchObject({
      status: 'pending',
      spec: { vcpus: 2 },
    })
    expect(await post(`${path}/reboot`)).toMatchObject({ status: 422 })
    expect((await passes('pending', path))[1].status).toBe('ready')
    expect(contentOf(its, instance)).toEqual({ disk: 'the first state', memory: 'just booted' })
    expect(await post(`${path}/reboot`)).toMatchObject({ status: 200 })
  })

  test('Has metadata and settings that can be changed', async () => {
    const { post, instance } = await world()
    const path = `/instance/${instance.id}`
    await post(`${path}/metadata`, { a: '1' })
    expect((await post(`${path}/metadata`, { b: '2' })).body.metadata).toEqual({ b: '2' })
    await post(`${path}/wake-on`, { wake_on_ssh: true })
    const { body } = await post(`${path}/wake-on`, { wake_on_http: true })
    expect(body.wake_on).toEqual({ wake_on_ssh: true, wake_on_http: true })
  })

  test('Stops or pauses when its time is over', async () => {
    const { post, get, instance, addInstance, clock } = await world()
    const other = addInstance()
    const set = await post(`/instance/${instance.id}/ttl`, { ttl_seconds: 60, ttl_action: 'pause' })
    expect(set.body.ttl).toEqual({
      ttl_seconds: 60,
      ttl_expire_at: clock.now / 1000 + 60,
      ttl_action: 'pause',
    })
    await post(`/instance/${other.id}/ttl`, { ttl_seconds: 60 })
    clock.now += 60_000
    expect((await get(`/instance/${instance.id}`)).body.status).toBe('paused')
    expect(await get(`/instance/${other.id}`)).toMatchObject({ status: 404 })
    expect((await post(`/instance/${instance.id}/ttl`, { ttl_seconds: null })).body.ttl).toMatchObject({
      ttl_seconds: null,
      ttl_expire_at: null,
    })
  })
})
