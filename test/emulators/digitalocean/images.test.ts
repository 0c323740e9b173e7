import { describe, expect, test } from 'vitest'
import { type Json, missing, snapshotOf, unprocessable, world } from './support.ts'

const NOT_A_SNAPSHOT = { status: 400, body: { id: 'bad_request', message: 'the resource is not a snapshot' } }

describe('Snapshots among the images', () => {
  test('An image list shows public and private ones, and snapshots can be renamed and deleted there', async () => {
    const cloud = await world()
    const { id } = await snapshotOf(cloud, 'before')
    const all = (await cloud.get('/images')).body.images
    expect(all.filter((one: Json) => one.public)).toHaveLength(3)
    const mine = (await cloud.get('/images?private=true')).body.images
    expect(mine).toMatchObject([{ id, type: 'snapshot', slug: null, status: 'available', min_disk_size: 25 }])
    expect((await cloud.get('/images?type=distribution')).body.meta.total).toBe(3)
    expect(await cloud.get('/images?type=snapshot')).toMatchObject(unprocessable())

    const renamed = await cloud.put(`/images/${id}`, { name: 'after', description: 'told' })
    expect(renamed).toMatchObject({ status: 200, body: { image: { name: 'after', description: 'told' } } })
    expect((await cloud.get(`/snapshots/${id}`)).body.snapshot.name).toBe('after')
    expect((await cloud.del(`/images/${id}`)).status).toBe(204)
    expect(await cloud.get(`/snapshots/${id}`)).toMatchObject(missing)
  })

  test('A public image is found by its slug and belongs to nobody', async () => {
    const { get, put, del } = await world()
    const { image } = (await get('/images/debian-12-x64')).body
    expect(image).toMatchObject({ slug: 'debian-12-x64', type: 'base' })
    expect((await put(`/images/${image.id}`, { name: 'mine' })).status).toBe(403)
    expect((await del(`/images/${image.id}`)).status).toBe(403)
  })

  test('Backups and public images are no snapshots', async () => {
    const { get, del, droplet, addBackup } = await world()
    const backup = addBackup(droplet)
    const { image } = (await get('/images/debian-12-x64')).body
    for (const { id } of [backup, image]) {
      expect(await get(`/snapshots/${id}`)).toMatchObject(NOT_A_SNAPSHOT)
      expect(await del(`/snapshots/${id}`)).toMatchObject(NOT_A_SNAPSHOT)
    }
    expect((await get('/snapshots')).body.snapshots).toEqual([])
    const { backups } = (await get(`/droplets/${droplet.id}/backups`)).body
    expect(backups).toMatchObject([{ id: backup.id, type: 'backup' }])
    expect((await get(`/droplets/${droplet.id}`)).body.droplet.backup_ids).toEqual([backup.id])
  })
})

describe('Transfer to another region', () => {
  test('It copies: the region is added when the action completes', async () => {
    const cloud = await world({ pollsToComplete: 1 })
    const { id } = await snapshotOf(cloud, 'before')
    const started = await cloud.post(`/images/${id}/actions`, { type: 'transfer', region: 'fra1' })
    expect(started).toMatchObject({
      status: 201,
      body: {
        action: {
          status: 'in-progress',
          type: 'transfer',
          resource_id: id,
          resource_type: 'image',
          region_slug: 'fra1',
        },
      },
    })
    const path = `/images/${id}/actions/${started.body.action.id}`
    expect((await cloud.get(path)).body.action.status).toBe('in-progress')
    expect(cloud.cloud.images.get(id)?.regions).toEqual(['nyc3'])
    expect((await cloud.get(path)).body.action).toMatchObject({
      status: 'completed',
      completed_at: expect.any(String),
    })
    expect((await cloud.get(`/snapshots/${id}`)).body.snapshot.regions).toEqual(['nyc3', 'fra1'])
    const copy = { name: 'copy', region: 'fra1', size: 's-1vcpu-1gb', image: id }
    expect((await cloud.post('/droplets', copy)).status).toBe(202)
  })

  test('Several run at the same time, and the list of actions has the newest first', async () => {
    const cloud = await world()
    const { id } = await snapshotOf(cloud, 'before')
    for (const region of ['fra1', 'sgp1'])
      expect((await cloud.post(`/images/${id}/actions`, { type: 'transfer', region })).status).toBe(201)
    const { actions } = (await cloud.get(`/images/${id}/actions`)).body
    expect(actions.map((one: Json) => one.region_slug)).toEqual(['sgp1', 'fra1'])
    for (const action of actions) await cloud.finished(action)
    expect((await cloud.get(`/images/${id}`)).body.image.regions.toSorted()).toEqual(['fra1', 'nyc3', 'sgp1'])
  })

  test('The same region, an unknown one and a closed one are refused', async () => {
    const cloud = await world()
    const { id } = await snapshotOf(cloud, 'before')
    for (const region of ['nyc3', 'mars1', 'nyc2', undefined])
      expect(await cloud.post(`/images/${id}/actions`, { type: 'transfer', region })).toMatchObject(
        unprocessable(),
      )
    expect((await cloud.post(`/images/${id}/actions`, { type: 'teleport' })).status).toBe(404)
  })

  test('The action belongs to the image: its own id in place of the image leads nowhere', async () => {
    const cloud = await world()
    const { id } = await snapshotOf(cloud, 'before')
    const { action } = (await cloud.post(`/images/${id}/actions`, { type: 'transfer', region: 'fra1' })).body
    expect(await cloud.get(`/images/${action.id}/actions/${action.id}`)).toMatchObject(missing)
    expect(await cloud.get(`/droplets/${cloud.droplet.id}/actions/${action.id}`)).toMatchObject(missing)
    expect((await cloud.get(`/actions/${action.id}`)).status).toBe(200)
  })
})

test('A backup becomes a snapshot by conversion, a snapshot cannot', async () => {
  const { droplet, addBackup, post, get, finished } = await world()
  const { id } = addBackup(droplet)
  await finished((await post(`/images/${id}/actions`, { type: 'convert' })).body.action)
  expect((await get(`/snapshots/${id}`)).body.snapshot.id).toBe(String(id))
  expect((await get(`/droplets/${droplet.id}/backups`)).body.backups).toEqual([])
  expect(await post(`/images/${id}/actions`, { type: 'convert' })).toMatchObject(unprocessable())
})

describe('Transfer to another account', () => {
  const to = { recipient_email: 'alice@example.com' }

  test('The image stays until the other side accepts', async () => {
    const cloud = await world()
    const { id } = await snapshotOf(cloud, 'before')
    const offered = await cloud.post(`/images/${id}/account_transfer`, to)
    expect(offered).toMatchObject({ status: 201, body: { transfer_id: expect.any(Number) } })
    const { transfer_id } = offered.body
    expect((await cloud.post(`/images/${id}/account_transfer`, to)).status).toBe(409)
    expect((await cloud.get(`/images/${id}`)).status).toBe(200)
    const accepted = { transfer_id, recipient_uuid: 'the-team-of-alice' }
    const reply = await cloud.post(`/images/${id}/account_transfer/accept`, accepted)
    expect([reply.status, reply.body]).toEqual([201, undefined])
    expect(await cloud.get(`/images/${id}`)).toMatchObject(missing)
    expect(await cloud.post(`/images/${id}/account_transfer/accept`, accepted)).toMatchObject(missing)
  })

  test('It can be cancelled by one side and declined by the other', async () => {
    const cloud = await world()
    const { id } = await snapshotOf(cloud, 'before')
    for (const end of ['cancel', 'decline']) {
      const { transfer_id } = (await cloud.post(`/images/${id}/account_transfer`, to)).body
      expect((await cloud.post(`/images/${id}/account_transfer/${end}`, { transfer_id })).status).toBe(204)
      expect((await cloud.get(`/images/${id}`)).status).toBe(200)
    }
  })

  test('A team of the same owner takes it over at once, without an id', async () => {
    const cloud = await world()
    const { id } = await snapshotOf(cloud, 'before')
    cloud.cloud.account.otherTeams.push('our-other-team')
    expect(
      await cloud.post(`/images/${id}/account_transfer`, { recipient_uuid: 'our-other-team' }),
    ).toMatchObject({ status: 201, body: { transfer_id: 0 } })
    expect(await cloud.get(`/images/${id}`)).toMatchObject(missing)
  })

  test('An image on offer to this account appears when it is accepted by the right team', async () => {
    const { offerImage, cloud, get, post } = await world()
    const { id: transfer_id, image } = offerImage({ name: 'a present' })
    const path = `/images/${image.id}/account_transfer`
    expect(await get(`/images/${image.id}`)).toMatchObject(missing)
    expect(await post(`${path}/cancel`, { transfer_id })).toMatchObject(missing)
    expect(await post(`${path}/accept`, { transfer_id, recipient_uuid: 'others' })).toMatchObject(missing)
    expect((await post(`${path}/accept`, { transfer_id })).status).toBe(400)
    const recipient_uuid = cloud.account.team.uuid
    expect((await post(`${path}/accept`, { transfer_id, recipient_uuid })).status).toBe(201)
    expect((await get(`/images/${image.id}`)).body.image.name).toBe('a present')
  })

  test('It needs exactly one recipient and the id of the transfer', async () => {
    const cloud = await world()
    const { id } = await snapshotOf(cloud, 'before')
    for (const bad of [{}, { ...to, recipient_uuid: 'both' }, { recipient_email: 7 }])
      expect((await cloud.post(`/images/${id}/account_transfer`, bad)).status).toBe(400)
    expect((await cloud.post(`/images/${id}/account_transfer/cancel`, {})).status).toBe(400)
    expect((await cloud.post(`/images/${id}/account_transfer/cancel`, { transfer_id: 1 })).status).toBe(404)
  })
})
