import { describe, expect, test } from 'vitest'
import type { ListQuery } from '../../../src/snapshots/provider.ts'
import { native, problemOf, world } from './world.ts'

const query = (fields: Partial<ListQuery> = {}): ListQuery => ({
  include_auto: false,
  include_trashed: false,
  limit: 100,
  ...fields,
})

describe('What a source is called', () => {
  test('with its kind or by its id alone', async () => {
    const { provider, call, source, volume } = await world()
    const resolve = (text: string) => provider.resolveSource(text, call())
    expect(await resolve(`droplet:${source.id}`)).toEqual(source)
    expect(await resolve(source.id)).toEqual(source)
    expect(await resolve(`volume:${volume.id}`)).toEqual(volume)
    expect(await resolve(volume.id)).toEqual(volume)
  })

  test('what is not there is NOT_FOUND, and what is no id is not asked for', async () => {
    const { provider, call, volume, cloud } = await world()
    const codeOf = async (text: string) => (await problemOf(provider.resolveSource(text, call()))).code
    expect(await codeOf('droplet:1')).toBe('NOT_FOUND')
    expect(await codeOf(`volume:${volume.id.replaceAll(/[0-9]/g, '0')}`)).toBe('NOT_FOUND')
    const asked = cloud.requests.length
    for (const text of [
      'web-01',
      'droplet:',
      'volume:1',
      `droplet:${volume.id}`,
      'image:1',
      '..',
      '9'.repeat(40),
    ])
      expect([text, await codeOf(text)]).toEqual([text, 'INVALID_ARGUMENT'])
    expect(cloud.requests).toHaveLength(asked)
  })

  test('nothing, where there is only one thing', async () => {
    const { provider, call, cloud, source } = await world()
    const problem = await problemOf(provider.resolveSource(undefined, call()))
    expect(problem).toMatchObject({
      code: 'INVALID_ARGUMENT',
      hint: expect.stringContaining('snapshot_sources'),
    })
    cloud.cloud.volumes.clear()
    expect(await provider.resolveSource(undefined, call())).toEqual(source)
    cloud.cloud.droplets.clear()
    expect((await problemOf(provider.resolveSource(undefined, call()))).code).toBe('INVALID_ARGUMENT')
  })

  test('Droplets and volumes are listed as sources, page by page', async () => {
    const { provider, call, cloud, create } = await world()
    cloud.addVolume({ name: 'data-02' })
    await create()
    const { items } = await provider.sources({ limit: 10 }, call())
    expect(items.map(({ name }) => name).sort()).toEqual(['data-01', 'data-02', 'web-01'])
    expect(items.find(({ kind }) => kind === 'droplet')).toMatchObject({
      provider: 'digitalocean',
      source: `droplet:${cloud.droplet.id}`,
      snapshots: 1,
      note: 'active, nyc3, disk of 25 GB',
    })
    expect((await provider.sources({ limit: 10, query: 'data-02' }, call())).items).toHaveLength(1)
    const first = await provider.sources({ limit: 2 }, call())
    const second = await provider.sources({ limit: 2, cursor: first.next! }, call())
    expect([...first.items, ...second.items]).toEqual(items)
    expect(second.next).toBeUndefined()
  })
})

describe('The list of snapshots', () => {
  test('has those of Droplets and of volumes, newest first', async () => {
    const { provider, create, call, volume, source, time } = await world()
    const one = await create({ name: 'one' })
    time.pass(1000)
    const two = await create({ name: 'two', source: volume })
    time.pass(1000)
    const auto = await create({ name: 'three', auto: true })
    const ids = async (fields?: Partial<ListQuery>) =>
      (await provider.list(query(fields), call())).items.map(({ id }) => id)
    expect(await ids()).toEqual([two.id, one.id])
    expect(await ids({ include_auto: true })).toEqual([auto.id, two.id, one.id])
    expect(await ids({ source: volume })).toEqual([two.id])
    expect(await ids({ source })).toEqual([one.id])
    expect(await ids({ source: { ...source, id: '1' } })).toEqual([])
    expect(await ids({ name: 'TWO' })).toEqual([two.id])
    expect((await provider.list(query({ name: 'two' }), call())).items).toEqual([two])
  })

  test('is read to its last page', async () => {
    const { provider, call, cloud, sent } = await world()
    for (let n = 0; n < 205; n++) {
      const image = cloud.addBackup(cloud.droplet, { name: `number ${n}` })
      image.type = 'snapshot'
    }
    const first = await provider.list(query(), call())
    expect(first.items).toHaveLength(100)
    const second = await provider.list(query({ cursor: first.next! }), call())
    const third = await provider.list(query({ cursor: second.next! }), call())
    expect(third.items).toHaveLength(5)
    const all = [first, second, third].flatMap(({ items }) => items)
    expect(new Set(all.map(({ id }) => id)).size).toBe(205)
    expect(sent('GET', '/snapshots')).toHaveLength(9)
  })

  test('shows what others have made, with its own name and without what could be no label', async () => {
    const { provider, call, cloud } = await world()
    const tags = ['web', 'env:prod', 'env:dev', ':odd', 'x'.repeat(200), 'Snapshot-MCP:other']
    const image = cloud.addBackup(cloud.droplet, { name: 'nightly ~op', tags })
    image.type = 'snapshot'
    const { items } = await provider.list(query(), call())
    expect(items).toMatchObject([{ name: 'nightly ~op', auto: false, native: { tags } }])
    expect(items[0]!.labels).toEqual({ web: '', env: 'prod', ':odd': '' })
  })

  test('has only those of one type or in one region, where that is asked for', async () => {
    const { provider, create, call, volume, cloud } = await world()
    const [one, two] = [await create(), await create()]
    const disk = await create({ source: volume })
    cloud.cloud.images.get(Number(native(two)))!.regions = ['nyc3', 'fra1']
    const ids = async (options: Record<string, unknown>, fields: Partial<ListQuery> = {}) =>
      (await provider.list(query({ options, ...fields }), call())).items.map(({ id }) => id).sort()
    expect(await ids({ type: 'droplet' })).toEqual([one.id, two.id].sort())
    expect(await ids({ type: 'volume' })).toEqual([disk.id])
    expect(await ids({ region: 'fra1' })).toEqual([two.id])
    expect(await ids({ type: 'volume', region: 'fra1' })).toEqual([])
    expect(await ids({ type: 'droplet' }, { source: volume })).toEqual([])
  })

  test('leaves out what cannot be read, and says so in the log', async () => {
    const { provider, create, call, cloud } = await world()
    const saved = await create()
    const odd = { ...saved.native, id: '77', created_at: 'some day' }
    cloud.faults.push({
      when: ({ path, query }) => path === '/v2/snapshots' && query.get('resource_type') === 'droplet',
      at: 'before',
      how: { answer: { status: 200, body: { snapshots: [odd, saved.native], links: {} } } },
    })
    const warnings: unknown[] = []
    const log = { debug() {}, info() {}, error() {}, warn: (...said: unknown[]) => void warnings.push(said) }
    const { items } = await provider.list(query(), call({ log }))
    expect(items.map(({ id }) => id)).toEqual([saved.id])
    expect(warnings).toEqual([
      [expect.stringContaining('left out'), expect.objectContaining({ at: 'created_at' })],
    ])
  })

  test('goes on where the key may not see the machines', async () => {
    const { provider, create, call, cloud, source } = await world()
    await create()
    cloud.faults.push({
      when: ({ path }) => path.startsWith('/v2/droplets'),
      at: 'before',
      how: { answer: { status: 403, body: { id: 'forbidden', message: 'No access.' } } },
    })
    const { items } = await provider.list(query(), call())
    expect(items).toMatchObject([{ source: { kind: 'droplet', id: source.id, name: source.id } }])
  })
})

describe('One snapshot', () => {
  test('is shown with everything that the vendor says, what nobody knows yet included', async () => {
    const { provider, create, call, cloud } = await world()
    const saved = await create()
    cloud.faults.push({
      when: ({ path }) => path.startsWith('/v2/snapshots/'),
      at: 'before',
      how: {
        answer: {
          status: 200,
          body: { snapshot: { ...saved.native, tags: null, regions: null, novelty: { deep: [1] } } },
        },
      },
    })
    const found = await provider.get(native(saved), call())
    expect(found.native).toMatchObject({ novelty: { deep: [1] }, tags: null })
    expect(found.labels).toEqual({})
    expect(found).not.toHaveProperty('regions')
  })

  test('that is none is NOT_FOUND, and what is no id is not asked for', async () => {
    const { provider, call, cloud } = await world()
    const backup = cloud.addBackup(cloud.droplet)
    const missing = ['999999999', String(backup.id), '11111111-2222-3333-4444-555555555555']
    for (const id of missing) expect((await problemOf(provider.get(id, call()))).code).toBe('NOT_FOUND')
    const asked = cloud.requests.length
    for (const id of ['0'.repeat(32), 'no-such-snapshot', '..%2f..', 'f'.repeat(199), '..', '', '1e3', '-1'])
      for (const work of [
        provider.get(id, call()),
        provider.planDelete([id], call()),
        provider.planRestore({ snapshot: id, mode: 'in_place', count: 1 }, call()),
        provider.update!(id, { name: 'x' }, call()),
      ])
        expect((await problemOf(work)).code).toBe('NOT_FOUND')
    expect(cloud.requests).toHaveLength(asked)
  })
})
