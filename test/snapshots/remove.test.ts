import { describe, expect, test } from 'vitest'
import { fail } from '../../src/snapshots/errors.ts'
import type { DeleteReply } from '../../src/snapshots/replies.ts'
import { createMemoryProvider } from './memory-provider.ts'
import { args, caller, createWorld, NOON, refusal, type WorldOptions } from './world.ts'

const HOUR = 3_600_000

/** Snapshots of the desk, one an hour, oldest first. */
async function filled(count: number, options?: WorldOptions) {
  const world = createWorld(options)
  const ids: string[] = []
  for (let hour = 0; hour < count; hour++) {
    ids.push((await world.service.create(args.create(), caller())).snapshot.id)
    world.time.now += HOUR
  }
  const remaining = async () =>
    (await world.service.list(args.list(), caller())).items.map(({ id }) => id).reverse()
  return { ...world, ids, remaining }
}

describe('delete', () => {
  test('takes away what was named, once it is confirmed, and undo brings it back', async () => {
    const { service, ids, remaining } = await filled(3)
    const [first, second, third] = ids
    const snapshots = [first, third, first]
    const { confirmation } = (await service.delete(args.delete({ snapshots }), caller())) as DeleteReply
    expect(await remaining()).toEqual(ids)
    const done = await service.delete(args.delete({ snapshots, confirmation }), caller())
    expect(done).toMatchObject({
      status: 'done',
      deleted: [first, third],
      undo: { until: expect.any(String) },
    })
    expect(done).not.toHaveProperty('failed')
    expect(await remaining()).toEqual([second])

    const { operation = '' } = done as DeleteReply
    const undone = await service.undo(args.undo(operation), caller())
    expect(undone).toMatchObject({ status: 'done', undid: operation })
    expect(undone).not.toHaveProperty('undo')
    expect(await remaining()).toEqual(ids)
    await refusal(service.undo(args.undo(operation), caller()), 'CONFLICT')
  })

  test('that is interrupted half way can be undone', async () => {
    let calls = 0
    const { service, ids, remaining } = await filled(3, {
      memory: {
        at: {
          delete() {
            if (++calls === 2) throw new Error('power')
          },
        },
      },
    })
    const { confirmation } = (await service.delete(args.delete({ snapshots: ids }), caller())) as DeleteReply
    const call = service.delete(args.delete({ snapshots: ids, confirmation }), caller())
    const { operation = '' } = await refusal(call, 'INTERNAL')
    expect(await remaining()).toEqual(ids.slice(1))
    await service.undo(args.undo(operation), caller())
    expect(await remaining()).toEqual(ids)
  })

  test('undone in part says what is no longer in the trash, and undone in nothing is refused', async () => {
    const { service, provider, ids } = await filled(2)
    const { confirmation } = (await service.delete(args.delete({ snapshots: ids }), caller())) as DeleteReply
    const { operation = '' } = (await service.delete(
      args.delete({ snapshots: ids, confirmation }),
      caller(),
    )) as DeleteReply
    const [purged, last] = [...provider.shelf]
    provider.shelf.clear()
    await refusal(service.undo(args.undo(operation), caller()), 'NOT_FOUND')
    if (last) provider.shelf.set(...last)
    const reply = await service.undo(args.undo(operation), caller())
    expect(reply).toMatchObject({
      status: 'done',
      warnings: [expect.stringContaining(purged?.[0] as string)],
    })
  })

  test('for good has no undo, and asks for a person', async () => {
    const { service, ids, start } = await filled(2, { memory: { capabilities: { deletion: 'permanent' } } })
    await refusal(service.delete(args.delete({ snapshots: ids }), caller()), 'POLICY_DENIED')
    const newest = ids.pop()
    expect(newest, 'the newest stays').toBeDefined()
    expect(await start('auto').delete(args.delete({ snapshots: ids }), caller())).toMatchObject({
      status: 'approval_required',
      plan: { reversible: false },
    })
    const { confirmation } = (await service.delete(args.delete({ snapshots: ids }), caller())) as DeleteReply
    const done = await service.delete(args.delete({ snapshots: ids, confirmation }), caller())
    expect(done).toMatchObject({ status: 'done', deleted: ids })
    expect(done).not.toHaveProperty('undo')
  })

  test('of a snapshot that was protected after the plan is refused (G22)', async () => {
    const { service, ids, remaining } = await filled(1)
    const { confirmation } = (await service.delete(args.delete({ snapshots: ids }), caller())) as DeleteReply
    await service.update(args.update({ snapshot: ids[0], protected: true }), caller())
    await refusal(service.delete(args.delete({ snapshots: ids, confirmation }), caller()), 'PROTECTED')
    expect(await remaining()).toEqual(ids)
  })

  test('does not mix providers', async () => {
    const other = createMemoryProvider({ name: 'other', clock: () => NOON })
    const { service } = createWorld({ others: [other] })
    const call = service.delete(args.delete({ snapshots: ['memory:s1', 'other:s1'] }), caller())
    await refusal(call, 'INVALID_ARGUMENT')
  })

  test('reports what the provider could not delete', async () => {
    const { service, provider, ids, remaining } = await filled(2)
    const { delete: really } = provider
    provider.delete = async (plan, ctx) => {
      const { deleted } = await really({ ...plan, snapshots: plan.snapshots.slice(1) }, ctx)
      return { deleted, failed: [{ snapshot: 's00001', code: 'NETWORK', message: 'Down.' }] }
    }
    const { confirmation } = (await service.delete(args.delete({ snapshots: ids }), caller())) as DeleteReply
    const done = await service.delete(args.delete({ snapshots: ids, confirmation }), caller())
    expect(done).toMatchObject({ deleted: [ids[1]], failed: [{ snapshot: ids[0], code: 'NETWORK' }] })
    await service.undo(args.undo((done as { operation: string }).operation), caller())
    expect(await remaining()).toEqual(ids)
  })
})

test('a delete that deleted nothing offers no undo', async () => {
  const { service, provider, ids } = await filled(1)
  provider.delete = async () => ({
    deleted: [],
    failed: [{ snapshot: 's00001', code: 'NETWORK', message: 'Down.' }],
  })
  const { confirmation } = (await service.delete(args.delete({ snapshots: ids }), caller())) as DeleteReply
  const done = await service.delete(args.delete({ snapshots: ids, confirmation }), caller())
  expect(done).toMatchObject({ deleted: [], failed: [{ snapshot: ids[0] }] })
  expect(done).not.toHaveProperty('undo')
})

describe('prune', () => {
  test('only shows its plan by default, even with a confirmation', async () => {
    const { service, ids, remaining } = await filled(4)
    const dry = await service.prune(args.prune({ keep_last: 1 }), caller())
    expect(dry).toMatchObject({
      status: 'dry_run',
      plan: { effects: { ids: ['s00001', 's00002', 's00003'] } },
    })
    expect(dry).not.toHaveProperty('confirmation')
    const { confirmation } = (await service.prune(
      args.prune({ keep_last: 1, dry_run: false }),
      caller(),
    )) as DeleteReply
    expect(await service.prune(args.prune({ keep_last: 1, confirmation }), caller())).toMatchObject({
      status: 'dry_run',
    })
    expect(await remaining()).toEqual(ids)
  })

  test('runs when it is confirmed, and can be undone', async () => {
    const { service, ids, remaining } = await filled(4)
    const wanted = { keep_last: 2, dry_run: false }
    const { confirmation } = (await service.prune(args.prune(wanted), caller())) as DeleteReply
    const done = await service.prune(args.prune({ ...wanted, confirmation }), caller())
    expect(done).toMatchObject({ status: 'done', deleted: ids.slice(0, 2) })
    expect(await remaining()).toEqual(ids.slice(2))
    await service.undo(args.undo((done as { operation: string }).operation), caller())
    expect(await remaining()).toEqual(ids)
  })

  test('is stale when a new snapshot changes the selection (G20)', async () => {
    const { service, ids, remaining } = await filled(3)
    const wanted = { keep_last: 2, dry_run: false }
    const { confirmation } = (await service.prune(args.prune(wanted), caller())) as DeleteReply
    const { snapshot } = await service.create(args.create(), caller())
    const problem = await refusal(
      service.prune(args.prune({ ...wanted, confirmation }), caller()),
      'PLAN_STALE',
    )
    expect(problem.fresh).toMatchObject({ plan: { effects: { ids: ['s00001', 's00002'] } } })
    expect(await remaining()).toEqual([...ids, snapshot.id])
  })

  test('is not confirmed for other rules', async () => {
    const { service } = await filled(3)
    const first = await service.prune(args.prune({ keep_last: 2, dry_run: false }), caller())
    const { confirmation } = first as DeleteReply
    const other = args.prune({ keep_last: 1, dry_run: false, confirmation })
    await refusal(service.prune(other, caller()), 'PLAN_MISMATCH')
  })

  test.each([{}, { keep_last: 0 }, { keep_daily: 0, source: 'box:desk' }])(
    'without a rule is refused: %j',
    async (rules) => {
      const { service } = await filled(2)
      await refusal(service.prune(args.prune(rules), caller()), 'INVALID_ARGUMENT')
    },
  )

  test('with nothing to do says so and is done', async () => {
    const { service } = await filled(2)
    const reply = await service.prune(args.prune({ keep_last: 9, dry_run: false }), caller())
    expect(reply).toEqual({ status: 'done', deleted: [] })
    expect(await service.prune(args.prune({ keep_last: 9 }), caller())).toMatchObject({
      status: 'dry_run',
      plan: { summary: expect.stringContaining('Nothing to prune') },
    })
  })

  test('looks at one source when one is given, and at all pages', async () => {
    const { service, provider, ids } = await filled(1)
    provider.boxes.set('other', {})
    for (let n = 0; n < 205; n++) await service.create(args.create({ source: 'box:other' }), caller())
    const dry = await service.prune(args.prune({ keep_last: 1, source: 'box:other' }), caller())
    const selected = (dry as DeleteReply).plan?.effects.ids
    expect(selected).toHaveLength(204)
    expect(selected).not.toContain(ids[0]?.slice(7))
  })

  test('is refused when the list breaks off', async () => {
    let pages = 0
    const { service, remaining, time } = await filled(1, {
      memory: {
        at: {
          list() {
            if (++pages === 2) throw fail('NETWORK', 'Down.', 'Try again.')
          },
        },
      },
    })
    for (let n = 0; n < 120; n++) {
      time.now += HOUR
      await service.create(args.create(), caller())
    }
    await refusal(service.prune(args.prune({ keep_last: 1 }), caller()), 'NETWORK')
    expect(await remaining()).toHaveLength(20)
  })

  test.each([
    ['never', { delete: 'never' }],
    ['read-only', { read_only: true }],
  ] as const)('and delete are denied by the policy %s', async (_what, policy) => {
    const { service, ids, rules } = await filled(2)
    rules.now = { ...rules.now, ...policy }
    await refusal(service.prune(args.prune({ keep_last: 1 }), caller()), 'POLICY_DENIED')
    await refusal(service.delete(args.delete({ snapshots: ids }), caller()), 'POLICY_DENIED')
  })
})
