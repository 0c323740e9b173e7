import { describe, expect, test } from 'vitest'
import type { Interrupted } from '../../../src/snapshots/interrupted.ts'
import type { CreateRequest, Facts, RestoreRequest } from '../../../src/snapshots/provider.ts'
import { type Call, image, native, type World, world } from './world.ts'

/** What a process leaves that is killed as soon as it has put note number `n` on record, or that noted nothing. */
async function killedAt<R>(
  { context, restart }: World,
  n: number,
  request: R,
  work: (ctx: Call) => Promise<unknown>,
): Promise<{ left: Interrupted<R>; ctx: Call }> {
  const notes: Facts[] = []
  const ctx = context({
    async note(facts) {
      if (notes.length === n) throw new Error('killed')
      notes.push(structuredClone(facts))
      // What comes after the note that was asked for never leaves this process.
      if (notes.length === n) throw new Error('killed')
    },
  })
  await work(ctx).catch(() => {})
  expect(notes).toHaveLength(n)
  await restart().close?.()
  return { left: { operation: ctx.operation, started_at: 0, request, facts: notes.at(-1) }, ctx }
}

const asked = (source: CreateRequest['source']): CreateRequest => ({
  source,
  name: 'interrupted',
  labels: {},
  auto: false,
  protected: false,
})

describe('a create whose process was killed', () => {
  test('before it noted anything had not begun', async () => {
    const its = await world()
    const request = asked(its.source)
    const left = { operation: 'op_never', started_at: 0, request, facts: undefined }
    const resumed = its.restart().resume!.create(left, its.context())
    expect(await its.problem(resumed, 'NETWORK')).toMatchObject({ outcome: 'not_started' })
    expect(its.morph.requests).toEqual([])
  })

  test('before it sent anything had not begun, and is not sent', async () => {
    const its = await world()
    const request = asked(image())
    const { left } = await killedAt(its, 1, request, (ctx) => its.provider.create(request, ctx))
    const resumed = its.restart().resume!.create(left, its.context())
    expect(await its.problem(resumed, 'NETWORK')).toMatchObject({ outcome: 'not_started', retryable: true })
    expect([its.asked('POST /snapshot'), its.shelf()]).toEqual([0, []])
  })

  test('when it had sent it is found by its operation and waited for', async () => {
    const its = await world()
    const request = asked(its.source)
    its.morph.addSnapshot({ metadata: { snapshot_mcp_operation: 'op_other' } })
    const ctx = its.context({
      async note(facts) {
        if ('snapshot' in facts) throw new Error('killed')
        ctx.notes.push(facts)
      },
    })
    await expect(its.provider.create(request, ctx)).rejects.toThrow('killed')
    const left = { operation: ctx.operation, started_at: 0, request, facts: ctx.notes.at(-1) }
    const later = its.context()
    const { snapshot } = await its.restart().resume!.create(left, later)
    expect(snapshot).toMatchObject({ name: 'interrupted', state: 'ready' })
    expect(later.notes).toEqual([{ snapshot: native(snapshot) }])
    expect(its.shelf()).toHaveLength(2)
  })

  test('when it knew the snapshot is waited for by its id', async () => {
    const its = await world()
    const request = asked(image())
    const { left } = await killedAt(its, 2, request, (ctx) => its.provider.create(request, ctx))
    const { snapshot, warnings } = await its.restart().resume!.create(left, its.context())
    expect([snapshot.state, warnings, its.shelf().length]).toEqual(['ready', undefined, 1])
    expect(its.asked('GET /snapshot/list')).toBe(0)
  })

  test('and whose snapshot somebody has deleted since is over, for good', async () => {
    const its = await world()
    const request = asked(image())
    const { left } = await killedAt(its, 2, request, (ctx) => its.provider.create(request, ctx))
    its.morph.cloud.snapshots.clear()
    const resumed = its.restart().resume!.create(left, its.context())
    expect(await its.problem(resumed, 'CONFLICT')).toMatchObject({ outcome: 'not_started' })
  })
})

describe('a restore whose process was killed', () => {
  async function killed(its: World, n: number, count = 3, options = {}) {
    const saved = await its.create({ name: 'saved' })
    const request: RestoreRequest = { snapshot: native(saved), mode: 'new', count, to: 'copy', options }
    const plan = await its.provider.planRestore(request, its.context())
    return killedAt(its, n, request, (ctx) => its.provider.restore(plan, ctx))
  }
  const names = (its: World) => its.copies().map(({ metadata }) => metadata.name)

  test('before it noted anything had not begun', async () => {
    const its = await world()
    const { left } = await killed(its, 1)
    const resumed = its.restart().resume!.restore({ ...left, facts: undefined }, its.context())
    expect(await its.problem(resumed, 'NETWORK')).toMatchObject({ outcome: 'not_started' })
    expect(its.copies()).toEqual([])
  })

  test.each([1, 2, 3, 4])('at note %i makes the copies that are missing, and no other', async (n) => {
    const its = await world()
    const { left } = await killed(its, n)
    const before = its.copies().map(({ id }) => id)
    expect(before).toHaveLength(n - 1)
    const { targets } = await its.restart().resume!.restore(left, its.context())
    expect(targets?.map(({ name }) => name)).toEqual(['copy 1', 'copy 2', 'copy 3'])
    expect(targets?.map(({ id }) => id)).toEqual(its.copies().map(({ id }) => id))
    expect(targets?.map(({ id }) => id).slice(0, n - 1)).toEqual(before)
    expect(names(its)).toEqual(['copy 1', 'copy 2', 'copy 3'])
  })

  test('ends its copies when they were to be ended, and tells which came late', async () => {
    const its = await world()
    const options = { ttl_seconds: 600, ttl_action: 'pause' }
    const { left } = await killed(its, 2, 3, options)
    const slept = its.time.slept.length
    const { warnings } = await its.restart().resume!.restore(left, its.context())
    expect(its.copies()).toHaveLength(3)
    for (const copy of its.copies()) expect(copy).toMatchObject({ ttlSeconds: 600, ttlAction: 'pause' })
    expect(warnings).toEqual([expect.stringMatching(/^2 of 3 copies were started only now/)])
    // The second was on record as sent: it might have been under way.
    const waited = its.time.slept.slice(slept).reduce((sum, ms) => sum + ms, 0)
    expect(waited).toBeGreaterThan(59_000)
  })

  test('when a copy had been sent and not noted finds that one', async () => {
    const its = await world()
    const { left } = await killed(its, 3)
    // As if it had been killed later: the second is on record as sent only.
    const facts = { ...left.facts, instances: [its.copies()[0]!.id], sending: 2 }
    const { targets } = await its.restart().resume!.restore({ ...left, facts }, its.context())
    expect(targets).toHaveLength(3)
    expect(its.copies()).toHaveLength(3)
  })

  test('needs the snapshot no more when all are there', async () => {
    const its = await world()
    const { left } = await killed(its, 4)
    its.morph.cloud.snapshots.clear()
    expect((await its.restart().resume!.restore(left, its.context())).targets).toHaveLength(3)
  })

  test('keeps the names of then', async () => {
    const its = await world()
    const saved = await its.create({ name: 'old name' })
    const request: RestoreRequest = { snapshot: native(saved), mode: 'new', count: 1 }
    const plan = await its.provider.planRestore(request, its.context())
    const { left } = await killedAt(its, 1, request, (ctx) => its.provider.restore(plan, ctx))
    await its.provider.update!(native(saved), { name: 'new name' }, its.context())
    const { targets } = await its.restart().resume!.restore(left, its.context())
    expect(targets?.map(({ name }) => name)).toEqual(['old name'])
  })
})
