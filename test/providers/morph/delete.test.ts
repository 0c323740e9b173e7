import { describe, expect, test } from 'vitest'
import { native, world } from './world.ts'

describe('a plan to delete', () => {
  test('says what goes for good, and what was started from it', async () => {
    const { create, restore, provider, context, copies } = await world()
    const [one, two] = [await create({ name: 'one' }), await create({ name: 'two' })]
    await restore(one)
    const ids = [native(one), native(two), native(one)]
    const plan = await provider.planDelete(ids, context())
    expect(plan).toMatchObject({
      reversible: false,
      summary: expect.stringMatching(/^Delete 2 snapshots at Morph for good: "one" of .*, "two" of /),
      snapshots: [{ id: one.id }, { id: two.id }],
      effects: { instances: [{ instance: copies()[0]?.id, snapshot: one.id }] },
      warnings: [expect.stringContaining(copies()[0]?.id ?? '?')],
    })
    expect((await provider.planDelete([native(two)], context())).warnings).toEqual([])
  })

  test('is another one as soon as something about it changes', async () => {
    const { create, restore, provider, context } = await world()
    const saved = await create()
    const plan = async () => (await provider.planDelete([native(saved)], context())).fingerprint
    const first = await plan()
    expect(await plan()).toBe(first)
    await provider.update!(native(saved), { name: 'renamed' }, context())
    const second = await plan()
    await restore(saved)
    expect(new Set([first, second, await plan()]).size).toBe(3)
  })
})

describe('a delete', () => {
  test('waits until the vendor has nothing left to show', async () => {
    const { create, provider, context, problem, time } = await world()
    const saved = await create()
    const plan = await provider.planDelete([native(saved)], context())
    const before = time.slept.length
    expect(await provider.delete(plan, context())).toEqual({ deleted: [native(saved)], failed: [] })
    expect(time.slept.length).toBeGreaterThan(before)
    await problem(provider.get(native(saved), context()), 'NOT_FOUND')
  })

  test('whose answers are lost is repeated, and what is gone counts as deleted', async () => {
    const { create, provider, context, trouble, morph, asked } = await world({ pollsToComplete: 0 })
    const [one, two] = [await create(), await create()]
    const plan = await provider.planDelete([one, two].map(native), context())
    morph.cloud.snapshots.delete(native(one))
    trouble('DELETE /snapshot/*', 'reset', 'after')
    const { deleted, failed } = await provider.delete(plan, context())
    expect([deleted, failed]).toEqual([[native(one), native(two)], []])
    expect(asked('DELETE /snapshot/*')).toBe(2)
  })

  test('goes on with the others when one is refused', async () => {
    const { create, provider, context, trouble, shelf } = await world()
    const [one, two] = [await create(), await create()]
    const plan = await provider.planDelete([one, two].map(native), context())
    trouble('DELETE /snapshot/*', { answer: { status: 403, body: { detail: 'not yours' } } })
    const { deleted, failed } = await provider.delete(plan, context())
    expect([deleted, failed]).toMatchObject([[native(two)], [{ snapshot: native(one), code: 'FORBIDDEN' }]])
    expect(shelf().find(({ id }) => id === native(one))?.status).toBe('ready')
  })

  test('that nobody can look after is not said to be still there', async () => {
    const { create, provider, context, morph, asked } = await world()
    const saved = await create()
    const plan = await provider.planDelete([native(saved)], context())
    const when = ({ method }: { method: string }) => method === 'GET' && asked('DELETE /snapshot/*') > 0
    morph.faults.push({ when, at: 'before', times: 100, how: 'reset' })
    const { deleted, failed } = await provider.delete(plan, context())
    expect(deleted).toEqual([])
    expect(failed).toMatchObject([
      { message: expect.stringMatching(/The deletion may go on all the same\.$/) },
    ])
  })

  test('that the vendor takes its time for is not called done', async () => {
    const { create, provider, context, morph } = await world()
    const saved = await create()
    const plan = await provider.planDelete([native(saved)], context())
    morph.cloud.pace = { polls: 1_000_000 }
    const { deleted, failed } = await provider.delete(plan, context())
    expect(deleted).toEqual([])
    expect(failed).toMatchObject([{ snapshot: native(saved), code: 'TIMEOUT' }])
    expect(await provider.get(native(saved), context())).toMatchObject({ state: 'deleting' })
  })
})
