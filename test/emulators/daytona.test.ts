import { describe, expect, test } from 'vitest'
import { badRequest, forbidden, type Json, notFound, serve } from './daytona/support.ts'

describe('What every call has in common', () => {
  test('Without the key, or with another one, nothing is answered but what is for everybody', async () => {
    const { apiUrl, key } = await serve()
    for (const authorization of ['', 'Bearer wrong', `Basic ${key}`, key]) {
      const reply = await fetch(`${apiUrl}/snapshots`, { headers: { authorization } })
      expect([reply.status, await reply.json()]).toMatchObject([
        401,
        { message: 'Invalid credentials', error: 'Unauthorized' },
      ])
    }
    for (const path of ['/config', '/shared-regions']) expect((await fetch(apiUrl + path)).status).toBe(200)
    const right = await fetch(`${apiUrl}/snapshots`, { headers: { authorization: `bearer ${key}` } })
    expect(right.status).toBe(200)
  })

  test('An error tells the path with its query, the time and the status', async () => {
    const { get, clock } = await serve()
    const { status, headers, body } = await get('/snapshots?page=0')
    expect([status, headers.get('content-type')]).toEqual([400, 'application/json; charset=utf-8'])
    expect(body).toEqual({
      path: '/api/snapshots?page=0',
      timestamp: new Date(clock.now).toISOString(),
      statusCode: 400,
      error: 'Bad Request',
      message: 'page must not be less than 1',
    })
  })

  test('A path that does not exist is not found, and so is a name whose slashes are not encoded', async () => {
    const { get, addSnapshot } = await serve()
    const { id } = addSnapshot({ name: 'team/app:1.0' })
    expect(await get('/nothing')).toMatchObject(notFound('Cannot GET /api/nothing'))
    expect(await get('/snapshots/team/app:1.0')).toMatchObject(
      notFound('Cannot GET /api/snapshots/team/app:1.0'),
    )
    expect((await get('/snapshots/team%2Fapp%3A1.0')).body.id).toBe(id)
    expect((await get(`/snapshots/${id}/`)).body.id).toBe(id)
  })

  test('A body that cannot be parsed is refused first of all, in a shape of its own', async () => {
    const { apiUrl } = await serve()
    const headers = { 'content-type': 'application/json' }
    const reply = await fetch(`${apiUrl}/nowhere`, { method: 'POST', headers, body: '{"name":' })
    expect([reply.status, await reply.json()]).toEqual([
      400,
      { message: 'Invalid JSON in request body', error: 'Bad Request', statusCode: 400 },
    ])
  })

  test('A key does what its permissions are for, and reads anyway', async () => {
    const { get, post, del, addSnapshot } = await serve({ permissions: ['write:sandboxes'] })
    const { id } = addSnapshot()
    const denied = forbidden('Access denied')
    expect(await post('/snapshots', { name: 'a', imageName: 'b:1' })).toMatchObject(denied)
    expect(await post(`/snapshots/${id}/deactivate`)).toMatchObject(denied)
    expect(await del(`/snapshots/${id}`)).toMatchObject(denied)
    expect(await post('/sandbox/devbox/snapshot', { name: 'a' })).toMatchObject(denied)
    expect(await del('/sandbox/devbox')).toMatchObject(denied)
    expect((await get('/snapshots')).status).toBe(200)
    expect((await post('/sandbox', {})).status).toBe(200)
    expect((await get('/api-keys/current')).body.permissions).toEqual(['write:sandboxes'])
  })

  test('Whatever a body holds, it is answered and not stumbled over', async () => {
    const { post, put, addSnapshot } = await serve({ quotas: { snapshots: 1000, totalCpu: 1000 } })
    const { id } = addSnapshot()
    const odd = [null, 0, -1, 1.5, 'x', '', true, [], [null], {}, { a: {} }, '__proto__']
    const members = [
      'name',
      'imageName',
      'buildInfo',
      'entrypoint',
      'cpu',
      'gpu',
      'gpuType',
      'memory',
      'disk',
    ]
    const others = ['regionId', 'sandboxClass', 'snapshot', 'target', 'env', 'labels', 'includeMemory']
    const bodies: Json[] = [null, [], 'text', 1, {}]
    for (const member of [...members, ...others])
      for (const value of odd) bodies.push({ name: 'n', imageName: 'i:1', [member]: value })
    const paths = ['/snapshots', '/sandbox', '/sandbox/devbox/snapshot', '/sandbox/devbox/fork']
    for (const path of [...paths, `/snapshots/${id}/activate`, '/sandbox/devbox/pause'])
      for (const body of bodies) expect((await post(path, body)).status).toBeLessThan(500)
    for (const body of bodies) expect((await put('/sandbox/devbox/labels', body)).status).toBeLessThan(500)
  })
})

describe('Requests are counted by the minute', () => {
  test('Every answer says where one stands, each counter under its own name', async () => {
    const { get, post, clock, apiUrl } = await serve()
    await get('/snapshots')
    clock.now += 10_400
    const { headers } = await post('/sandbox', {})
    expect(headers.get('x-ratelimit-limit-authenticated')).toBe('10000')
    expect(headers.get('x-ratelimit-remaining-authenticated')).toBe('9998')
    expect(headers.get('x-ratelimit-reset-authenticated')).toBe('50')
    expect(headers.get('x-ratelimit-remaining-sandbox-create')).toBe('299')
    expect((await fetch(`${apiUrl}/config`)).headers.get('x-ratelimit-remaining-anonymous')).toBe('299')
    clock.now += 60_000
    expect((await get('/snapshots')).headers.get('x-ratelimit-remaining-authenticated')).toBe('9999')
  })

  test('One too many is refused for a whole minute, and only by its own counter', async () => {
    const { get, post, clock } = await serve({ limits: { 'sandbox-create': 1 } })
    expect((await post('/sandbox', {})).status).toBe(200)
    clock.now += 50_000
    const over = await post('/sandbox', {})
    expect(over).toMatchObject({
      status: 429,
      body: { message: 'ThrottlerException: Too Many Requests', error: 'Too Many Requests' },
    })
    expect(over.headers.get('retry-after-sandbox-create')).toBe('60')
    expect(over.headers.get('retry-after')).toBeNull()
    expect((await get('/sandbox')).status).toBe(200)
    clock.now += 59_000
    expect((await post('/sandbox', {})).headers.get('retry-after-sandbox-create')).toBe('1')
    clock.now += 1_000
    expect((await post('/sandbox', {})).status).toBe(200)
  })

  test('After too many wrong keys the right one is not listened to either', async () => {
    const { apiUrl, get, clock } = await serve({ limits: { 'failed-auth': 2 } })
    const statuses: number[] = []
    for (let n = 0; n < 3; n++) statuses.push((await fetch(`${apiUrl}/snapshots`)).status)
    expect(statuses).toEqual([401, 401, 429])
    const { status, headers } = await get('/snapshots')
    expect([status, headers.get('retry-after')]).toEqual([429, '60'])
    clock.now += 60_000
    expect((await get('/snapshots')).status).toBe(200)
  })
})

describe('What there is to know about the organisation', () => {
  test('It starts with a running sandbox and the default snapshot of the vendor', async () => {
    const { get, sandbox, general } = await serve()
    const { items } = (await get('/sandbox')).body
    expect(items).toMatchObject([{ id: sandbox.id, state: 'started', snapshot: general.name }])
    const { body } = await get('/snapshots')
    expect(body).toMatchObject({ items: [{ general: true, state: 'active' }], total: 1 })
    expect((await get('/config')).body.defaultSnapshot).toBe(general.name)
  })

  test('Its own regions are fewer than those for everybody', async () => {
    const { get } = await serve()
    const ids = async (path: string) => (await get(path)).body.map(({ id }: Json) => id)
    expect(await ids('/regions')).toEqual(['us', 'eu', 'us-east-1'])
    expect(await ids('/shared-regions')).toContain('earth')
  })

  test('The key is shown masked', async () => {
    const { get, key } = await serve({ key: 'dtn_0123456789abcdef' })
    const { body } = await get('/api-keys/current')
    expect(body.value).toBe('dtn_********************def')
    expect(JSON.stringify(body)).not.toContain(key)
  })

  test('Usage counts snapshots and running sandboxes', async () => {
    const { get, post, addSnapshot, world } = await serve()
    addSnapshot()
    addSnapshot({ state: 'inactive' })
    const usage = async () => (await get(`/organizations/${world.organizationId}/usage`)).body
    expect(await usage()).toMatchObject({
      currentSnapshotUsage: 1,
      totalSnapshotQuota: 30,
      regionUsage: [{ regionId: 'us', currentCpuUsage: 1, currentDiskUsage: 3 }, {}, {}, {}, {}],
    })
    world.sandboxes.get((await get('/sandbox/devbox')).body.id)!.state = 'stopped'
    expect((await usage()).regionUsage[0]).toMatchObject({ currentCpuUsage: 0, currentDiskUsage: 3 })
    expect(await get('/organizations/another/usage')).toMatchObject(forbidden('Access denied'))
    expect(await post('/organizations/another/usage')).toMatchObject(
      notFound('Cannot POST /api/organizations/another/usage'),
    )
  })

  test('When it is suspended nothing is made any more, and everything can be read', async () => {
    const { get, post, world } = await serve()
    world.suspended = 'out of credit'
    const refused = forbidden('Organization is suspended: out of credit')
    expect(await post('/snapshots', { name: 'a', imageName: 'b:1' })).toMatchObject(refused)
    expect(await post('/sandbox', {})).toMatchObject(refused)
    expect(await post('/sandbox/devbox/snapshot', { name: 'a' })).toMatchObject(refused)
    expect((await get('/snapshots')).status).toBe(200)
  })
})

describe('By the clock', () => {
  test('Every step takes its seconds, whether anybody looks or not', async () => {
    const { get, post, clock } = await serve({ secondsToComplete: 5 })
    await post('/snapshots', { name: 'a', imageName: 'b:1' })
    const state = async () => (await get('/snapshots/a')).body.state
    for (let n = 0; n < 5; n++) expect(await state()).toBe('pending')
    clock.now += 5_000
    expect(await state()).toBe('pulling')
    await post('/snapshots', { name: 'c', imageName: 'd:1' })
    clock.now += 60_000
    expect(await state()).toBe('active')
    const { body } = await get('/snapshots/c')
    expect(body.state).toBe('active')
    // When it happened, not when somebody looked.
    expect(Date.parse(body.lastUsedAt)).toBe(Date.parse(body.createdAt) + 10_000)
  })
})

test('A page that does not exist is empty, and one that cannot exist is refused', async () => {
  const { get, addSnapshot } = await serve()
  for (let n = 0; n < 4; n++) addSnapshot()
  expect((await get('/snapshots?page=99&limit=2')).body).toEqual({
    items: [],
    total: 5,
    page: 99,
    totalPages: 3,
  })
  for (const [query, message] of [
    ['page=0', 'page must not be less than 1'],
    ['page=x', 'page must be an integer number'],
    ['limit=201', 'limit must not be greater than 200'],
    ['limit=1.5', 'limit must be an integer number'],
    ['sort=size', 'sort must be one of the following values: name, state, lastUsedAt, createdAt'],
    [
      'order=up&limit=0',
      'limit must not be less than 1, order must be one of the following values: asc, desc',
    ],
  ])
    expect(await get(`/snapshots?${query}`)).toMatchObject(badRequest(message))
})
