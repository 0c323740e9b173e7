import { describe, expect, test } from 'vitest'
import { native, world } from './world.ts'

const WARM = 'POST /instance'
const COLD = 'POST /snapshot/*/boot'

describe('a restore', () => {
  test('starts a new instance with disk and memory, under the name that was asked for', async () => {
    const { create, restore, morph, copies, context } = await world()
    const saved = await create()
    morph.instance.content = { disk: 'spoilt', memory: 'spoilt' }
    const ctx = context()
    const { targets, changed } = await restore(saved, { to: 'copy' }, ctx)
    const [copy, ...more] = copies()
    expect([more, changed]).toEqual([[], undefined])
    expect(targets).toEqual([{ kind: 'instance', id: copy?.id, name: 'copy' }])
    expect(copy).toMatchObject({
      status: 'ready',
      snapshotId: native(saved),
      content: { disk: 'the first state', memory: 'at work' },
      metadata: { name: 'copy', snapshot_mcp_operation: ctx.operation },
      ttlSeconds: null,
    })
    expect(morph.instance.content.disk).toBe('spoilt')
    expect(ctx.told).toEqual([...new Set(ctx.told)].sort((a, b) => a - b))
  })

  test('boots cold with other resources, and as it was for the rest', async () => {
    const { create, restore, copies, asked } = await world()
    const saved = await create()
    await restore(saved, { options: { vcpus: 4, memory_mb: 4096, disk_mb: 20_000 } })
    await restore(saved, { options: { memory_mb: 1024 } })
    expect(copies()).toMatchObject([
      { spec: { vcpus: 4, memory: 4096, disk_size: 20_000 }, content: { memory: 'just booted' } },
      { spec: { vcpus: 1, memory: 1024, disk_size: 8192 }, content: { disk: 'the first state' } },
    ])
    expect([asked(COLD), asked(WARM)]).toEqual([2, 0])
  })

  test('makes as many as wanted, each with a name and a number of its own', async () => {
    const { create, restore, copies } = await world()
    const { targets } = await restore(await create({ name: 'base' }), { count: 3 })
    expect(targets?.map(({ name }) => name)).toEqual(['base 1', 'base 2', 'base 3'])
    expect(copies().map(({ metadata }) => metadata.snapshot_mcp_copy)).toEqual(['1', '2', '3'])
    expect(copies().map(({ status }) => status)).toEqual(['ready', 'ready', 'ready'])
  })

  test('has the instance stopped or paused by itself where that is wanted, and else warns of the cost', async () => {
    const { create, restore, copies } = await world()
    const saved = await create()
    const limited = await restore(saved, { options: { ttl_seconds: 600, ttl_action: 'pause' } })
    expect(copies()[0]).toMatchObject({ ttlSeconds: 600, ttlAction: 'pause' })
    expect(limited.warnings).toEqual([])
    const { warnings } = await restore(saved)
    expect(warnings).toEqual([expect.stringContaining('costs until somebody stops it')])
  })

  test('that gets no answer finds what came of it', async () => {
    const { create, restore, copies, trouble, asked } = await world()
    const saved = await create()
    trouble(WARM, 'reset', 'after')
    trouble(COLD, { answer: { status: 502, raw: '<html>' } }, 'after')
    const warm = await restore(saved, { count: 2 })
    const cold = await restore(saved, { options: { vcpus: 2 } })
    expect([warm, cold].flatMap(({ targets }) => targets?.map(({ id }) => id))).toEqual(
      copies().map(({ id }) => id),
    )
    expect([asked(WARM), asked(COLD)]).toEqual([2, 1])
  })

  test('that fails on its way says what runs already', async () => {
    const { create, restore, copies, morph, problem } = await world()
    const saved = await create()
    morph.cloud.account.instances = 3
    const partial = await problem(restore(saved, { count: 3, to: 'c' }), 'QUOTA_EXCEEDED')
    expect(partial).toMatchObject({
      outcome: 'partial',
      details: {
        targets: copies().map(({ id }, index) => ({ kind: 'instance', id, name: `c ${index + 1}` })),
      },
    })
    expect(partial.message).toMatch(/^Morph answered 403: .* 2 of 3 instances were begun/)
    expect(partial.message).not.toContain('Nothing was changed')
  })

  test('of which one copy fails says which', async () => {
    const { create, restore, copies, morph, problem } = await world()
    const saved = await create()
    morph.failNext('instance')
    const { message, outcome } = await problem(restore(saved, { count: 2 }), 'PROVIDER_UNAVAILABLE')
    expect(message).toContain(`"${copies()[0]?.id}"`)
    expect(outcome).toBe('partial')
  })

  test('whose instance is stopped while it starts says so', async () => {
    const { create, provider, context, morph, problem, copies } = await world()
    const saved = await create()
    const request = { snapshot: native(saved), mode: 'new', count: 1 } as const
    const plan = await provider.planRestore(request, context())
    const note = async (facts: Record<string, unknown>) => {
      if (facts.sending === undefined) for (const { id } of copies()) morph.cloud.instances.delete(id)
    }
    const gone = await problem(provider.restore(plan, context({ note })), 'NOT_FOUND')
    expect(gone.outcome).toBe('partial')
  })
})

describe('a plan to restore', () => {
  test('says what is started, from what, and how', async () => {
    const { create, provider, context, copies, time } = await world()
    const expires_at = new Date(time.now() + 86_400_000).toISOString()
    const saved = await create({ name: 'base', expires_at })
    const request = { snapshot: native(saved), mode: 'new', count: 2, to: 'copy' } as const
    const warm = await provider.planRestore(request, context())
    expect(warm).toMatchObject({
      summary: `Start 2 new instances: "copy 1", "copy 2", warm, from "base" of ${saved.created_at}. What runs now stays as it is.`,
      effects: { mode: 'new', start: 'warm', instances: ['copy 1', 'copy 2'], from: saved.id },
      warnings: [expect.stringContaining('ttl_seconds'), expect.stringContaining(saved.expires_at ?? '?')],
    })
    const options = { vcpus: 2, ttl_seconds: 60 }
    const cold = await provider.planRestore({ ...request, options }, context())
    expect(cold.effects).toMatchObject({ start: 'cold', resources: { vcpus: 2 }, ttl_seconds: 60 })
    expect(copies()).toEqual([])
  })

  test('that is no longer true is refused', async () => {
    const { create, provider, context, problem, copies } = await world()
    const saved = await create()
    const request = { snapshot: native(saved), mode: 'new', count: 1 } as const
    const plan = await provider.planRestore(request, context())
    await provider.update!(native(saved), { name: 'another' }, context())
    expect(await problem(provider.restore(plan, context()), 'PLAN_STALE')).toMatchObject({
      outcome: 'not_started',
    })
    expect(copies()).toEqual([])
  })

  test('is refused for what is not ready', async () => {
    const { morph, provider, context, problem } = await world()
    const plan = (status: 'pending' | 'failed' | 'deleting') =>
      provider.planRestore({ snapshot: morph.addSnapshot({ status }).id, mode: 'new', count: 1 }, context())
    expect(await problem(plan('pending'), 'BUSY')).toMatchObject({ retryable: true })
    await problem(plan('failed'), 'CONFLICT')
    await problem(plan('deleting'), 'CONFLICT')
  })

  test('is refused for what Morph cannot do, with what it can', async () => {
    const { morph, provider, context, problem } = await world()
    const request = { snapshot: morph.addSnapshot().id, mode: 'new', count: 1 } as const
    const plan = (fields: object) => provider.planRestore({ ...request, ...fields }, context())
    expect((await problem(plan({ mode: 'in_place' }), 'UNSUPPORTED')).hint).toContain('mode:"new"')
    expect((await problem(plan({ paths: ['a'] }), 'UNSUPPORTED')).hint).toContain('paths')
    await problem(plan({ options: { ttl_action: 'stop' } }), 'INVALID_ARGUMENT')
    expect(morph.requests).toEqual([])
  })
})
