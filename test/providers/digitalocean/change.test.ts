import { describe, expect, test } from 'vitest'
import { native, problemOf, world } from './world.ts'

describe('An update', () => {
  test('of the name keeps what tells the snapshot from all others', async () => {
    const { create, provider, call, names } = await world()
    const saved = await create({ name: 'old', auto: true })
    const [sent] = names()
    const updated = await provider.update!(native(saved), { name: 'new' }, call())
    expect(updated).toMatchObject({ name: 'new', auto: true })
    expect(names()).toEqual([sent!.replace('old', 'new')])
  })

  test('of labels replaces those that are shown, and leaves what is not', async () => {
    const { create, provider, call, volume } = await world()
    for (const source of [undefined, volume]) {
      const saved = await create({
        ...(source && { source }),
        labels: { env: 'prod', web: '' },
        options: { tags: ['env:dev', 'x'.repeat(100)] },
        protected: true,
      })
      const updated = await provider.update!(native(saved), { labels: { web: '', team: 'blue' } }, call())
      expect(updated).toMatchObject({ labels: { web: '', team: 'blue' }, protected: true })
      expect(updated.native.tags).toEqual(
        expect.arrayContaining(['web', 'team:blue', 'env:dev', 'x'.repeat(100), 'snapshot-mcp:protected']),
      )
      expect(updated.native.tags).toHaveLength(5)
    }
  })

  test('of labels leaves those alone that are too many to be shown', async () => {
    const { create, provider, call, cloud } = await world()
    const saved = await create()
    const tags = Array.from({ length: 40 }, (_, n) => `tag-${n}`)
    cloud.cloud.images.get(Number(native(saved)))!.tags = tags
    for (const tag of tags) cloud.cloud.tags.add(tag)
    const { labels } = await provider.get(native(saved), call())
    expect(Object.keys(labels)).toEqual(tags.slice(0, 32))
    const updated = await provider.update!(native(saved), { labels: { 'tag-0': '' } }, call())
    expect(updated.native.tags).toEqual(['tag-0', ...tags.slice(32)])
  })

  test('uses a tag that is there where the key may not make any', async () => {
    const { create, provider, call, cloud } = await world()
    const saved = await create()
    cloud.cloud.tags.add('web')
    const forbidden = { answer: { status: 403, body: { id: 'forbidden', message: 'No access.' } } }
    cloud.faults.push({
      when: ({ method, path }) => method === 'POST' && path === '/v2/tags',
      times: 2,
      at: 'before',
      how: forbidden,
    })
    const updated = await provider.update!(native(saved), { labels: { web: '' } }, call())
    expect(updated.labels).toEqual({ web: '' })
    expect(await problemOf(provider.update!(native(saved), { labels: { new: '' } }, call()))).toMatchObject({
      code: 'FORBIDDEN',
      outcome: 'not_started',
    })
  })

  test('does not make the snapshot of somebody else pass for one of this server', async () => {
    const { create, provider, call, cloud, names } = await world()
    const image = cloud.addBackup(cloud.droplet, { name: 'theirs' })
    image.type = 'snapshot'
    const name = 'x~auto_op_0123456789abcdef0123'
    expect(await problemOf(provider.update!(String(image.id), { name }, call()))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      outcome: 'not_started',
    })
    expect(names()).toEqual(['theirs'])
    const other = await provider.update!(String(image.id), { name: 'x~auto_op_short1234' }, call())
    expect(other).toMatchObject({ name: 'x~auto_op_short1234', auto: false })
    const own = await create()
    expect(await provider.update!(native(own), { name }, call())).toMatchObject({ name, auto: false })
  })

  test('of the protection can be taken back by a person only', async () => {
    const { create, provider, call } = await world()
    const saved = await create({ labels: { env: 'prod' } })
    const kept = await provider.update!(native(saved), { protected: true }, call())
    expect(kept).toMatchObject({ protected: true, labels: { env: 'prod' } })
    const free = await provider.unprotect!(native(saved), call())
    expect(free).toMatchObject({ protected: false, labels: { env: 'prod' } })
  })

  test('with labels that cannot be tags changes nothing', async () => {
    const { create, provider, call, cloud } = await world()
    const saved = await create({ name: 'old' })
    const asked = cloud.requests.length
    const change = { name: 'new', protected: true, labels: { 'not allowed': '' } } as const
    expect((await problemOf(provider.update!(native(saved), change, call()))).code).toBe('INVALID_ARGUMENT')
    expect(cloud.requests.slice(asked).every(({ method }) => method === 'GET')).toBe(true)
  })

  test('that fails half way says that a part of it was made', async () => {
    const { create, provider, call, trouble } = await world()
    const saved = await create({ name: 'old' })
    trouble('/resources', { answer: { status: 403, body: { id: 'forbidden', message: 'No access.' } } })
    const change = { name: 'new', labels: { web: '' } }
    expect(await problemOf(provider.update!(native(saved), change, call()))).toMatchObject({
      code: 'FORBIDDEN',
      outcome: 'partial',
    })
    expect(await provider.get(native(saved), call())).toMatchObject({ name: 'new', labels: {} })
  })

  test('of a volume snapshot knows neither another name nor another region', async () => {
    const { create, provider, call, volume } = await world()
    const saved = await create({ source: volume })
    for (const change of [{ name: 'new' }, { add_regions: ['fra1'] }])
      expect(await problemOf(provider.update!(native(saved), change, call()))).toMatchObject({
        code: 'UNSUPPORTED',
        outcome: 'not_started',
      })
  })
})

describe('Copies to more regions', () => {
  test('begin together, are watched by the id of the image and end when the region is listed', async () => {
    const { create, provider, call, sent, cloud } = await world({ polls: 5 })
    const saved = await create()
    const of = call()
    const updated = await provider.update!(native(saved), { add_regions: ['fra1', 'nyc3', 'ams3'] }, of)
    expect(updated.regions).toEqual(['nyc3', 'fra1', 'ams3'])
    const started = sent('POST', `/images/${native(saved)}/actions`)
    expect(started.map(({ body }) => body)).toEqual([
      { type: 'transfer', region: 'fra1' },
      { type: 'transfer', region: 'ams3' },
    ])
    const order = cloud.requests.map(({ method, path }) => `${method} ${path}`)
    const actions = `/v2/images/${native(saved)}/actions`
    expect(order.lastIndexOf(`GET ${actions}`)).toBeGreaterThan(order.lastIndexOf(`POST ${actions}`))
    expect(updated.native).not.toHaveProperty('copying_to')
    expect(of.told.length).toBeGreaterThan(0)
  })

  test('are not waited for any longer than a call may take, and are not begun again', async () => {
    const { create, provider, call, sent, time } = await world({ polls: 100 })
    const saved = await create()
    const began = time.now()
    const updated = await provider.update!(native(saved), { add_regions: ['fra1', 'ams3'] }, call())
    expect(time.now() - began).toBeLessThan(30_000)
    expect(updated).toMatchObject({ regions: ['nyc3'], native: { copying_to: ['fra1', 'ams3'] } })
    await provider.update!(native(saved), { add_regions: ['ams3', 'sfo3'] }, call())
    const started = sent('POST', `/images/${native(saved)}/actions`)
    expect(started.map(({ body }) => (body as { region: string }).region)).toEqual(['fra1', 'ams3', 'sfo3'])
  })

  test('of which one is refused say which are on their way', async () => {
    const { create, provider, call, sent } = await world({ polls: 100 })
    const saved = await create()
    const change = { add_regions: ['fra1', 'xxx9'] }
    const problem = await problemOf(provider.update!(native(saved), change, call()))
    expect(problem).toMatchObject({ code: 'INVALID_ARGUMENT', outcome: 'partial', status: 422 })
    expect(problem.message).toMatch(/copy to fra1 is under way; not so that to xxx9/)
    expect(problem.message).not.toContain('Nothing was changed')
    expect(sent('POST', `/images/${native(saved)}/actions`)).toHaveLength(2)
  })

  test('that are there already are no failure', async () => {
    const { create, provider, call, cloud } = await world()
    const saved = await create()
    cloud.faults.push({
      when: ({ method, path }) => method === 'POST' && path.includes('/images/'),
      at: 'before',
      how: {
        answer: { status: 422, body: { id: 'unprocessable_entity', message: 'Already in region.' } },
      },
    })
    const image = cloud.cloud.images.get(Number(native(saved)))!
    const change = { add_regions: ['fra1'] }
    expect((await problemOf(provider.update!(native(saved), change, call()))).status).toBe(422)
    cloud.faults.push({
      when: ({ method, path }) => {
        const met = method === 'POST' && path.includes('/images/')
        if (met) image.regions = ['nyc3', 'fra1']
        return met
      },
      at: 'before',
      how: {
        answer: { status: 422, body: { id: 'unprocessable_entity', message: 'Already in region.' } },
      },
    })
    expect((await provider.update!(native(saved), change, call())).regions).toEqual(['nyc3', 'fra1'])
  })

  test('that fail, or go nowhere, are reported', async () => {
    const { create, provider, call, cloud } = await world()
    const saved = await create()
    cloud.failNext('transfer')
    expect(await problemOf(provider.update!(native(saved), { add_regions: ['fra1'] }, call()))).toMatchObject(
      {
        code: 'PROVIDER_UNAVAILABLE',
        outcome: 'partial',
      },
    )
    expect(
      await problemOf(provider.update!(native(saved), { add_regions: ['moon1'] }, call())),
    ).toMatchObject({
      code: 'INVALID_ARGUMENT',
      status: 422,
    })
  })
})

describe('A delete', () => {
  test('is for good, says what it saves, and takes nothing else', async () => {
    const { create, provider, call, volume, cloud } = await world()
    const [one, two, kept] = [await create(), await create({ source: volume }), await create()]
    const plan = await provider.planDelete([native(one), native(two)], call())
    expect(plan).toMatchObject({
      reversible: false,
      effects: { saves_per_month: { amount: 0.17, currency: 'USD' } },
      warnings: [],
    })
    expect(plan.summary).toContain('0.17 USD a month')
    expect(plan).not.toHaveProperty('undo_until')
    expect((await provider.planDelete([native(one), native(two)], call())).fingerprint).toBe(plan.fingerprint)
    const result = await provider.delete(plan, call())
    expect(result).toEqual({
      deleted: [native(one), native(two)],
      failed: [],
      freed_bytes: one.size_bytes! + two.size_bytes!,
    })
    expect((await problemOf(provider.get(native(one), call()))).code).toBe('NOT_FOUND')
    expect(await provider.get(native(kept), call())).toEqual(kept)
    expect(cloud.cloud.droplets.size).toBe(1)
  })

  test('warns of what may be the last copy', async () => {
    const { create, provider, call, cloud } = await world()
    const saved = await create({ name: 'last one' })
    cloud.cloud.droplets.clear()
    const { warnings } = await provider.planDelete([native(saved)], call())
    expect(warnings).toEqual([expect.stringMatching(/last copy: "last one"/)])
  })

  test('does not touch what is protected, nor what became so', async () => {
    const { create, provider, call } = await world()
    const [one, two] = [await create(), await create({ protected: true })]
    expect(await problemOf(provider.planDelete([native(one), native(two)], call()))).toMatchObject({
      code: 'PROTECTED',
      outcome: 'not_started',
    })
    const three = await create()
    const plan = await provider.planDelete([native(one), native(three)], call())
    await provider.update!(native(one), { protected: true }, call())
    const { deleted, failed } = await provider.delete(plan, call())
    expect(deleted).toEqual([native(three)])
    expect(failed).toMatchObject([{ snapshot: native(one), code: 'PROTECTED' }])
  })

  test('is repeated when nobody answers, and waits until it is gone', async () => {
    const { create, provider, call, cloud, time } = await world()
    const saved = await create()
    const plan = await provider.planDelete([native(saved)], call())
    cloud.faults.push({ when: ({ method }) => method === 'DELETE', at: 'after', how: 'reset' })
    const shown = { status: 200, body: { snapshot: saved.native } }
    cloud.faults.push({
      when: ({ method, path }) =>
        method === 'GET' && path.endsWith(native(saved)) && !cloud.cloud.images.has(Number(native(saved))),
      times: 2,
      at: 'before',
      how: { answer: shown },
    })
    const before = time.slept.length
    expect((await provider.delete(plan, call())).deleted).toEqual([native(saved)])
    expect(time.slept.length).toBeGreaterThan(before + 1)
  })

  test('that is cancelled before it began deletes nothing, and later no more', async () => {
    const { create, provider, call, names, cloud } = await world()
    const [one, two] = [await create(), await create()]
    const plan = await provider.planDelete([native(one), native(two)], call())
    const early = call()
    early.cancel()
    expect(await problemOf(provider.delete(plan, early))).toMatchObject({
      code: 'CANCELLED',
      outcome: 'not_started',
    })
    expect(names()).toHaveLength(2)
    const ctx = call()
    cloud.faults.push({
      when({ path }) {
        const due = path.endsWith(native(two)) && names().length === 1
        if (due) ctx.cancel()
        return due
      },
      at: 'before',
      how: 'hang',
    })
    expect(await provider.delete(plan, ctx)).toMatchObject({
      deleted: [native(one)],
      failed: [{ snapshot: native(two), code: 'CANCELLED' }],
    })
    expect(names()).toHaveLength(1)
  })

  test('of what somebody else has deleted meanwhile is done', async () => {
    const { create, provider, call } = await world()
    const [one, two] = [await create(), await create()]
    const plan = await provider.planDelete([native(one), native(two), native(one)], call())
    expect(plan.snapshots).toHaveLength(2)
    await provider.delete({ ...plan, snapshots: [one] }, call())
    const { deleted, failed } = await provider.delete(plan, call())
    expect([deleted, failed]).toEqual([[native(one), native(two)], []])
  })
})
