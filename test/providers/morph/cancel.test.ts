import { describe, expect, test } from 'vitest'
import { native, world } from './world.ts'

describe('a caller that waits no more', () => {
  test('leaves the capture to the vendor, and does not know the outcome', async () => {
    const { create, context, problem, shelf, time, asked, provider } = await world()
    const ctx = context()
    time.onSleep = () => ctx.cancel()
    const { outcome } = await problem(create({}, ctx), 'CANCELLED')
    expect([outcome, shelf().length, asked('DELETE /snapshot/*')]).toEqual(['unknown', 1, 0])
    const there = await provider.get(shelf()[0]!.id, context())
    expect(['creating', 'ready']).toContain(there.state)
  })

  test('has started nothing when nothing was sent', async () => {
    const { create, restore, context, problem, morph } = await world()
    const saved = await create()
    const before = morph.requests.length
    const signal = AbortSignal.abort()
    const early = await problem(create({}, context({ signal })), 'CANCELLED')
    expect([early.outcome, morph.requests.length]).toEqual(['not_started', before])
    const ctx = context()
    const late = restore(saved, {}, { ...ctx, note: async () => ctx.cancel() })
    expect((await problem(late, 'CANCELLED')).outcome).toBe('not_started')
  })

  test('leaves the copies that were begun, and is told of them', async () => {
    const { create, restore, context, problem, copies, asked } = await world()
    const saved = await create()
    const ctx = context()
    const note = async ({ sending }: Record<string, unknown>) => void (sending === 2 && ctx.cancel())
    const { outcome, details } = await problem(restore(saved, { count: 3 }, { ...ctx, note }), 'CANCELLED')
    expect(copies()).toHaveLength(1)
    expect(details).toMatchObject({ targets: [{ id: copies()[0]?.id }] })
    expect([outcome, asked('DELETE /instance/*')]).toEqual(['unknown', 0])
  })

  test('of a delete is told what is under way', async () => {
    const { create, provider, context, time } = await world()
    const [one, two] = [await create(), await create()]
    const plan = await provider.planDelete([native(one), native(two)], context())
    const ctx = context()
    time.onSleep = () => ctx.cancel()
    const { deleted, failed } = await provider.delete(plan, ctx)
    expect(deleted).toEqual([])
    expect(failed).toEqual(
      [one, two].map((each) => ({
        snapshot: native(each),
        code: 'CANCELLED',
        message: expect.stringContaining('goes on'),
      })),
    )
  })

  test('of a delete half way is told what was deleted and what was not', async () => {
    const { create, provider, context, morph, shelf } = await world({ pollsToComplete: 0 })
    const [one, two] = [await create(), await create()]
    const plan = await provider.planDelete([one, two].map(native), context())
    const ctx = context()
    const gone = () => shelf().find(({ id }) => id === native(one))?.status !== 'ready'
    morph.faults.push({
      when({ path }) {
        const due = path.endsWith(native(two)) && gone()
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
    expect(await provider.get(native(two), context())).toMatchObject({ state: 'ready' })
  })
})

test('what takes longer than the longest wait goes on, and can be taken up later', async () => {
  const { create, problem, time, shelf, context, restart, source } = await world({ pollsToComplete: 10_000 })
  const ctx = context()
  const { outcome, message } = await problem(create({}, ctx), 'TIMEOUT')
  expect([outcome, message]).toEqual(['unknown', expect.stringContaining('goes on')])
  expect(time.slept.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(29 * 60_000)

  shelf()[0]!.status = 'ready'
  const request = { source, name: 'a save point', labels: {}, auto: false, protected: false }
  const left = { operation: ctx.operation, started_at: 0, request, facts: ctx.notes.at(-1) }
  expect(await restart().resume!.create(left, context())).toMatchObject({ snapshot: { state: 'ready' } })
})
