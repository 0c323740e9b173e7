import { describe, expect, test } from 'vitest'
import type { Fault } from '../../emulators/http.ts'
import { gatewayPage, inPlace, problemOf, toNew, world } from './world.ts'

const AMBIGUOUS: [what: string, how: Fault['how'], at: Fault['at']][] = [
  ['the answer is lost', 'reset', 'after'],
  ['the answer breaks off', 'truncate', 'after'],
  ['a proxy answers 504 with a page, and it has happened', gatewayPage, 'after'],
]
const LOST: typeof AMBIGUOUS = [
  ['the request is lost', 'reset', 'before'],
  ['a proxy answers 504 with a page, and nothing has happened', gatewayPage, 'before'],
]

describe('A request whose fate is not known is not sent again', () => {
  test.each(AMBIGUOUS)('snapshot of a Droplet: %s', async (_, how, at) => {
    const { create, trouble, names, actions } = await world()
    trouble('/actions', how, at)
    expect((await create({ name: 'one' })).name).toBe('one')
    expect(names()).toHaveLength(1)
    expect(actions()).toEqual(['snapshot'])
  })

  test.each(LOST)('snapshot of a Droplet: %s', async (_, how, at) => {
    const { create, provider, request, call, trouble, names, actions } = await world()
    trouble('/actions', how, at)
    const problem = await problemOf(provider.create(request(), call()))
    expect(problem).toMatchObject({ outcome: 'not_started', retryable: true })
    expect(problem.message).toContain('nothing came of it')
    expect([names(), actions()]).toEqual([[], ['snapshot']])
    await create()
    expect(names()).toHaveLength(1)
  })

  test.each(AMBIGUOUS)('snapshot of a volume: %s', async (_, how, at) => {
    const { create, trouble, cloud, volume, sent } = await world()
    trouble('/snapshots', how, at)
    const saved = await create({ source: volume, name: 'one' })
    expect([...cloud.cloud.volumeSnapshots.keys()]).toEqual([saved.native.id])
    expect(sent('POST', '/snapshots')).toHaveLength(1)
  })

  test.each(LOST)('snapshot of a volume: %s', async (_, how, at) => {
    const { provider, request, call, trouble, cloud, volume, sent } = await world()
    trouble('/snapshots', how, at)
    const problem = await problemOf(provider.create(request({ source: volume }), call()))
    expect(problem).toMatchObject({ outcome: 'not_started', retryable: true })
    expect(cloud.cloud.volumeSnapshots.size).toBe(0)
    expect(sent('POST', '/snapshots')).toHaveLength(1)
  })

  test.each(AMBIGUOUS)('restore in place: %s', async (_, how, at) => {
    const { create, provider, call, trouble, cloud, actions } = await world({ safetySnapshots: false })
    const saved = await create()
    cloud.cloud.droplets.get(cloud.droplet.id)!.content = 'spoilt'
    const plan = await provider.planRestore(inPlace(saved), call())
    trouble('/actions', how, at)
    await provider.restore(plan, call())
    expect(cloud.cloud.droplets.get(cloud.droplet.id)!.content).toBe('the first state of web-01')
    expect(actions()).toEqual(['snapshot', 'restore'])
  })

  test.each(AMBIGUOUS)('new Droplet: %s', async (_, how, at) => {
    const { create, provider, call, trouble, cloud, sent } = await world()
    const saved = await create()
    const plan = await provider.planRestore(toNew(saved, { to: 'web-02' }), call())
    trouble('/droplets', how, at)
    const { targets } = await provider.restore(plan, call())
    const made = [...cloud.cloud.droplets.values()].filter(({ name }) => name === 'web-02')
    expect(made.map(({ id }) => String(id))).toEqual(targets!.map(({ id }) => id))
    expect(sent('POST', '/droplets')).toHaveLength(1)
  })

  test.each(AMBIGUOUS)('new volume: %s', async (_, how, at) => {
    const { create, provider, call, trouble, cloud, volume, sent } = await world()
    const saved = await create({ source: volume })
    const plan = await provider.planRestore(toNew(saved, { to: 'data-02' }), call())
    trouble('/volumes', how, at)
    const { targets } = await provider.restore(plan, call())
    const made = [...cloud.cloud.volumes.values()].filter(({ name }) => name === 'data-02')
    expect(made.map(({ id }) => id)).toEqual(targets!.map(({ id }) => id))
    expect(sent('POST', '/volumes')).toHaveLength(1)
  })

  test.each(AMBIGUOUS)('copy to another region: %s', async (_, how, at) => {
    const { create, provider, call, trouble, sent } = await world()
    const saved = await create()
    trouble('/actions', how, at)
    const updated = await provider.update!(String(saved.native.id), { add_regions: ['fra1'] }, call())
    expect(updated.regions).toEqual(['nyc3', 'fra1'])
    expect(sent('POST', `/images/${saved.native.id}/actions`)).toHaveLength(1)
  })

  test('a snapshot that somebody else takes at the same time is not taken for it', async () => {
    const { provider, request, call, trouble, cloud, names } = await world()
    trouble('/actions', 'reset', 'before')
    const of = call({
      note: async () => {
        // Right after the snapshots that there are were looked at.
        const other = cloud.occupy(cloud.droplet, 'snapshot')
        other.pollsLeft = 4
      },
    })
    const problem = await problemOf(provider.create(request(), of))
    expect(problem).toMatchObject({ outcome: 'unknown', retryable: false })
    expect(names()).toEqual([])
  })

  test('where nobody can be asked what came of it, it stays open', async () => {
    const { provider, request, call, trouble, cloud } = await world()
    trouble('/actions', 'reset', 'after')
    cloud.faults.push({
      when: ({ method, path }) => method === 'GET' && path.endsWith('/actions') && cloud.faults.length === 1,
      times: 1000,
      at: 'before',
      how: 'reset',
    })
    const problem = await problemOf(provider.create(request(), call()))
    expect(problem).toMatchObject({ outcome: 'unknown', retryable: false })
  })
})
