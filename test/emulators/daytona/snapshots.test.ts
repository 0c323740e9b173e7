import { describe, expect, test } from 'vitest'
import {
  anyText,
  badRequest,
  conflict,
  course,
  DAY,
  forbidden,
  type Json,
  MINUTE,
  notFound,
  serve,
} from './support.ts'

const IMAGE = { name: 'one', imageName: 'ubuntu:22.04' }

describe('A snapshot of a registry image', () => {
  test('It is pending, then pulled, then active, and its size comes with the pull', async () => {
    const { post, until } = await serve()
    const { status, body } = await post('/snapshots', IMAGE)
    expect([status, body]).toMatchObject([
      200,
      { state: 'pending', size: null, cpu: 1, mem: 1, disk: 3, gpu: 0 },
    ])
    expect(body).toMatchObject({ entrypoint: null, lastUsedAt: null, general: false, regionIds: ['us'] })
    const seen = await until('/snapshots/one', 'active')
    expect(seen.map(({ state, size }) => [state, size])).toEqual([
      ['pending', null],
      ['pulling', 0.125],
      ['pulling', 0.125],
      ['active', 0.125],
    ])
  })

  test('Resources, entrypoint and region are kept, and what is not known is ignored', async () => {
    const { post } = await serve()
    const asked = {
      ...IMAGE,
      cpu: 2,
      memory: 4,
      disk: 5,
      entrypoint: ['sleep', '1'],
      regionId: 'eu',
      bogus: 1,
    }
    const { body } = await post('/snapshots', asked)
    expect(body).toMatchObject({ cpu: 2, mem: 4, disk: 5, entrypoint: ['sleep', '1'], regionIds: ['eu'] })
    expect(body).not.toHaveProperty('bogus')
  })

  test('One that is not in the registry ends in error, with the reason', async () => {
    const { post, until } = await serve()
    await post('/snapshots', { name: 'm', imageName: 'missing/img:1' })
    const seen = await until('/snapshots/m', 'error')
    expect(seen.at(-1)).toMatchObject({
      errorReason: 'image docker.io/missing/img:1 not found in registry',
      size: null,
    })
  })

  test('One that never arrives is given up after an hour', async () => {
    const { post, get, clock, until } = await serve()
    await post('/snapshots', { name: 's', imageName: 'slow/img:1' })
    await until('/snapshots/s', 'pulling')
    for (let looks = 0; looks < 20; looks++) await get('/snapshots/s')
    clock.now += 60 * MINUTE - 1
    expect((await get('/snapshots/s')).body.state).toBe('pulling')
    clock.now += 1
    expect((await get('/snapshots/s')).body).toMatchObject({ state: 'error', errorReason: anyText })
  })

  test('What cannot be made is refused with the words of the server', async () => {
    const { post } = await serve({ quotas: { snapshots: 1 } })
    const digest = 'a'.repeat(64)
    for (const [given, message] of [
      [{ name: undefined }, 'name must be a string'],
      [{ name: 'a b' }, /^Invalid snapshot name format/],
      [{ name: 'a//b' }, /^Invalid snapshot name format/],
      [{ imageName: undefined }, 'Must specify an image name when not using a build info entry'],
      [{ imageName: 'ubuntu' }, /^Image name must include a tag/],
      [{ imageName: 'ubuntu:' }, /^Image name must include a tag/],
      [{ imageName: 'ubuntu:latest' }, 'Images with tag ":latest" are not allowed'],
      [{ imageName: 'ubuntu@sha256:12' }, 'Invalid digest format. Must be image@sha256:64_hex_characters'],
      [{ imageName: 'a b:1' }, /^Invalid image name format/],
      [{ cpu: 5 }, /^CPU request 5 exceeds maximum allowed per sandbox \(4\)\.\nNeed higher/],
      [{ memory: 9 }, /^Memory request 9GB exceeds maximum allowed per sandbox \(8GB\)/],
      [{ disk: 11 }, /^Disk request 11GB exceeds maximum allowed per sandbox \(10GB\)/],
      [{ cpu: 'two' }, 'cpu must be an integer number'],
      [{ gpu: 2 }, 'gpu must not be greater than 1'],
      [{ gpu: 1 }, /^Total GPU limit exceeded/],
      [
        { sandboxClass: 'linux-vm' },
        /^No runners are configured in region 'us' for sandbox class 'linux-vm'/,
      ],
      [{ buildInfo: {} }, 'buildInfo.dockerfileContent should not be empty'],
      [
        { buildInfo: { dockerfileContent: 'FROM a:1' } },
        'Cannot specify an image name when using a build info entry',
      ],
    ] as [object, string | RegExp][])
      expect(await post('/snapshots', { ...IMAGE, ...given })).toMatchObject(
        badRequest(typeof message === 'string' ? message : expect.stringMatching(message)),
      )
    const entrypoint = { name: 'b', buildInfo: { dockerfileContent: 'FROM a:1' }, entrypoint: ['x'] }
    expect(await post('/snapshots', entrypoint)).toMatchObject(
      badRequest('Cannot specify an entrypoint when using a build info entry'),
    )
    expect(await post('/snapshots', { ...IMAGE, regionId: 'mars' })).toMatchObject(
      notFound('Region not found'),
    )
    expect(await post('/snapshots', { ...IMAGE, regionId: 'earth' })).toMatchObject(
      forbidden('Region earth is not available to the organization'),
    )
    expect((await post('/snapshots', { name: 'a', imageName: `ubuntu@sha256:${digest}` })).status).toBe(200)
    expect(await post('/snapshots', IMAGE)).toMatchObject(
      badRequest('Snapshot quota exceeded. Maximum allowed: 1'),
    )
  })

  test('Of several with one name at a time exactly one is made', async () => {
    const { post } = await serve()
    const replies = await Promise.all(Array.from({ length: 5 }, () => post('/snapshots', IMAGE)))
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409])
    expect(replies.find(({ status }) => status === 409)).toMatchObject(
      conflict('Snapshot with name "one" already exists for this organization'),
    )
  })

  test('The next pull fails when it is told to', async () => {
    const { post, until, failNext } = await serve()
    failNext('pull', 'no space left on device')
    await post('/snapshots', IMAGE)
    expect((await until('/snapshots/one', 'error')).at(-1).errorReason).toBe('no space left on device')
    await post('/snapshots', { ...IMAGE, name: 'two' })
    await until('/snapshots/two', 'active')
  })
})

describe('The list', () => {
  test('The default order moves with use, and general snapshots come last in any order', async () => {
    const { get, post, addSnapshot, clock, general } = await serve()
    const names = async (query = '') =>
      (await get(`/snapshots?${query}`)).body.items.map(({ name }: Json) => name)
    for (const name of ['b', 'a', 'c']) {
      addSnapshot({ name })
      clock.now += 1000
    }
    addSnapshot({ name: 'unused', lastUsedAt: null })
    expect(await names()).toEqual(['c', 'a', 'b', 'unused', general.name])
    await post('/sandbox', { snapshot: 'b' })
    expect(await names()).toEqual(['b', 'c', 'a', 'unused', general.name])
    expect(await names('order=asc')).toEqual(['a', 'c', 'b', 'unused', general.name])
    expect(await names('sort=createdAt&order=asc')).toEqual(['b', 'a', 'c', 'unused', general.name])
    expect(await names('sort=name&order=asc&limit=2&page=2')).toEqual(['c', 'unused'])
  })

  test('A name is found by any part of it, whatever the case', async () => {
    const { get, addSnapshot } = await serve()
    for (const name of ['Web-one', 'web-two', 'other']) addSnapshot({ name })
    expect((await get('/snapshots?name=WEB-')).body).toMatchObject({ total: 2, totalPages: 1 })
  })

  test('The source is a filter on the newer servers only', async () => {
    for (const [generation, total] of [
      ['record-first', 1],
      ['v0.190', 3],
    ] as const) {
      const { get, addSnapshot } = await serve({ generation })
      addSnapshot({ sourceSandboxId: 'x' })
      addSnapshot()
      const { body } = await get('/snapshots?sourceSandboxId=x')
      expect(body.total).toBe(total)
      expect('sourceSandboxId' in body.items[0]).toBe(generation === 'record-first')
    }
  })

  test('A look at the list is a look at every snapshot in it', async () => {
    const { get, post } = await serve()
    await post('/snapshots', IMAGE)
    const states: string[] = []
    for (let looks = 0; looks < 4; looks++) states.push((await get('/snapshots')).body.items[0].state)
    expect(states).toEqual(['pending', 'pulling', 'pulling', 'active'])
  })
})

describe('Deleting', () => {
  test('The row stays for a while and keeps its name; another deletion is fine', async () => {
    const { get, post, del, addSnapshot } = await serve()
    const { id } = addSnapshot({ name: 'one' })
    expect(await del(`/snapshots/${id}`)).toMatchObject({ status: 200, body: undefined })
    expect((await get('/snapshots/one')).body.state).toBe('removing')
    expect((await post('/snapshots', IMAGE)).status).toBe(409)
    expect((await del(`/snapshots/${id}`)).status).toBe(200)
    expect(await get('/snapshots/one')).toMatchObject(notFound('Snapshot with name one not found'))
    expect(await del(`/snapshots/${id}`)).toMatchObject(notFound(`Snapshot with name ${id} not found`))
    expect((await post('/snapshots', IMAGE)).status).toBe(200)
  })

  test('Only by id, and never what belongs to everybody', async () => {
    const { del, addSnapshot, general } = await serve()
    addSnapshot({ name: 'one' })
    expect(await del('/snapshots/one')).toMatchObject(badRequest('Validation failed (uuid is expected)'))
    expect(await del(`/snapshots/${general.id}`)).toMatchObject(
      forbidden('You cannot delete a general snapshot'),
    )
  })

  test('One that a sandbox uses goes too, and the sandbox stays', async () => {
    const { get, del, addSnapshot, addSandbox } = await serve()
    const { id } = addSnapshot({ name: 'base' })
    addSandbox({ name: 'user', snapshot: 'base' })
    expect((await del(`/snapshots/${id}`)).status).toBe(200)
    expect((await get('/sandbox/user')).body).toMatchObject({ state: 'started', snapshot: 'base' })
  })

  test('One that is being made is gone for good', async () => {
    const { get, post, del } = await serve()
    const { id } = (await post('/snapshots', IMAGE)).body
    await del(`/snapshots/${id}`)
    for (let looks = 0; looks < 5; looks++) await get(`/snapshots/${id}`)
    expect((await get(`/snapshots/${id}`)).status).toBe(404)
  })
})

describe('Activating and deactivating', () => {
  test('What was deactivated can be activated ten minutes later, and is pulled again', async () => {
    const { get, post, addSnapshot, clock, until } = await serve()
    const { id } = addSnapshot({ name: 'one' })
    expect(await post(`/snapshots/${id}/activate`)).toMatchObject(
      badRequest(`Snapshot ${id} is already active`),
    )
    for (let twice = 0; twice < 2; twice++)
      expect(await post(`/snapshots/${id}/deactivate`)).toMatchObject({ status: 204, body: undefined })
    expect((await get('/snapshots/one')).body.state).toBe('inactive')
    clock.now += 10 * MINUTE - 1
    expect(await post(`/snapshots/${id}/activate`)).toMatchObject(
      badRequest('Snapshot deactivation is still in progress. Please try again in a few minutes.'),
    )
    clock.now += 1
    expect((await post(`/snapshots/${id}/activate`)).body).toMatchObject({ state: 'pending', size: 0.125 })
    expect(course(await until('/snapshots/one', 'active'))).toEqual(['pending', 'pulling', 'active'])
  })

  test('Deactivating what is being removed takes the removal back', async () => {
    const { get, post, del, addSnapshot } = await serve()
    const { id } = addSnapshot()
    await del(`/snapshots/${id}`)
    await post(`/snapshots/${id}/deactivate`)
    for (let looks = 0; looks < 5; looks++)
      expect((await get(`/snapshots/${id}`)).body.state).toBe('inactive')
  })

  test('A failed one cannot be activated, and the quota counts', async () => {
    const { post, addSnapshot } = await serve({ quotas: { snapshots: 1 } })
    const failed = addSnapshot({ state: 'error' })
    expect(await post(`/snapshots/${failed.id}/activate`)).toMatchObject(
      badRequest(`Snapshot ${failed.id} cannot be activated - it is in error state`),
    )
    const idle = addSnapshot({ state: 'inactive' })
    addSnapshot()
    expect(await post(`/snapshots/${idle.id}/activate`)).toMatchObject(
      badRequest('Snapshot quota exceeded. Maximum allowed: 1'),
    )
    expect(await post('/snapshots/one/activate')).toMatchObject(
      badRequest('Validation failed (uuid is expected)'),
    )
  })

  test('Two weeks without use make it inactive; those of everybody stay', async () => {
    const { get, post, addSnapshot, clock, general } = await serve()
    const { id } = addSnapshot({ name: 'one' })
    clock.now += 13 * DAY
    expect((await post('/sandbox', { snapshot: 'one' })).status).toBe(200)
    clock.now += 14 * DAY - 1
    expect((await get('/snapshots/one')).body.state).toBe('active')
    clock.now += 1
    expect((await get('/snapshots/one')).body.state).toBe('inactive')
    expect(await post('/sandbox', { snapshot: id })).toMatchObject(badRequest(`Snapshot ${id} is inactive`))
    expect((await get(`/snapshots/${general.id}`)).body.state).toBe('active')
  })
})
