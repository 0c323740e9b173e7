import { describe, expect, test } from 'vitest'
import type { RestoreRequest } from '../../../src/snapshots/provider.ts'
import { refusal } from '../../snapshots/world.ts'
import { type World, world } from './world.ts'

const MINUTE = 60_000
const DAY = 86_400_000

/** A snapshot of devbox, and devbox changed since. */
async function saved(w: World) {
  const { snapshot } = await w.create(w.devbox, 'team/dev:1')
  w.daytona.sandbox.content = 'changed since'
  return snapshot.id.slice('daytona:'.length)
}
const box = (w: World, id: string) => w.daytona.world.sandboxes.get(id)!
const boxes = (w: World) =>
  [...w.daytona.world.sandboxes.values()].filter(({ state }) => state !== 'destroyed')

describe('A restore', () => {
  test('makes a new sandbox that runs and holds what was saved', async () => {
    const w = await world({ pollsToComplete: 2 })
    const id = await saved(w)
    const ctx = w.ctx()
    const { targets = [], warnings } = await w.restore(
      id,
      { to: 'copy', options: { auto_stop_minutes: 7 } },
      ctx,
    )
    expect(targets).toEqual([{ kind: 'sandbox', id: expect.any(String), name: 'copy' }])
    expect(box(w, targets[0]!.id)).toMatchObject({
      ...{ state: 'started', content: 'the first state of devbox', autoStopInterval: 7 },
      labels: { 'snapshot-mcp.operation': ctx.operation, 'snapshot-mcp.index': '0' },
    })
    expect(warnings).toEqual([
      'The new sandbox runs and is billed until it is stopped. Daytona stops it after 7 min without use.',
    ])
    expect(w.daytona.sandbox.content).toBe('changed since')
    expect(await w.provider.resolveSource('sandbox:copy', w.ctx())).toEqual(targets[0])
  })

  test('makes several at once, with names of the snapshot and the operation when none is given', async () => {
    const w = await world()
    const id = await saved(w)
    const { targets = [], warnings } = await w.restore(
      id,
      { count: 3 },
      w.ctx({ operation: 'op_abcdef0123456789' }),
    )
    expect(targets.map(({ name }) => name)).toEqual([
      'team-dev-1-abcdef0123456789-1',
      'team-dev-1-abcdef0123456789-2',
      'team-dev-1-abcdef0123456789-3',
    ])
    for (const { id: target } of targets) expect(box(w, target).content).toBe('the first state of devbox')
    expect(warnings).toEqual([
      'The 3 new sandboxes run and are billed until they are stopped. Daytona stops each after 15 min without use.',
    ])
  })

  test('is planned without making anything, and refused when the plan is no longer true', async () => {
    const w = await world()
    const id = await saved(w)
    const request: RestoreRequest = { snapshot: id, mode: 'new', to: 'copy', count: 2 }
    const posts = w.asked('POST', /./)
    const plan = await w.provider.planRestore(request, w.ctx())
    expect(plan).toMatchObject({
      summary: 'From the Daytona snapshot "team/dev:1" make 2 new sandboxes called "copy-1" and so on',
      effects: { sandboxes: 2, names: ['copy-1', 'copy-2'] },
    })
    expect(await w.provider.planRestore(request, w.ctx())).toEqual(plan)
    w.daytona.world.snapshots.get(id)!.state = 'inactive'
    await refusal(w.provider.restore(plan, w.ctx()), 'PLAN_STALE')
    expect(w.asked('POST', /./)).toBe(posts)
  })

  test('refuses what cannot be, and says what could', async () => {
    const w = await world()
    const id = await saved(w)
    const plan = (more: Partial<RestoreRequest>) =>
      w.provider.planRestore({ snapshot: id, mode: 'new', count: 1, ...more }, w.ctx())
    expect((await refusal(plan({ mode: 'in_place' }), 'UNSUPPORTED')).hint).toContain('mode:"new"')
    await refusal(plan({ paths: ['a'] }), 'UNSUPPORTED')
    await refusal(plan({ to: 'devbox' }), 'ALREADY_EXISTS')
    for (const to of ['..', 'a/b', 'a b']) await refusal(plan({ to }), 'INVALID_ARGUMENT')
    await refusal(plan({ options: { fork: true, region: 'eu' } }), 'INVALID_ARGUMENT')
    await refusal(plan({ snapshot: w.daytona.general.id, options: { fork: true } }), 'UNSUPPORTED')
    for (const [state, code] of [
      ['error', 'CONFLICT'],
      ['removing', 'CONFLICT'],
      ['pulling', 'BUSY'],
    ] as const) {
      w.daytona.world.snapshots.get(id)!.state = state
      await refusal(plan({}), code)
    }
    expect(boxes(w)).toHaveLength(1)
  })

  test('of an inactive snapshot activates it first, and says so', async () => {
    const w = await world()
    const id = await saved(w)
    w.time.pass(15 * DAY)
    const { targets = [], warnings } = await w.restore(id, { to: 'copy' })
    // It has been inactive for a day, so nothing stands against it.
    expect(warnings[0]).toBe('The snapshot was inactive and has been activated.')
    expect(box(w, targets[0]!.id).state).toBe('started')
    expect(w.asked('POST', /activate$/)).toBe(1)
  })

  test('whose answer is lost finds its sandbox and makes no second one', async () => {
    const w = await world({ pollsToComplete: 2 })
    const id = await saved(w)
    w.trouble('POST', /sandbox$/, 'reset', 'after')
    const { targets = [] } = await w.restore(id, { to: 'copy' })
    expect(targets[0]).toMatchObject({ name: 'copy' })
    expect([boxes(w).length, w.asked('POST', /sandbox$/)]).toEqual([2, 1])
    w.trouble('POST', /sandbox$/, 'reset')
    expect(await refusal(w.restore(id, { to: 'other' }), 'NETWORK')).toMatchObject({ outcome: 'not_started' })
    expect(boxes(w)).toHaveLength(2)
  })

  test('takes a sandbox that did not start away again, and never that of somebody else', async () => {
    const w = await world()
    const id = await saved(w)
    w.daytona.failNext('start', 'no room')
    const problem = await refusal(w.restore(id, { to: 'copy' }), 'PROVIDER_UNAVAILABLE')
    expect(problem).toMatchObject({ outcome: 'not_started', retryable: true })
    expect(problem.message).toMatch(/no room.*Nothing is left of it/)
    expect(boxes(w).map(({ name, state }) => [name, state])).toEqual([
      ['devbox', 'started'],
      [expect.stringMatching(/^DESTROYED_copy_/), 'destroying'],
    ])
    // The name is free again, and somebody takes it just before the vendor refuses ours.
    const theirs = w.daytona.addSandbox({ name: 'theirs', state: 'error', labels: { a: 'b' } })
    const plan = await w.provider.planRestore({ snapshot: id, mode: 'new', to: 'mine', count: 1 }, w.ctx())
    const answer = { status: 400, body: { statusCode: 400, message: 'Sandbox failed to start: no' } }
    w.trouble('POST', /sandbox$/, { answer })
    theirs.name = 'mine'
    w.trouble('GET', /sandbox\/mine$/, { answer: { status: 404, body: { statusCode: 404, message: 'no' } } })
    await refusal(w.provider.restore(plan, w.ctx()), 'PROVIDER_UNAVAILABLE')
    expect(theirs.state).toBe('error')
  })

  test('that a limit stops half way says which sandboxes are there', async () => {
    const w = await world({ quotas: { totalCpu: 3 } })
    const id = await saved(w)
    const problem = await refusal(w.restore(id, { to: 'copy', count: 4 }), 'QUOTA_EXCEEDED')
    expect(problem).toMatchObject({
      ...{ outcome: 'partial', retryable: false },
      details: { targets: [{ name: 'copy-1' }, { name: 'copy-2' }] },
    })
    expect(problem.message).toContain('2 of the 4 sandboxes are there')
  })

  test('that is cancelled leaves what it has begun', async () => {
    const w = await world({ pollsToComplete: 4 })
    const id = await saved(w)
    w.time.onSleep = () => w.cancel()
    expect(await refusal(w.restore(id, { to: 'copy' }), 'CANCELLED')).toMatchObject({ outcome: 'unknown' })
    expect(boxes(w).map(({ name }) => name)).toEqual(['devbox', 'copy'])
    expect(w.asked('DELETE', /./)).toBe(0)
  })
})

describe('A fork', () => {
  /** A virtual machine with a snapshot, and what is asked for to fork it. */
  const forkable = async (options: Parameters<typeof world>[0] = {}) => {
    const w = await world(options)
    const vm = w.daytona.addSandbox({ name: 'vm', target: 'us-east-1', sandboxClass: 'linux-vm' })
    const source = { kind: 'sandbox', id: vm.id, name: 'vm' }
    const { snapshot } = await w.create(source, 'one', { options: { include_memory: true } })
    const request: RestoreRequest = {
      ...{ snapshot: snapshot.id.slice(8), mode: 'new', to: 'copy', count: 1 },
      options: { fork: true },
    }
    return { w, vm, request }
  }

  test('of a virtual machine is as it is now, and plan and result say so', async () => {
    const w = await world()
    const vm = w.daytona.addSandbox({
      name: 'vm',
      target: 'us-east-1',
      sandboxClass: 'linux-vm',
      content: 'then',
    })
    const source = { kind: 'sandbox', id: vm.id, name: 'vm' }
    const { snapshot } = await w.create(source, 'one', { options: { include_memory: true } })
    vm.content = 'now'
    const request: RestoreRequest = {
      ...{ snapshot: snapshot.id.slice(8), mode: 'new', to: 'copy', count: 2 },
      options: { fork: true },
    }
    const plan = await w.provider.planRestore(request, w.ctx())
    expect(plan.summary).toBe(
      'Fork the sandbox "vm" as it is now into 2 new sandboxes called "copy-1" and so on',
    )
    w.trouble('POST', /fork$/, 'reset', 'after')
    const { targets = [], warnings } = await w.provider.restore(plan, w.ctx())
    expect(targets.map(({ id }) => box(w, id).content)).toEqual(['now', 'now'])
    expect(warnings).toEqual([plan.warnings[0], expect.stringContaining('are billed')])
    expect(warnings[0]).toContain('as it is now, not as it was')
    expect(w.asked('POST', /fork$/)).toBe(2)
  })

  test('whose answer is lost is found by what it was made of, whatever the clocks say', async () => {
    const { w, vm, request } = await forkable({ behindMs: 10 * MINUTE })
    w.trouble('POST', /fork$/, 'reset', 'after')
    const { targets = [] } = await w.restore(request.snapshot, request)
    expect(targets).toMatchObject([{ name: 'copy' }])
    expect(box(w, targets[0]!.id).parentId).toBe(vm.id)
  })

  test('is not found in a sandbox of that name that is none of its forks', async () => {
    const { w, request } = await forkable()
    w.trouble('POST', /fork$/, 'reset')
    w.time.onSleep = () => {
      w.time.onSleep = () => {}
      w.daytona.addSandbox({ name: 'copy', state: 'error' })
    }
    expect(await refusal(w.restore(request.snapshot, request), 'NETWORK')).toMatchObject({
      outcome: 'not_started',
    })
    expect(boxes(w).map(({ name, state }) => [name, state])).toContainEqual(['copy', 'error'])
  })

  test('of a container is not possible, and the alternative is named', async () => {
    const w = await world()
    const id = await saved(w)
    const problem = await refusal(w.restore(id, { options: { fork: true } }), 'UNSUPPORTED')
    expect(problem.hint).toContain('without fork')
    expect(boxes(w)).toHaveLength(1)
  })
})
