import { describe, expect, test } from 'vitest'
import { type Json, missing, snapshotOf, unprocessable, world } from './support.ts'

const PENDING = 'Droplet already has a pending event.'

describe('A snapshot of a Droplet', () => {
  test('The action stays in progress for as many polls as configured, and the snapshot appears only after', async () => {
    const { get, post, droplet } = await world({ pollsToComplete: 3 })
    const started = await post(`/droplets/${droplet.id}/actions`, { type: 'snapshot', name: 'before' })
    const { action } = started.body
    expect([started.status, action]).toMatchObject([
      201,
      {
        status: 'in-progress',
        type: 'snapshot',
        started_at: '2026-11-21T10:00:00Z',
        completed_at: null,
        resource_id: droplet.id,
        resource_type: 'droplet',
        region_slug: 'nyc3',
      },
    ])
    const statuses: string[] = []
    for (const path of [`/droplets/${droplet.id}`, '', `/droplets/${droplet.id}`])
      statuses.push((await get(`${path}/actions/${action.id}`)).body.action.status)
    expect(statuses).toEqual(['in-progress', 'in-progress', 'in-progress'])
    expect(droplet).toMatchObject({ status: 'active' })
    expect((await get(`/actions/${action.id}`)).body.action).toMatchObject({
      status: 'completed',
      completed_at: '2026-11-21T10:00:00Z',
    })
    const { snapshots } = (await get(`/droplets/${droplet.id}/snapshots`)).body
    expect(snapshots).toMatchObject([{ name: 'before' }])
    expect((await get(`/droplets/${droplet.id}`)).body.droplet.snapshot_ids).toEqual([snapshots[0].id])
  })

  test('A client that waits for the list alone gets there too', async () => {
    const { get, post, droplet } = await world()
    await post(`/droplets/${droplet.id}/actions`, { type: 'snapshot', name: 'before' })
    const totals: number[] = []
    for (let n = 0; n < 3; n++) totals.push((await get('/snapshots')).body.meta.total)
    expect(totals).toEqual([0, 0, 1])
  })

  test('Below the Droplet it has a number as id and no origin, among all snapshots a text and its origin', async () => {
    const cloud = await world()
    const snapshot = await snapshotOf(cloud, 'before')
    expect(snapshot).toEqual({
      id: expect.any(Number),
      name: 'before',
      created_at: '2026-11-21T10:00:00Z',
      regions: ['nyc3'],
      min_disk_size: 25,
      size_gigabytes: 2.34,
      type: 'snapshot',
    })
    const { type, ...shared } = snapshot
    const inAll = {
      ...shared,
      id: String(snapshot.id),
      resource_id: String(cloud.droplet.id),
      resource_type: 'droplet',
      tags: [],
    }
    expect((await cloud.get('/snapshots?resource_type=droplet')).body.snapshots).toEqual([inAll])
    expect((await cloud.get(`/snapshots/${snapshot.id}`)).body.snapshot).toEqual(inAll)
    expect((await cloud.get('/snapshots?resource_type=volume')).body.snapshots).toEqual([])
    expect(await cloud.get('/snapshots?resource_type=image')).toMatchObject(unprocessable())
  })

  test('The time of completion is missing where the action is read below its Droplet', async () => {
    const { get, act, droplet } = await world()
    const { id } = await act({ type: 'reboot' })
    expect((await get(`/droplets/${droplet.id}/actions/${id}`)).body.action).toMatchObject({
      status: 'completed',
      completed_at: null,
    })
    expect((await get(`/actions/${id}`)).body.action.completed_at).not.toBe(null)
  })

  test('It may be missing from the lists for a while after the action has completed', async () => {
    const { cloud, act, get, droplet } = await world()
    cloud.snapshotLag = 1
    await act({ type: 'snapshot', name: 'late' })
    const total = async () => (await get(`/droplets/${droplet.id}/snapshots`)).body.meta.total
    expect([await total(), await total()]).toEqual([0, 1])
  })

  test('An action can fail without a reason, and then leaves nothing behind', async () => {
    const { failNext, act, get } = await world()
    failNext('snapshot')
    expect(await act({ type: 'snapshot', name: 'lost' })).toMatchObject({ status: 'errored' })
    expect((await get('/snapshots')).body.snapshots).toEqual([])
    expect(await act({ type: 'snapshot', name: 'kept' })).toMatchObject({ status: 'completed' })
  })

  test('Its start may be answered with a page of the edge although it has begun', async () => {
    const { faults, url, token, get, droplet } = await world()
    const page = { status: 504, raw: '<html></html>', headers: { 'content-type': 'text/html' } }
    faults.push({
      when: ({ route }) => route === 'POST /v2/droplets/{droplet}/actions',
      at: 'after',
      how: { answer: page },
    })
    const reply = await fetch(`${url}/v2/droplets/${droplet.id}/actions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'snapshot', name: 'one' }),
    })
    expect([reply.status, await reply.text()]).toEqual([504, '<html></html>'])
    expect((await get(`/droplets/${droplet.id}/actions`)).body.actions).toMatchObject([{ type: 'snapshot' }])
  })

  test('Names need not be unique, and one is made up where none is given', async () => {
    const cloud = await world()
    for (const body of [{ name: 'same' }, { name: 'same' }, {}])
      await cloud.act({ type: 'snapshot', ...body })
    const { snapshots } = (await cloud.get('/snapshots')).body
    expect(snapshots.map((one: Json) => one.name)).toEqual(['same', 'same', `web-01-${cloud.clock.now}`])
  })

  test('It outlives its Droplet, and is gone when it is deleted', async () => {
    const cloud = await world()
    const { id } = await snapshotOf(cloud, 'before')
    const removed = await cloud.del(`/droplets/${cloud.droplet.id}`)
    expect([removed.status, removed.headers.get('content-type')]).toEqual([
      204,
      'application/json; charset=utf-8',
    ])
    expect(await cloud.get(`/droplets/${cloud.droplet.id}/snapshots`)).toMatchObject(missing)
    expect((await cloud.get(`/snapshots/${id}`)).body.snapshot.name).toBe('before')
    expect((await cloud.del(`/snapshots/${id}`)).status).toBe(204)
    expect(await cloud.get(`/snapshots/${id}`)).toMatchObject(missing)
    expect(await cloud.del(`/snapshots/${id}`)).toMatchObject(missing)
  })

  test('With a clock, an action takes its seconds whether anybody looks or not', async () => {
    const { clock, get, post, droplet } = await world({ secondsToComplete: 30 })
    const { action } = (await post(`/droplets/${droplet.id}/actions`, { type: 'reboot' })).body
    clock.now += 29_999
    for (let n = 0; n < 5; n++)
      expect((await get(`/actions/${action.id}`)).body.action.status).toBe('in-progress')
    clock.now += 1
    expect((await post(`/droplets/${droplet.id}/actions`, { type: 'reboot' })).status).toBe(201)
    expect((await get(`/actions/${action.id}`)).body.action.status).toBe('completed')
  })
})

describe('While something is in progress', () => {
  test('A second action and the deletion are refused, and the Droplet is locked', async () => {
    const { post, get, del, occupy, droplet } = await world({ pollsToComplete: 3 })
    const actions = `/droplets/${droplet.id}/actions`
    occupy(droplet)
    expect(await post(actions, { type: 'snapshot', name: 'one' })).toMatchObject(unprocessable(PENDING))
    expect((await get(`/droplets/${droplet.id}`)).body.droplet.locked).toBe(true)
    expect(await del(`/droplets/${droplet.id}`)).toMatchObject(unprocessable(PENDING))
    // Trying again counts as a poll, too.
    expect((await post(actions, { type: 'snapshot', name: 'one' })).status).toBe(201)
  })

  test('Events in the background block without anything to see', async () => {
    const { post, get, droplet } = await world()
    droplet.blocked = 1
    const snapshot = { type: 'snapshot', name: 'one' }
    expect(await post(`/droplets/${droplet.id}/actions`, snapshot)).toMatchObject(
      unprocessable(expect.stringContaining('blocking events')),
    )
    expect((await get(`/droplets/${droplet.id}`)).body.droplet.locked).toBe(false)
    expect((await post(`/droplets/${droplet.id}/actions`, snapshot)).status).toBe(201)
  })

  test('All Droplets with a tag act together or not at all', async () => {
    const { post, get, addDroplet, occupy } = await world()
    const [one, two] = [addDroplet({ tags: ['web'] }), addDroplet({ tags: ['web'] })]
    const busy = occupy(two!)
    expect(await post('/droplets/actions?tag_name=web', { type: 'snapshot' })).toMatchObject(
      unprocessable(expect.stringContaining('one or more of the droplets')),
    )
    expect((await get(`/droplets/${one!.id}/actions`)).body.actions).toEqual([])
    while (busy.status === 'in-progress') await get(`/actions/${busy.id}`)
    const { status, body } = await post('/droplets/actions?tag_name=web', { type: 'snapshot' })
    expect([status, body.actions.map((action: Json) => action.resource_id)]).toEqual([
      201,
      [one!.id, two!.id],
    ])
    expect((await post('/droplets/actions?tag_name=web', { type: 'restore', image: 1 })).status).toBe(404)
  })
})

describe('A new Droplet', () => {
  const spec = { name: 'copy-01', region: 'nyc3', size: 's-1vcpu-1gb' }

  test('It is new until its create action completes, and then has the disk of the snapshot', async () => {
    const cloud = await world()
    const snapshot = await snapshotOf(cloud, 'before')
    const made = await cloud.post('/droplets', { ...spec, image: snapshot.id, tags: ['copy'] })
    expect(made.status).toBe(202)
    const { droplet, links } = made.body
    expect(droplet).toMatchObject({ name: 'copy-01', status: 'new', networks: { v4: [] }, tags: ['copy'] })
    expect(links.actions).toMatchObject([{ rel: 'create', href: expect.stringContaining(cloud.url) }])
    await cloud.finished(links.actions[0])
    const { body } = await cloud.get(`/droplets/${droplet.id}`)
    expect(body.droplet).toMatchObject({ status: 'active', image: { id: snapshot.id } })
    expect(body.droplet.networks.v4).toHaveLength(1)
    expect(cloud.cloud.droplets.get(droplet.id)?.content).toBe('the first state of web-01')
  })

  test('Several are made at once, and a client that polls the Droplet alone sees them become active', async () => {
    const { post, get } = await world()
    const { name, ...rest } = spec
    const made = await post('/droplets', { ...rest, names: ['a', 'b'], image: 'ubuntu-24-04-x64' })
    expect([made.status, made.body.droplets.length, made.body.links.actions.length]).toEqual([202, 2, 2])
    const statuses: string[] = []
    for (let n = 0; n < 3; n++)
      statuses.push((await get(`/droplets/${made.body.droplets[0].id}`)).body.droplet.status)
    expect(statuses).toEqual(['new', 'new', 'active'])
    expect((await get('/droplets?name=B')).body.droplets).toMatchObject([{ name: 'b' }])
  })

  test('The image must exist, be in the region and fit on the disk', async () => {
    const cloud = await world()
    const { id } = await snapshotOf(cloud, 'before')
    const invalid = unprocessable('You specified an invalid image for Droplet creation.')
    expect(await cloud.post('/droplets', { ...spec, image: 'before' })).toMatchObject(invalid)
    expect(await cloud.post('/droplets', { ...spec, image: 1 })).toMatchObject(invalid)
    expect(await cloud.post('/droplets', { ...spec, region: 'fra1', image: id })).toMatchObject(invalid)
    const small = { ...spec, region: 'nyc1', size: 's-1vcpu-512mb-10gb', image: id }
    cloud.cloud.images.get(id)!.regions.push('nyc1')
    expect(await cloud.post('/droplets', small)).toMatchObject(unprocessable())
    expect((await cloud.post('/droplets', { ...spec, image: String(id) })).status).toBe(202)
  })

  test('Name, size and region are checked, and the limit of the account', async () => {
    const { post, cloud } = await world()
    const image = 'ubuntu-24-04-x64'
    for (const wrong of [
      { name: 'under_score' },
      { name: undefined },
      { size: 'huge' },
      { region: 'mars1' },
      { region: 'nyc2' },
      { region: 'lon1', size: 's-1vcpu-512mb-10gb' },
      { volumes: [cloud.volumes.keys().next().value], region: 'fra1' },
    ])
      expect(await post('/droplets', { ...spec, image, ...wrong })).toMatchObject(unprocessable())
    cloud.account.droplet_limit = 1
    expect(await post('/droplets', { ...spec, image })).toMatchObject(
      unprocessable('creating this/these droplet(s) will exceed your droplet limit'),
    )
    expect(cloud.droplets.size).toBe(1)
  })
})
