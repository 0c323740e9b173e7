import { describe, expect, test } from 'vitest'
import { snapshotOf, unprocessable, world } from './support.ts'

describe('Power', () => {
  test('A shutdown has completed before the Droplet is seen as off', async () => {
    const { act, get, droplet } = await world()
    const status = async () => (await get(`/droplets/${droplet.id}`)).body.droplet.status
    expect(await act({ type: 'shutdown' })).toMatchObject({ status: 'completed' })
    expect([await status(), await status()]).toEqual(['active', 'off'])
    await act({ type: 'power_on' })
    expect([await status(), await status()]).toEqual(['off', 'active'])
  })

  test('A guest may ignore a shutdown, never a power off', async () => {
    const { act, get, droplet, cloud } = await world()
    cloud.statusLag = 0
    droplet.ignoresShutdown = true
    const status = async () => (await get(`/droplets/${droplet.id}`)).body.droplet.status
    expect(await act({ type: 'shutdown' })).toMatchObject({ status: 'completed' })
    expect(await status()).toBe('active')
    await act({ type: 'power_off' })
    expect(await status()).toBe('off')
  })

  test('What is off cannot be switched off, what is on not switched on or resized', async () => {
    const { act, post, droplet } = await world()
    const actions = `/droplets/${droplet.id}/actions`
    expect(await post(actions, { type: 'power_on' })).toMatchObject(unprocessable())
    expect(await post(actions, { type: 'resize', size: 's-1vcpu-2gb' })).toMatchObject(
      unprocessable('Droplet is currently on. Please power it off to run this event.'),
    )
    await act({ type: 'power_off' })
    for (const type of ['shutdown', 'power_off', 'power_cycle', 'reboot'])
      expect(await post(actions, { type })).toMatchObject(unprocessable('The droplet is already off.'))
    await act({ type: 'resize', size: 's-1vcpu-2gb', disk: true })
    expect(droplet.size).toMatchObject({ slug: 's-1vcpu-2gb', disk: 50 })
  })

  test('Other actions take effect when they complete, and unknown ones are not available', async () => {
    const { act, post, droplet } = await world()
    for (const type of ['power_cycle', 'password_reset', 'enable_ipv6', 'enable_backups'])
      expect(await act({ type })).toMatchObject({ status: 'completed', type })
    expect(droplet.features).toContain('backups')
    await act({ type: 'rename', name: 'web-02' })
    expect(droplet.name).toBe('web-02')
    const unknown = await post(`/droplets/${droplet.id}/actions`, { type: 'constructor' })
    expect([unknown.status, unknown.body.message]).toEqual([
      404,
      'The specified action type is not available.',
    ])
    expect(await post(`/droplets/${droplet.id}/actions`, {})).toMatchObject(unprocessable())
  })
})

describe('Restore in place', () => {
  test('A snapshot or backup of the same Droplet overwrites its disk when the action completes', async () => {
    const cloud = await world()
    const { droplet, act, post, finished } = cloud
    const snapshot = await snapshotOf(cloud, 'before')
    const backup = cloud.addBackup(droplet, { content: 'last night' })
    droplet.content = 'broken'
    const restore = { type: 'restore', image: snapshot.id }
    const { action } = (await post(`/droplets/${droplet.id}/actions`, restore)).body
    expect(droplet.content).toBe('broken')
    await finished(action)
    expect(droplet.content).toBe('the first state of web-01')
    await act({ type: 'restore', image: backup.id })
    expect(droplet.content).toBe('last night')
  })

  test('What a snapshot holds is the disk at its start', async () => {
    const cloud = await world()
    const { droplet, post, finished, act } = cloud
    const { action } = (await post(`/droplets/${droplet.id}/actions`, { type: 'snapshot', name: 'a' })).body
    droplet.content = 'written meanwhile'
    await finished(action)
    const { snapshots } = (await cloud.get(`/droplets/${droplet.id}/snapshots`)).body
    await act({ type: 'restore', image: snapshots[0].id })
    expect(droplet.content).toBe('the first state of web-01')
  })

  test('An image of another Droplet, or none, is refused; a rebuild takes any that fits', async () => {
    const cloud = await world()
    const other = cloud.addDroplet({ content: 'of another' })
    await cloud.act({ type: 'snapshot', name: 'other' }, other.id)
    const { snapshots } = (await cloud.get(`/droplets/${other.id}/snapshots`)).body
    const image = snapshots[0].id
    const actions = `/droplets/${cloud.droplet.id}/actions`
    for (const bad of [image, 1, String(image), undefined])
      expect(await cloud.post(actions, { type: 'restore', image: bad })).toMatchObject(unprocessable())
    await cloud.act({ type: 'power_off' })
    await cloud.act({ type: 'rebuild', image })
    expect(cloud.droplet).toMatchObject({ content: 'of another', status: 'active' })
    await cloud.act({ type: 'rebuild', image: 'debian-12-x64' })
    expect(cloud.droplet.content).toBe('fresh debian-12-x64')
    for (const bad of ['no-such-slug', 1, '']) {
      expect(await cloud.post(actions, { type: 'rebuild', image: bad })).toMatchObject(unprocessable())
    }
  })

  test('An image in another region or with a larger disk does not fit', async () => {
    const { addDroplet, addBackup, droplet, post } = await world()
    const actions = `/droplets/${droplet.id}/actions`
    const far = addBackup(addDroplet({ region: 'fra1' }))
    const large = addBackup(droplet, { minDiskSize: 50 })
    expect(await post(actions, { type: 'rebuild', image: far.id })).toMatchObject(unprocessable())
    expect(await post(actions, { type: 'restore', image: large.id })).toMatchObject(unprocessable())
  })
})
