import { describe, expect, test } from 'vitest'
import { type Json, missing, unprocessable, world } from './support.ts'

const MINUTES = 60_000

describe('Snapshots of a volume', () => {
  test('They are there at once, and known under both paths', async () => {
    const { post, get, volume } = await world()
    const made = await post(`/volumes/${volume.id}/snapshots`, { name: 'one', tags: ['nightly'] })
    expect(made).toMatchObject({ status: 201 })
    const { snapshot } = made.body
    expect(snapshot).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: 'one',
      created_at: '2026-11-21T10:00:00Z',
      regions: ['nyc3'],
      min_disk_size: 10,
      size_gigabytes: 0.5,
      resource_id: volume.id,
      resource_type: 'volume',
      tags: ['nightly'],
    })
    for (const path of [`/volumes/${volume.id}/snapshots`, '/snapshots', '/snapshots?resource_type=volume'])
      expect((await get(path)).body.snapshots).toEqual([snapshot])
    for (const path of ['/snapshots', '/volumes/snapshots'])
      expect((await get(`${path}/${snapshot.id}`)).body).toEqual({ snapshot })
    expect((await get('/snapshots?resource_type=droplet')).body.snapshots).toEqual([])
    expect((await get('/tags')).body.tags).toMatchObject([{ name: 'nightly' }])
  })

  test('A second one within ten minutes is refused, and not as the rate limit of the API is', async () => {
    const { post, volume, addVolume, clock } = await world()
    const path = `/volumes/${volume.id}/snapshots`
    await post(path, { name: 'one' })
    clock.now += 10 * MINUTES - 1
    const refused = await post(path, { name: 'two' })
    expect(refused).toMatchObject({
      status: 429,
      body: { message: expect.stringContaining('one request per 10m0s') },
    })
    expect(refused.headers.get('retry-after')).toBe(null)
    expect(Number(refused.headers.get('ratelimit-remaining'))).toBeGreaterThan(0)
    expect((await post(`/volumes/${addVolume().id}/snapshots`, { name: 'other' })).status).toBe(201)
    clock.now += 1
    expect((await post(path, { name: 'two' })).status).toBe(201)
  })

  test('A name is taken once in the account', async () => {
    const { post, addVolume, volume } = await world()
    await post(`/volumes/${volume.id}/snapshots`, { name: 'one' })
    expect(await post(`/volumes/${addVolume().id}/snapshots`, { name: 'one' })).toMatchObject({
      status: 409,
      body: { id: 'conflict', message: 'already exists' },
    })
    expect(await post(`/volumes/${volume.id}/snapshots`, { name: '' })).toMatchObject(unprocessable())
  })

  test('There are at most 25 of one volume', async () => {
    const { post, get, del, volume, clock } = await world()
    const path = `/volumes/${volume.id}/snapshots`
    for (let n = 1; n <= 25; n++) {
      expect((await post(path, { name: `n-${n}` })).status).toBe(201)
      clock.now += 10 * MINUTES
    }
    const full = await post(path, { name: 'n-26' })
    expect([full.status, full.body.message]).toEqual([403, expect.stringContaining('limit exceeded')])
    const oldest = (await get(path)).body.snapshots[0]
    expect((await del(`/volumes/snapshots/${oldest.id}`)).status).toBe(204)
    expect((await post(path, { name: 'n-26' })).status).toBe(201)
  })

  test('They outlive their volume and become new ones, of their own size and in their own region', async () => {
    const { post, get, del, volume, cloud } = await world()
    const { snapshot } = (await post(`/volumes/${volume.id}/snapshots`, { name: 'one' })).body
    expect((await del(`/volumes/${volume.id}`)).status).toBe(204)
    const spec = { name: 'copy', region: 'nyc3', size_gigabytes: 50, snapshot_id: snapshot.id }
    expect(await post('/volumes', { ...spec, region: 'fra1' })).toMatchObject(unprocessable())
    expect(await post('/volumes', { ...spec, snapshot_id: 'unknown' })).toMatchObject(missing)
    const made = await post('/volumes', spec)
    expect(made).toMatchObject({ status: 201, body: { volume: { name: 'copy', size_gigabytes: 10 } } })
    expect(cloud.volumes.get(made.body.volume.id)?.content).toBe('data')
    expect((await del(`/snapshots/${snapshot.id}`)).status).toBe(204)
    expect(await get(`/volumes/snapshots/${snapshot.id}`)).toMatchObject(missing)
  })
})

describe('Volumes', () => {
  test('They are made, found by name and region, and deleted', async () => {
    const { post, get, del } = await world()
    const spec = { name: 'logs', region: 'fra1', size_gigabytes: 5, description: 'logs', tags: ['web'] }
    const made = await post('/volumes', spec)
    expect(made.status).toBe(201)
    expect(made.body.volume).toMatchObject({
      name: 'logs',
      region: { slug: 'fra1' },
      droplet_ids: [],
      tags: ['web'],
    })
    expect((await get('/volumes?name=logs&region=fra1')).body.volumes).toEqual([made.body.volume])
    expect((await get('/volumes?name=logs&region=nyc3')).body.volumes).toEqual([])
    expect((await post('/volumes', spec)).status).toBe(409)
    expect((await del(`/volumes/${made.body.volume.id}`)).status).toBe(204)
    expect(await get(`/volumes/${made.body.volume.id}`)).toMatchObject(missing)
  })

  test('Name, region and size are checked, and the limit of the account', async () => {
    const { post, cloud } = await world()
    const spec = { name: 'logs', region: 'fra1', size_gigabytes: 5 }
    for (const wrong of [
      { name: 'Logs' },
      { name: undefined },
      { region: 'nyc2' },
      { region: undefined },
      { size_gigabytes: 0 },
      { size_gigabytes: '5' },
      { size_gigabytes: 16_385 },
    ])
      expect(await post('/volumes', { ...spec, ...wrong })).toMatchObject(unprocessable())
    cloud.account.volume_limit = 1
    expect((await post('/volumes', spec)).status).toBe(403)
    expect(cloud.volumes.size).toBe(1)
  })

  test('Attaching takes an action that keeps volume and Droplet busy, and an attached one is not deleted', async () => {
    const { post, get, del, volume, droplet, finished } = await world()
    const started = await post(`/volumes/${volume.id}/actions`, { type: 'attach', droplet_id: droplet.id })
    const { action } = started.body
    expect([started.status, action]).toMatchObject([
      202,
      { type: 'attach_volume', resource_type: 'volume', resource_id: null, status: 'in-progress' },
    ])
    expect((await get(`/volumes/${volume.id}/actions/${action.id}`)).body.action.status).toBe('in-progress')
    expect(await post(`/droplets/${droplet.id}/actions`, { type: 'reboot' })).toMatchObject(unprocessable())
    await finished(action)
    expect((await get(`/volumes/${volume.id}`)).body.volume.droplet_ids).toEqual([droplet.id])
    expect((await get(`/droplets/${droplet.id}`)).body.droplet.volume_ids).toEqual([volume.id])
    expect((await del(`/volumes/${volume.id}`)).status).toBe(409)

    const detach = { type: 'detach', droplet_id: droplet.id }
    await finished((await post(`/volumes/${volume.id}/actions`, detach)).body.action)
    expect((await get(`/volumes/${volume.id}`)).body.volume.droplet_ids).toEqual([])
    expect(await post(`/volumes/${volume.id}/actions`, detach)).toMatchObject(unprocessable())
    const { actions } = (await get(`/volumes/${volume.id}/actions`)).body
    expect(actions.map((one: Json) => one.type)).toEqual(['detach_volume', 'attach_volume'])
  })

  test('A volume only grows, and only goes to a Droplet in its region', async () => {
    const { post, volume, addDroplet, finished } = await world()
    const path = `/volumes/${volume.id}/actions`
    expect(await post(path, { type: 'resize', size_gigabytes: 10 })).toMatchObject(unprocessable())
    await finished((await post(path, { type: 'resize', size_gigabytes: 20 })).body.action)
    expect(volume.sizeGigabytes).toBe(20)
    const far = addDroplet({ region: 'fra1' })
    expect(await post(path, { type: 'attach', droplet_id: far.id })).toMatchObject(unprocessable())
    expect(await post(path, { type: 'attach', droplet_id: 1 })).toMatchObject(missing)
    expect((await post(path, { type: 'mirror' })).status).toBe(404)
  })

  test('A deleted Droplet lets go of its volumes', async () => {
    const { del, get, volume, droplet } = await world()
    volume.dropletId = droplet.id
    await del(`/droplets/${droplet.id}`)
    expect((await get(`/volumes/${volume.id}`)).body.volume.droplet_ids).toEqual([])
  })
})
