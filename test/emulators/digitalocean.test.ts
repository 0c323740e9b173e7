import { describe, expect, test } from 'vitest'
import { type Json, missing, snapshotOf, unprocessable, world } from './digitalocean/support.ts'

const refusal = expect.toSatisfy((status: number) => status >= 400 && status < 500, 'a refusal')

describe('What every call has in common', () => {
  test('Without the token, or with another one, nothing is answered', async () => {
    const { url, token, requests } = await world()
    const refused = { id: 'unauthorized', message: 'Unable to authenticate you.' }
    for (const authorization of ['', 'Bearer wrong', `Basic ${token}`, token]) {
      const reply = await fetch(`${url}/v2/nothing/here`, { headers: { authorization } })
      expect([reply.status, await reply.json()]).toMatchObject([401, refused])
    }
    expect(requests).toHaveLength(4)
    const right = await fetch(`${url}/v2/account`, { headers: { authorization: `bearer ${token}` } })
    expect(right.status).toBe(200)
  })

  test('An error carries its request id in the body and in a header', async () => {
    const { get } = await world()
    const reply = await get('/droplets/1')
    expect(reply).toMatchObject(missing)
    expect(reply.headers.get('x-request-id')).toBe(reply.body.request_id)
    expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8')
  })

  test('A path that does not exist is not found, and neither are ids of another shape', async () => {
    const { get, del } = await world()
    for (const path of [
      '/nothing',
      '/droplets/web-01',
      '/droplets/0x1',
      '/images/12/actions/1',
      '/snapshots/a',
    ])
      expect(await get(path)).toMatchObject(missing)
    expect(await del('/account')).toMatchObject(missing)
  })

  test('A body that is no JSON object is a bad request', async () => {
    const { url, token, volume } = await world()
    for (const body of ['{', '[]', '"text"', 'null', '']) {
      const reply = await fetch(`${url}/v2/volumes/${volume.id}/snapshots`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body,
      })
      expect([reply.status, await reply.json()]).toMatchObject([
        400,
        { id: 'bad_request', message: 'error parsing request body' },
      ])
    }
  })

  test('No body, however odd, is more than a bad request', async () => {
    const { post, put, del, droplet, volume, addBackup } = await world({ limits: { perMinute: 5000 } })
    const image = `/images/${addBackup(droplet).id}`
    await post('/tags', { name: 'fine' })
    const odd = [null, 7, '', [], {}, [null], { id: null }, 'constructor']
    const members = [
      'type',
      'name',
      'names',
      'tags',
      'image',
      'size',
      'resources',
      'transfer_id',
      'snapshot_id',
    ]
    const bodies: Json[] = [{}, ...members.flatMap((member) => odd.map((value) => ({ [member]: value })))]
    const paths = [
      '/droplets',
      `/droplets/${droplet.id}/actions`,
      '/volumes',
      `/volumes/${volume.id}/actions`,
    ]
    for (const path of [...paths, '/account/keys', `${image}/actions`, `${image}/account_transfer`])
      for (const body of bodies)
        expect([path, body, (await post(path, body)).status]).toEqual([path, body, refusal])
    for (const body of bodies) {
      expect((await put('/account/keys/1', body)).status).toEqual(refusal)
      if (!Array.isArray(body.resources) || body.resources.length > 0)
        expect((await del('/tags/fine/resources', body)).status).toEqual(refusal)
    }
  })

  test('One trailing slash and a page size on any method are accepted', async () => {
    const { get, post, droplet, volume } = await world()
    expect((await get(`/droplets/${droplet.id}/?per_page=200`)).status).toBe(200)
    expect((await post(`/volumes/${volume.id}/snapshots/?per_page=200`, { name: 'one' })).status).toBe(201)
  })
})

describe('Lists come in pages', () => {
  test('Twenty a page unless told otherwise, with links only to where there is something', async () => {
    const { get, addVolume, url } = await world()
    for (let n = 2; n <= 45; n++) addVolume({ name: `data-${n}` })
    const first = await get('/volumes?region=nyc3')
    expect(first.body.volumes).toHaveLength(20)
    expect(first.body.meta).toEqual({ total: 45 })
    expect(first.body.links.pages).toEqual({
      last: `${url}/v2/volumes?region=nyc3&page=3&per_page=20`,
      next: `${url}/v2/volumes?region=nyc3&page=2&per_page=20`,
    })
    const middle = await get('/volumes?page=2')
    expect(Object.keys(middle.body.links.pages)).toEqual(['first', 'prev', 'last', 'next'])
    const last = await get('/volumes?page=3')
    expect(last.body.volumes).toHaveLength(5)
    expect(last.body.links.pages).toEqual({
      first: `${url}/v2/volumes?page=1&per_page=20`,
      prev: `${url}/v2/volumes?page=2&per_page=20`,
    })
    const beyond = await get('/volumes?page=9')
    expect([beyond.status, beyond.body.volumes, beyond.body.meta.total]).toEqual([200, [], 45])
  })

  test('Following the links visits everything once', async () => {
    const { token, url, addVolume, volume } = await world()
    const ids = [volume.id]
    for (let n = 0; n < 6; n++) ids.push(addVolume().id)
    const seen: string[] = []
    let next: string | undefined = `${url}/v2/volumes?per_page=3`
    while (next !== undefined) {
      const reply = await fetch(next, { headers: { authorization: `Bearer ${token}` } })
      const page: Json = await reply.json()
      seen.push(...page.volumes.map((one: Json) => one.id))
      next = page.links.pages?.next
    }
    expect(seen).toEqual(ids)
  })

  test('When everything fits on one page the links are empty', async () => {
    const { get } = await world()
    expect((await get('/snapshots')).body).toEqual({ snapshots: [], links: {}, meta: { total: 0 } })
    expect((await get('/images')).body.links).toEqual({ pages: {} })
  })

  test('Page sizes from 1 to 200 are accepted and others are not', async () => {
    const { get } = await world()
    expect((await get('/actions?per_page=200')).status).toBe(200)
    for (const query of ['per_page=0', 'per_page=201', 'per_page=x', 'page=0', 'page=-1'])
      expect(await get(`/actions?${query}`)).toMatchObject(unprocessable())
  })
})

describe('Requests are counted', () => {
  const limit = (headers: Headers) =>
    ['limit', 'remaining', 'reset'].map((name) => Number(headers.get(`ratelimit-${name}`)))

  test('Every answer says how many are left and when the oldest one expires', async () => {
    const { get, del, clock } = await world()
    const reset = clock.now / 1000 + 3600
    expect(limit((await get('/account')).headers)).toEqual([5000, 4999, reset])
    clock.now += 10_000
    expect(limit((await del('/droplets/1')).headers)).toEqual([5000, 4998, reset])
    clock.now += 3_595_000
    expect(limit((await get('/account')).headers)).toEqual([5000, 4998, reset + 10])
  })

  test('Too many in an hour are refused without a word on how long to wait, and one expired request frees one', async () => {
    const { get, clock } = await world({ limits: { perHour: 2 } })
    await get('/account')
    clock.now += 61_000
    await get('/account')
    const refused = await get('/account')
    expect(refused).toMatchObject({
      status: 429,
      body: { id: 'too_many_requests', message: 'API rate limit exceeded.' },
    })
    expect(refused.headers.get('retry-after')).toBe(null)
    const [, remaining, reset] = limit(refused.headers)
    expect(remaining).toBe(0)
    clock.now = reset! * 1000
    expect((await get('/account')).status).toBe(200)
    expect((await get('/account')).status).toBe(429)
  })

  test('Too many in a minute are refused with the seconds to wait', async () => {
    const { get, clock } = await world({ limits: { perMinute: 3 } })
    for (let n = 0; n < 3; n++) expect((await get('/account')).status).toBe(200)
    clock.now += 20_500
    const refused = await get('/account')
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '40'])
    expect(limit(refused.headers)[1]).toBe(4997)
    clock.now += 40_000
    expect((await get('/account')).status).toBe(200)
  })
})

describe('The account', () => {
  test('It starts with one running Droplet and one volume', async () => {
    const { get, droplet, volume } = await world()
    const droplets = (await get('/droplets')).body.droplets
    expect(droplets).toMatchObject([{ id: droplet.id, name: 'web-01', status: 'active', locked: false }])
    expect((await get('/volumes')).body.volumes).toMatchObject([{ id: volume.id, name: 'data-01' }])
    const { account } = (await get('/account')).body
    expect(account).toMatchObject({ status: 'active', droplet_limit: 25, team: { name: 'My Team' } })
    expect(account).not.toHaveProperty('otherTeams')
  })

  test('Regions and sizes say where what can be had', async () => {
    const { get } = await world()
    const { regions } = (await get('/regions')).body
    const { sizes } = (await get('/sizes')).body
    expect(regions.find((one: Json) => one.slug === 'nyc2')).toMatchObject({ available: false })
    for (const region of regions)
      for (const size of sizes)
        expect(region.sizes.includes(size.slug)).toBe(size.regions.includes(region.slug))
  })

  test('SSH keys come and go', async () => {
    const { get, post, put, del } = await world()
    const public_key = `ssh-ed25519 ${Buffer.from('a public key').toString('base64')} me@here`
    const made = await post('/account/keys', { name: 'mine', public_key })
    expect(made.status).toBe(201)
    const key = made.body.ssh_key
    expect(key.fingerprint).toMatch(/^[0-9a-f]{2}(:[0-9a-f]{2}){15}$/)
    expect(await post('/account/keys', { name: 'again', public_key })).toMatchObject(unprocessable())
    expect(await post('/account/keys', { name: 'bad', public_key: 'nonsense' })).toMatchObject(
      unprocessable(),
    )
    expect((await put(`/account/keys/${key.id}`, { name: 'ours' })).body.ssh_key.name).toBe('ours')
    expect((await get(`/account/keys/${key.fingerprint}`)).body.ssh_key.id).toBe(key.id)
    expect((await get('/account/keys')).body).toMatchObject({
      ssh_keys: [{ id: key.id }],
      meta: { total: 1 },
    })
    expect((await del(`/account/keys/${key.id}`)).status).toBe(204)
    expect(await get(`/account/keys/${key.id}`)).toMatchObject(missing)
  })
})

describe('Tags', () => {
  test('They are put on Droplets, images, volumes and volume snapshots, and counted', async () => {
    const cloud = await world()
    const { get, post, del, droplet, volume } = cloud
    const image = await snapshotOf(cloud, 'one')
    const snapshot = (await post(`/volumes/${volume.id}/snapshots`, { name: 'two' })).body.snapshot
    expect(snapshot.tags).toBe(null)
    expect((await post('/tags', { name: 'env:prod' })).status).toBe(201)
    const resources = [
      { resource_id: String(droplet.id), resource_type: 'droplet' },
      { resource_id: String(image.id), resource_type: 'image' },
      { resource_id: volume.id, resource_type: 'volume' },
      { resource_id: snapshot.id, resource_type: 'volume_snapshot' },
    ]
    expect((await post('/tags/env:prod/resources', { resources })).status).toBe(204)
    expect((await get('/tags')).body.tags).toMatchObject([
      {
        name: 'env:prod',
        resources: {
          count: 4,
          droplets: { count: 1 },
          images: { count: 1 },
          volumes: { count: 1 },
          volume_snapshots: { count: 1 },
        },
      },
    ])
    const tagged = (await get('/snapshots')).body.snapshots
    expect(tagged.map((one: Json) => one.tags)).toEqual([['env:prod'], ['env:prod']])
    expect((await get('/droplets?tag_name=env:prod')).body.meta.total).toBe(1)
    expect((await get('/images?tag_name=env:prod')).body.images).toMatchObject([{ id: image.id }])

    expect((await del('/tags/env:prod/resources', { resources: resources.slice(0, 2) })).status).toBe(204)
    expect((await get('/tags/env:prod')).body.tag.resources.count).toBe(2)
    expect((await del('/tags/env:prod')).status).toBe(204)
    expect((await get(`/snapshots/${snapshot.id}`)).body.snapshot.tags).toEqual([])
  })

  test('A bad name is refused in a shape of its own, an unknown resource changes nothing', async () => {
    const { post, get, droplet } = await world()
    expect(await post('/tags', { name: 'not allowed' })).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining('invalid characters'), root_causes: [expect.any(String)] },
    })
    await post('/tags', { name: 'fine' })
    const resources = [
      { resource_id: String(droplet.id), resource_type: 'droplet' },
      { resource_id: '1', resource_type: 'image' },
    ]
    expect(await post('/tags/fine/resources', { resources })).toMatchObject(missing)
    expect((await get('/tags/fine')).body.tag.resources.count).toBe(0)
    expect(await post('/tags/unknown/resources', { resources: [] })).toMatchObject(missing)
  })
})
