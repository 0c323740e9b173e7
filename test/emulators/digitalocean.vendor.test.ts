import { expect, onTestFinished, test } from 'vitest'
import type { Json } from './digitalocean/support.ts'
import { createDigitalOcean, type DigitalOcean } from './digitalocean.ts'
import { uncalled } from './operations.ts'
import { type Prism, startPrism } from './prism.ts'
import { vendorPackage, withVendor } from './vendor.ts'

/** By area and call, as dots-wrapper has them; every call resolves to an axios response. */
type Dots = Record<string, Record<string, (input?: object) => Promise<{ status: number; data: Json }>>>
interface DotsWrapper {
  createApiClient(options: { endpoint: string; token: string }): Dots
}

const SPEC = 'digitalocean.openapi.json'
/** What it takes to start Prism, in milliseconds at the very most. */
const PATIENCE = 60_000

async function emulator(): Promise<DigitalOcean> {
  const server = await createDigitalOcean()
  onTestFinished(() => server.close())
  return server
}

async function prismBefore({ url }: DigitalOcean): Promise<Prism> {
  const prism = await startPrism(SPEC, url)
  onTestFinished(() => prism.stop())
  return prism
}

async function dots(url: string, { token }: DigitalOcean): Promise<Dots> {
  const { createApiClient } = await vendorPackage<DotsWrapper>('dots-wrapper')
  return createApiClient({ endpoint: `${url}/v2`, token })
}

/** Snapshot, poll, find, copy to another region, restore both ways, delete; then the same for a volume. */
async function lifeOfSnapshots(client: Dots, { droplet, volume }: DigitalOcean): Promise<void> {
  const droplet_id = droplet.id
  const done = async (area: string, call: string, ids: object) => {
    let status = 'in-progress'
    while (status === 'in-progress') status = (await client[area]![call]!(ids)).data.action.status
    expect(status).toBe('completed')
  }
  const act = async (call: string, more: object = {}) => {
    const { status, data } = await client.droplet![call]!({ droplet_id, ...more })
    expect([status, data.action.resource_id]).toEqual([201, droplet_id])
    await done('droplet', 'getDropletAction', { droplet_id, action_id: data.action.id })
  }
  await act('shutdownDroplet')
  await act('snapshotDroplet', { name: 'by-dots' })
  await act('powerOnDroplet')

  const own = (await client.droplet!.listDropletSnapshots!({ droplet_id })).data.snapshots
  expect(own).toMatchObject([{ name: 'by-dots', type: 'snapshot' }])
  const image_id: number = own[0].id
  const all = (await client.snapshot!.listSnapshots!({ resource_type: 'droplet' })).data
  expect(all).toMatchObject({ snapshots: [{ id: String(image_id), resource_id: String(droplet_id) }] })

  const transfer = await client.image!.transferImage!({ image_id, region: 'fra1' })
  await done('image', 'getImageAction', { image_id, action_id: transfer.data.action.id })
  const { data: copied } = await client.image!.getImage!({ image_id })
  expect(copied.image.regions).toEqual(['nyc3', 'fra1'])

  droplet.content = 'broken'
  await act('restoreDroplet', { image: image_id })
  expect(droplet.content).toBe('the first state of web-01')
  const spec = { name: 'copy-01', region: 'fra1', size: 's-1vcpu-1gb', image: image_id }
  const made = (await client.droplet!.createDroplet!(spec)).data
  await done('action', 'getAction', { action_id: made.links.actions[0].id })
  const { data: copy } = await client.droplet!.getDroplet!({ droplet_id: made.droplet.id })
  expect(copy.droplet).toMatchObject({ status: 'active', image: { id: image_id } })
  expect((await client.droplet!.deleteDroplet!({ droplet_id: made.droplet.id })).status).toBe(204)

  await client.tag!.createTag!({ name: 'keep' })
  const resources = [{ resource_id: String(image_id), resource_type: 'image' }]
  await client.tag!.tagResources!({ tag_name: 'keep', resources })
  const { data: tagged } = await client.snapshot!.getSnapshot!({ snapshot_id: image_id })
  expect(tagged.snapshot.tags).toEqual(['keep'])
  await client.tag!.untagResources!({ tag_name: 'keep', resources })
  expect((await client.snapshot!.deleteSnapshot!({ snapshot_id: image_id })).status).toBe(204)
  await expect(client.snapshot!.getSnapshot!({ snapshot_id: image_id })).rejects.toMatchObject({
    response: { status: 404 },
  })

  const volume_id = volume.id
  const taken = await client.volume!.createVolumeSnapshot!({ volume_id, name: 'by-dots', tags: [] })
  expect(taken.status).toBe(201)
  const listed = (await client.volume!.listVolumeSnapshots!({ volume_id })).data.snapshots
  expect(listed).toEqual([taken.data.snapshot])
  const again = client.volume!.createVolumeSnapshot!({ volume_id, name: 'too-soon', tags: [] })
  await expect(again).rejects.toMatchObject({ response: { status: 429 } })
  const made2 = await client.volume!.createVolume!({
    ...{ name: 'copy', region: 'nyc3', size_gigabytes: 10 },
    snapshot_id: taken.data.snapshot.id,
  })
  const copyId = made2.data.volume.id
  const attach = { volume_id: copyId, droplet_id, region: 'nyc3' }
  for (const call of ['attachVolumeToDroplet', 'detachVolumeFromDroplet']) {
    const { status, data } = await client.volume![call]!(attach)
    expect(status).toBe(202)
    await done('volume', 'getVolumeAction', { volume_id: copyId, action_id: data.action.id })
  }
  expect((await client.volume!.deleteVolume!({ volume_id: copyId })).status).toBe(204)
  const { id: snapshot_id } = taken.data.snapshot
  expect((await client.snapshot!.deleteSnapshot!({ snapshot_id })).status).toBe(204)
}

withVendor('dots-wrapper', () => {
  test('It leads snapshots of Droplets and volumes through their whole life', async () => {
    const server = await emulator()
    await lifeOfSnapshots(await dots(server.url, server), server)
  })

  test('It pages through a list', async () => {
    const server = await emulator()
    const client = await dots(server.url, server)
    for (let n = 0; n < 30; n++) server.addVolume()
    const pages = [1, 2].map((page) => client.volume!.listVolumes!({ page }))
    const [first, second] = await Promise.all(pages)
    expect([first!.data.volumes.length, second!.data.volumes.length]).toEqual([25, 6])
    expect(second!.data.links.pages.next).toBe(undefined)
  })
})

withVendor('The API description of DigitalOcean', () => {
  test(
    'The whole life of snapshots passes the validating proxy',
    async () => {
      const server = await emulator()
      const prism = await prismBefore(server)
      await lifeOfSnapshots(await dots(prism.url, server), server)
      expect(await prism.violations()).toEqual([])
    },
    PATIENCE,
  )

  test(
    'Every operation in it is answered as it says, refusals included',
    async () => {
      const server = await emulator()
      const prism = await prismBefore(server)
      await everyOperation(prism.url, server)
      expect(await prism.violations()).toEqual([])
      expect(uncalled(SPEC, server.requests)).toEqual([])
    },
    PATIENCE,
  )

  test(
    'The proxy does notice a wrong answer and a wrong request',
    async () => {
      const server = await emulator()
      const prism = await prismBefore(server)
      const headers = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' }
      const wrong = { status: 200, body: { snapshots: [{ id: 7 }], links: {}, meta: { total: 1 } } }
      server.faults.push({ when: () => true, at: 'after', how: { answer: wrong } })
      expect((await fetch(`${prism.url}/v2/snapshots`, { headers })).status).toBe(500)
      const body = JSON.stringify({ type: 'restore', image: 'a name' })
      await fetch(`${prism.url}/v2/droplets/${server.droplet.id}/actions`, { method: 'POST', headers, body })
      expect(await prism.violations()).toHaveLength(2)
      expect(server.requests.map(({ method }) => method)).toEqual(['GET'])
    },
    PATIENCE,
  )
})

/** Plain HTTP, to one origin, with the status that is expected. */
function caller(origin: string, token: string) {
  return async (expected: number, method: string, path: string, body?: object): Promise<Json> => {
    const reply = await fetch(`${origin}/v2${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    const text = await reply.text()
    expect([method, path, reply.status, text]).toEqual([method, path, expected, text])
    return text === '' ? undefined : JSON.parse(text)
  }
}

/** Calls everything at least once. */
async function everyOperation(url: string, server: DigitalOcean): Promise<void> {
  const { droplet, volume, token } = server
  const call = caller(url, token)
  const finish = async (path: string) => {
    while ((await call(200, 'GET', path)).action.status === 'in-progress');
  }
  for (const path of ['/account', '/regions', '/sizes?per_page=2&page=2', '/images?private=false'])
    await call(200, 'GET', path)
  const [d, v] = [`/droplets/${droplet.id}`, `/volumes/${volume.id}`]
  const backup = server.addBackup(droplet)

  const { action } = await call(201, 'POST', `${d}/actions`, { type: 'snapshot', name: 'one' })
  await call(422, 'POST', `${d}/actions`, { type: 'snapshot', name: 'two' })
  await call(200, 'GET', `/actions/${action.id}`)
  await finish(`${d}/actions/${action.id}`)
  const { snapshots } = await call(200, 'GET', `${d}/snapshots`)
  const image = snapshots[0].id
  for (const path of ['/droplets', d, `${d}/backups`, `${d}/actions`, '/actions?per_page=1', '/snapshots'])
    await call(200, 'GET', path)
  await call(200, 'GET', `/snapshots/${image}`)
  await call(400, 'GET', `/snapshots/${backup.id}`)
  await call(422, 'POST', `${d}/actions`, { type: 'restore', image: 1 })
  for (const body of [
    { type: 'rebuild', image: 'debian-12-x64' },
    { type: 'restore', image },
    { type: 'enable_backups' },
    { type: 'rename', name: 'web-02' },
  ]) {
    const started = await call(201, 'POST', `${d}/actions`, body)
    await finish(`${d}/actions/${started.action.id}`)
  }

  const spec = { region: 'nyc3', size: 's-1vcpu-1gb' }
  const made = await call(202, 'POST', '/droplets', { ...spec, names: ['a', 'b'], image, tags: ['web'] })
  for (const { id } of made.links.actions) await finish(`/actions/${id}`)
  // Past the proxy: the description wants exactly one of two schemas that every good body matches both of.
  const direct = caller(server.url, token)
  await direct(201, 'POST', '/droplets/actions?tag_name=web', { type: 'power_off' })
  await call(422, 'POST', '/droplets', { ...spec, name: 'c', image: 'no-such-slug' })
  await call(404, 'DELETE', '/droplets/1')

  await call(200, 'PUT', `/images/${image}`, { name: 'renamed' })
  await call(200, 'GET', `/images/${image}`)
  await call(200, 'GET', '/images/debian-12-x64')
  const transfer = await call(201, 'POST', `/images/${image}/actions`, { type: 'transfer', region: 'fra1' })
  await finish(`/images/${image}/actions/${transfer.action.id}`)
  await call(422, 'POST', `/images/${image}/actions`, { type: 'transfer', region: 'fra1' })
  await call(201, 'POST', `/images/${backup.id}/actions`, { type: 'convert' })
  await call(200, 'GET', `/images/${backup.id}/actions`)

  const give = `/images/${image}/account_transfer`
  const recipient = { recipient_uuid: '4f6c71e2-1e90-4762-9fee-6cc4a0a9f2cf' }
  for (const end of ['cancel', 'decline']) {
    const { transfer_id } = await call(201, 'POST', give, recipient)
    await call(204, 'POST', `${give}/${end}`, { transfer_id })
  }
  const { transfer_id } = await call(201, 'POST', give, { recipient_email: 'alice@example.com' })
  await call(201, 'POST', `${give}/accept`, { transfer_id, ...recipient })
  await call(404, 'DELETE', `/images/${image}`)

  const taken = await call(201, 'POST', `${v}/snapshots`, { name: 'one' })
  await call(409, 'POST', `${v}/snapshots`, { name: 'one' })
  await call(429, 'POST', `${v}/snapshots`, { name: 'two' })
  await call(200, 'GET', `${v}/snapshots`)
  await call(200, 'GET', `/volumes/snapshots/${taken.snapshot.id}`)
  await call(200, 'GET', '/snapshots?resource_type=volume')
  const grow = await call(202, 'POST', `${v}/actions`, { type: 'resize', size_gigabytes: 20, region: 'nyc3' })
  await finish(`${v}/actions/${grow.action.id}`)
  for (const path of [v, `${v}/actions`, '/volumes?name=data-01&region=nyc3']) await call(200, 'GET', path)
  await call(201, 'POST', '/volumes', { name: 'copy', region: 'nyc3', size_gigabytes: 1 })

  await call(201, 'POST', '/tags', { name: 'keep' })
  const resources = [{ resource_id: taken.snapshot.id, resource_type: 'volume_snapshot' }]
  for (const method of ['POST', 'DELETE']) await call(204, method, '/tags/keep/resources', { resources })
  await call(200, 'GET', '/tags')
  await call(204, 'DELETE', `/volumes/snapshots/${taken.snapshot.id}`)
  await call(404, 'DELETE', `/snapshots/${taken.snapshot.id}`)
  await call(204, 'DELETE', v)
  await call(204, 'DELETE', d)
}
