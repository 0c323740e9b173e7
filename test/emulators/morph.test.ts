import { describe, expect, test } from 'vitest'
import { type Json, world } from './morph/support.ts'

describe('Every call', () => {
  test('Needs the key, and tells so before anything else', async () => {
    const { url, key, requests } = await world()
    for (const authorization of ['', 'Bearer wrong', `Basic ${key}`, key])
      for (const path of ['/api/snapshot', '/api/nothing']) {
        const reply = await fetch(url + path, { headers: { authorization } })
        expect([reply.status, await reply.json()]).toEqual([401, { detail: expect.any(String) }])
      }
    expect(requests).toHaveLength(8)
  })

  test('Is answered below /api as without it, with one slash too many, and for instances in the plural', async () => {
    const { url, key, instance } = await world()
    const paths = [`/api/instance/${instance.id}`, `/instance/${instance.id}`, `/instances/${instance.id}/`]
    for (const path of [...paths, `/api/instances/${instance.id}`]) {
      const reply = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } })
      expect([reply.status, await reply.json()]).toMatchObject([200, { id: instance.id, status: 'ready' }])
    }
  })

  test('Is not found where nothing is', async () => {
    const { get, post, del } = await world()
    expect(await get('/nothing')).toEqual({ status: 404, body: { detail: 'Not Found' } })
    for (const reply of [
      await get('/snapshot/snapshot_0'),
      await del('/snapshot/snapshot_0'),
      await post('/snapshot/snapshot_0/boot', {}),
      await post('/snapshot/snapshot_0/metadata', {}),
      await post('/instance?snapshot_id=snapshot_0'),
      await get('/instance/morphvm_0'),
      await post('/instance/morphvm_0/snapshot'),
      await post('/snapshot', { image_id: 'nothing' }),
      await post('/snapshot/pull?token=nothing'),
    ])
      expect(reply).toEqual({ status: 404, body: { detail: expect.any(String) } })
  })

  test('Is told in a list what does not fit its description, all of it', async () => {
    const { url, key, get, post, instance } = await world()
    const wrong = { vcpus: 'two', memory: 0.5, digest: 7, metadata: { a: 1, b: 'x' }, ttl_seconds: 0 }
    expect(await post('/snapshot', wrong)).toEqual({
      status: 422,
      body: {
        detail: [
          { loc: ['body', 'vcpus'], msg: 'Input should be a valid integer', type: 'int_parsing' },
          { loc: ['body', 'memory'], msg: 'Input should be a valid integer', type: 'int_parsing' },
          { loc: ['body', 'digest'], msg: 'Input should be a valid string', type: 'string_type' },
          { loc: ['body', 'metadata', 'a'], msg: 'Input should be a valid string', type: 'string_type' },
          {
            loc: ['body', 'ttl_seconds'],
            msg: 'Input should be greater than or equal to 1',
            type: 'greater_than_equal',
          },
        ],
      },
    })
    const where = async (reply: ReturnType<typeof post>) => {
      const { status, body } = await reply
      return [status, ...body.detail.map(({ loc }: Json) => loc.join('.'))]
    }
    expect(await where(post('/snapshot'))).toEqual([422, 'body'])
    expect(await where(post('/snapshot', []))).toEqual([422, 'body'])
    expect(await where(post('/instance'))).toEqual([422, 'query.snapshot_id'])
    expect(await where(post('/instance?snapshot_id=x', { ttl_action: 'explode' }))).toEqual([
      422,
      'body.ttl_action',
    ])
    expect(await where(get('/snapshot/list?page=0&limit=x'))).toEqual([422, 'query.page', 'query.limit'])
    expect(await where(post(`/instance/${instance.id}/snapshot`, { sync: 'maybe' }))).toEqual([
      422,
      'body.sync',
    ])
    expect(await where(post(`/instance/${instance.id}/ttl`, {}))).toEqual([422, 'body.ttl_seconds'])
    expect(await where(post(`/instance/${instance.id}/metadata`, { a: null }))).toEqual([422, 'body.a'])
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const broken = await fetch(`${url}/snapshot`, { method: 'POST', headers, body: '{"a":' })
    expect([broken.status, await broken.json()]).toMatchObject([422, { detail: [{ type: 'json_invalid' }] }])
  })

  test('May leave anything out by null, and say what nobody asks for', async () => {
    const { post, instance } = await world()
    const nothing = {
      metadata: null,
      digest: null,
      ttl_seconds: null,
      ttl_action: null,
      sync: null,
      extra: 1,
    }
    const made = await post('/snapshot', {
      image_id: null,
      vcpus: null,
      memory: null,
      disk_size: null,
      ...nothing,
    })
    expect(made).toMatchObject({ status: 200, body: { spec: { vcpus: 1, memory: 128, disk_size: 700 } } })
    expect(made.body).toMatchObject({ refs: { image_id: 'morphvm-minimal' }, digest: null, metadata: {} })
    const { body: taken } = await post(`/instance/${instance.id}/snapshot`, nothing)
    expect(taken).toMatchObject({ status: 'ready', digest: null, metadata: {}, ttl: { ttl_seconds: null } })
    expect(await post(`/instance?snapshot_id=${taken.id}`, nothing)).toMatchObject({ status: 200 })
    expect(await post(`/snapshot/${taken.id}/boot`, nothing)).toMatchObject({ status: 200 })
    expect(
      await post(`/instance/${instance.id}/branch`, { snapshot_metadata: null, instance_metadata: null }),
    ).toMatchObject({ status: 200 })
  })

  test('Never breaks on an odd body', async () => {
    const { post, instance, addSnapshot } = await world()
    const { id } = addSnapshot()
    const odd = [null, 7, '', [], {}, [null], { id: null }, '__proto__']
    const members = ['image_id', 'vcpus', 'digest', 'metadata', 'ttl_seconds', 'sync', 'instance_metadata']
    const bodies = [...odd, ...members.flatMap((member) => odd.map((value) => ({ [member]: value })))]
    const ofSnapshot = ['', '/pull?token=x', `/${id}/metadata`, `/${id}/ttl`, `/${id}/boot`]
    const ofInstance = ['snapshot', 'branch', 'ttl', 'metadata', 'wake-on', 'reboot', 'pause']
    const paths = [
      ...ofSnapshot.map((path) => `/snapshot${path}`),
      ...ofInstance.map((path) => `/instance/${instance.id}/${path}`),
    ]
    for (const path of [...paths, `/instance?snapshot_id=${id}`])
      for (const body of bodies) expect([200, 403, 404, 409, 422]).toContain((await post(path, body)).status)
  })
})

describe('An account', () => {
  test('Starts with one running instance and nothing else', async () => {
    const { get, instance, clock } = await world()
    const { body } = await get('/instance')
    expect(body).toEqual({
      object: 'list',
      data: [
        {
          id: instance.id,
          object: 'instance',
          created: clock.now / 1000,
          status: 'ready',
          spec: { vcpus: 1, memory: 512, disk_size: 8192 },
          refs: { snapshot_id: expect.stringMatching(/^snapshot_/), image_id: 'morphvm-minimal' },
          networking: { internal_ip: expect.any(String), http_services: [] },
          metadata: {},
          ttl: { ttl_seconds: null, ttl_expire_at: null, ttl_action: null },
          wake_on: { wake_on_ssh: false, wake_on_http: false },
        },
      ],
    })
    expect((await get('/snapshot')).body).toEqual({ object: 'list', data: [] })
    const images = (await get('/image')).body.data
    expect(images[0]).toMatchObject({ id: 'morphvm-minimal', object: 'image', disk_size: expect.any(Number) })
  })

  test('Has quotas, and needs credit', async () => {
    const { get, post, capture, cloud, instance } = await world()
    cloud.account.snapshots = 1
    cloud.account.instances = 2
    const snapshot = await capture()
    const quotas = (await get('/user/service/quota')).body.services[0].quotas
    expect(quotas).toEqual([
      { quota_code: 'snapshots', limit_value: 1, used_value: 1 },
      { quota_code: 'instances', limit_value: 2, used_value: 1 },
    ])
    expect(await post(`/instance/${instance.id}/snapshot`)).toMatchObject({ status: 403 })
    expect(await post('/snapshot', {})).toMatchObject({ status: 403 })
    expect(await post(`/instance/${instance.id}/branch?count=2`)).toMatchObject({ status: 403 })
    expect(await post(`/instance?snapshot_id=${snapshot.id}`)).toMatchObject({ status: 200 })
    expect(await post(`/instance?snapshot_id=${snapshot.id}`)).toMatchObject({ status: 403 })
    cloud.account.credit = false
    expect(await post(`/instance/${instance.id}/snapshot`)).toMatchObject({ status: 402 })
  })
})

describe('With seconds of a clock', () => {
  test('Things take as long as they are told, however often somebody looks', async () => {
    const { post, get, clock } = await world({ secondsToComplete: 30 })
    const { body } = await post('/snapshot', {})
    for (let looks = 0; looks < 5; looks++)
      expect((await get(`/snapshot/${body.id}`)).body.status).toBe('pending')
    clock.now += 30_000
    expect((await get(`/snapshot/${body.id}`)).body.status).toBe('ready')
  })

  test('A synchronous capture holds the request for as long', async () => {
    const { post, get, instance, clock } = await world({ secondsToComplete: 30 })
    const captured = post(`/instance/${instance.id}/snapshot`)
    let saving = ''
    while (saving !== 'saving') saving = (await get(`/instance/${instance.id}`)).body.status
    clock.now += 29_999
    expect((await get('/snapshot')).body.data).toMatchObject([{ status: 'pending' }])
    clock.now += 1
    expect(await captured).toMatchObject({ status: 200, body: { status: 'ready' } })
    expect((await get(`/instance/${instance.id}`)).body.status).toBe('ready')
  })
})
