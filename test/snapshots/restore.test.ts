import { describe, expect, test } from 'vitest'
import { fail } from '../../src/snapshots/errors.ts'
import type { RestoreReply } from '../../src/snapshots/replies.ts'
import { thisRunner } from '../../src/state/runner.ts'
import { args, caller, createWorld, refusal, type World, type WorldOptions } from './world.ts'

const SAVED = { a: '1', b: '2' }
const SPOILT = { a: 'spoilt' }

async function spoilt(options?: WorldOptions) {
  const world = createWorld(options)
  return { ...world, snapshot: await world.saveAndSpoil() }
}

/** Both calls of a restore in place. */
async function restore({ service }: Pick<World, 'service'>, fields: { snapshot: string; paths?: string[] }) {
  const { confirmation } = (await service.restore(args.restore(fields), caller())) as RestoreReply
  return (await service.restore(args.restore({ ...fields, confirmation }), caller())) as RestoreReply & {
    operation: string
  }
}

describe('a restore in place', () => {
  test('shows its plan first, then runs and says how to undo it', async () => {
    const { service, snapshot, desk, provider } = await spoilt()
    const first = await service.restore(args.restore({ snapshot }), caller())
    expect(first).toMatchObject({
      status: 'confirmation_required',
      plan: { reversible: true, effects: { names: ['a', 'b'] } },
    })
    expect(desk()).toEqual(SPOILT)
    const { confirmation } = first as RestoreReply
    const done = await service.restore(args.restore({ snapshot, confirmation }), caller())
    expect(done).toMatchObject({
      status: 'done',
      mode: 'in_place',
      changed: { written: 2 },
      verified: { files: 2 },
      safety_snapshot: 'memory:s00002',
      undo: { until: '2026-11-24T12:00:00.000Z' },
    })
    expect(desk()).toEqual(SAVED)
    expect(provider.shelf.get('s00002')?.content).toEqual(SPOILT)
  })

  test('of a dry run changes nothing and gives no confirmation', async () => {
    const { service, snapshot, desk } = await spoilt()
    const reply = await service.restore(args.restore({ snapshot, dry_run: true }), caller())
    expect(reply).toEqual({ status: 'dry_run', plan: expect.anything() })
    expect(desk()).toEqual(SPOILT)
  })

  test('of a desk that was edited after the plan is stale (G21)', async () => {
    const { service, provider, snapshot, desk } = await spoilt()
    const { confirmation } = (await service.restore(args.restore({ snapshot }), caller())) as RestoreReply
    provider.boxes.set('desk', { a: 'edited' })
    const { fresh } = await refusal(
      service.restore(args.restore({ snapshot, confirmation }), caller()),
      'PLAN_STALE',
    )
    expect(desk()).toEqual({ a: 'edited' })
    const next = (fresh as RestoreReply).confirmation
    await service.restore(args.restore({ snapshot, confirmation: next }), caller())
    expect(desk()).toEqual(SAVED)
  })

  test.each([
    ['another snapshot', { snapshot: 'memory:s00002' }],
    ['chosen paths', { paths: ['a'] }],
    ['another mode', { mode: 'new' }],
  ])('is not confirmed for %s', async (_what, change) => {
    const { service, snapshot, desk } = await spoilt()
    await service.create(args.create(), caller())
    const { confirmation } = (await service.restore(args.restore({ snapshot }), caller())) as RestoreReply
    const other = args.restore({ snapshot, confirmation, ...change })
    await refusal(service.restore(other, caller()), 'PLAN_MISMATCH')
    expect(desk()).toEqual(SPOILT)
  })

  test('waits for a capture of the same desk', async () => {
    const order: string[] = []
    const { service, snapshot } = await spoilt({
      memory: {
        at: {
          create: () => void order.push('captured'),
          restore: async () => {
            order.push('restoring')
            await new Promise((resolve) => setTimeout(resolve, 50))
            order.push('restored')
          },
        },
      },
    })
    const { confirmation } = (await service.restore(args.restore({ snapshot }), caller())) as RestoreReply
    const restoring = service.restore(args.restore({ snapshot, confirmation }), caller())
    while (!order.includes('restoring')) await new Promise(setImmediate)
    await service.create(args.create(), caller())
    await restoring
    expect(order).toEqual(['captured', 'restoring', 'restored', 'captured'])
  })

  test('does not start when its target was taken over', async () => {
    const { service, snapshot, desk } = await spoilt({
      state: (store) => ({
        ...store,
        lock: async (...call) => ({ ...(await store.lock(...call)), held: async () => false }),
      }),
    })
    const { confirmation } = (await service.restore(args.restore({ snapshot }), caller())) as RestoreReply
    const problem = await refusal(service.restore(args.restore({ snapshot, confirmation }), caller()), 'BUSY')
    expect(problem.outcome).toBe('not_started')
    expect(desk()).toEqual(SPOILT)
  })

  test('whose target is taken over while it saves what is there stops before it changes anything', async () => {
    let lost = false
    const { service, snapshot, desk } = await spoilt({
      state: (store) => ({
        ...store,
        lock: async (...call) => ({ ...(await store.lock(...call)), held: async () => !lost }),
      }),
      memory: {
        at: {
          restore() {
            lost = true
          },
        },
      },
    })
    const { confirmation } = (await service.restore(args.restore({ snapshot }), caller())) as RestoreReply
    const problem = await refusal(service.restore(args.restore({ snapshot, confirmation }), caller()), 'BUSY')
    expect(problem.outcome).toBe('not_started')
    expect(desk()).toEqual(SPOILT)
  })

  test.each([
    ['"to" in place', { to: 'x' }, 'INVALID_ARGUMENT'],
    ['"count" in place', { count: 2 }, 'INVALID_ARGUMENT'],
    ['several copies', { mode: 'new', count: 2 }, 'UNSUPPORTED'],
    ['an unknown snapshot', { snapshot: 'memory:nope' }, 'NOT_FOUND'],
    ['an unknown provider', { snapshot: 'cloud:1' }, 'NOT_FOUND'],
    ['an unknown confirmation', { confirmation: 'cfm_00000000' }, 'PLAN_NOT_FOUND'],
  ] as const)('refuses %s', async (_what, fields, code) => {
    const { service, snapshot } = await spoilt()
    const problem = await refusal(service.restore(args.restore({ snapshot, ...fields }), caller()), code)
    expect(problem.outcome).toBe('not_started')
  })

  test('is UNSUPPORTED where the provider cannot, with an alternative', async () => {
    const { service, snapshot } = await spoilt({
      memory: { capabilities: { restore_modes: ['new'], paths: false } },
    })
    const problem = await refusal(service.restore(args.restore({ snapshot }), caller()), 'UNSUPPORTED')
    expect(problem.hint).toContain('mode:"new"')
    const some = args.restore({ snapshot, mode: 'new', paths: ['a'] })
    await refusal(service.restore(some, caller()), 'UNSUPPORTED')
  })
})

test('a restore to a new place needs no confirmation and has no undo', async () => {
  const { service, snapshot, desk, provider } = await spoilt({ mode: 'human' })
  const reply = await service.restore(args.restore({ snapshot, mode: 'new', to: 'copy' }), caller())
  expect(reply).toMatchObject({ status: 'done', mode: 'new', targets: [{ kind: 'box', id: 'copy' }] })
  expect(reply).not.toHaveProperty('undo')
  expect(provider.boxes.get('copy')).toEqual(SAVED)
  expect(desk()).toEqual(SPOILT)
  const { operation = '' } = reply as RestoreReply
  await refusal(service.undo(args.undo(operation), caller()), 'UNSUPPORTED')
})

/** Both calls of an undo that would take later work along. */
async function confirmedUndo({ service }: Pick<World, 'service'>, operation: string) {
  const first = await service.undo(args.undo(operation), caller())
  expect(first).toMatchObject({ status: 'confirmation_required' })
  const { confirmation } = first as { confirmation: string }
  return (await service.undo(args.undo(operation, { confirmation }), caller())) as RestoreReply
}

describe('undo of what was worked on since', () => {
  const LATER = { a: '1', b: '2', later: 'work' }

  async function workedOn(options?: WorldOptions) {
    const world = await spoilt(options)
    const { operation } = await restore(world, { snapshot: world.snapshot })
    world.provider.boxes.set('desk', LATER)
    return { ...world, operation }
  }

  test('shows its plan first, and the undo of it brings the work back', async () => {
    const world = await workedOn()
    const first = await world.service.undo(args.undo(world.operation), caller())
    expect(first).toMatchObject({
      status: 'confirmation_required',
      plan: { reversible: true, warnings: [expect.stringContaining(world.operation)] },
    })
    expect(world.desk()).toEqual(LATER)
    const { operation = '' } = await confirmedUndo(world, world.operation)
    expect(world.desk()).toEqual(SPOILT)
    // Nothing was touched since: at once.
    expect(await world.service.undo(args.undo(operation), caller())).toMatchObject({ status: 'done' })
    expect(world.desk()).toEqual(LATER)
  })

  test('asks a person where the client can', async () => {
    const world = await workedOn({ mode: 'token' })
    const auto = world.start('auto')
    const ann = caller({ canAsk: true })
    const question = await auto.undo(args.undo(world.operation), ann)
    expect(question).toMatchObject({ status: 'question' })
    const { confirmation } = question as { confirmation: string }
    const answer = { confirmation, action: 'accept' as const, content: { confirm: true } }
    await auto.undo(args.undo(world.operation), { ...ann, answer })
    expect(world.desk()).toEqual(SPOILT)
  })

  test('is stale when it is worked on again', async () => {
    const world = await workedOn()
    const first = await world.service.undo(args.undo(world.operation), caller())
    const { confirmation } = first as { confirmation: string }
    world.provider.boxes.set('desk', { even: 'later' })
    const call = world.service.undo(args.undo(world.operation, { confirmation }), caller())
    await refusal(call, 'PLAN_STALE')
    expect(world.desk()).toEqual({ even: 'later' })
  })

  test('of which a provider does not tell how it left things shows its plan first', async () => {
    const world = await spoilt()
    const { restore: honest } = world.provider
    world.provider.restore = async (...call) => {
      const { fingerprint, ...result } = await honest(...call)
      return result
    }
    const { operation } = await restore(world, { snapshot: world.snapshot })
    await confirmedUndo(world, operation)
    expect(world.desk()).toEqual(SPOILT)
  })
})

describe('undo', () => {
  test('of a dry run changes nothing', async () => {
    const world = await spoilt()
    const { operation } = await restore(world, { snapshot: world.snapshot })
    const reply = await world.service.undo(args.undo(operation, { dry_run: true }), caller())
    expect(reply).toEqual({ status: 'dry_run', plan: expect.anything() })
    expect(world.desk()).toEqual(SAVED)
  })

  test('brings back what was there, and can itself be undone', async () => {
    const world = await spoilt()
    const { service, desk } = world
    const { operation } = await restore(world, { snapshot: world.snapshot })
    const undone = await service.undo(args.undo(operation), caller())
    expect(undone).toMatchObject({
      status: 'done',
      undid: operation,
      undo: { operation: expect.any(String) },
    })
    expect(desk()).toEqual(SPOILT)
    await service.undo(args.undo((undone as { operation: string }).operation), caller())
    expect(desk()).toEqual(SAVED)
  })

  test('of chosen paths touches only these', async () => {
    const world = await spoilt()
    const { operation } = await restore(world, { snapshot: world.snapshot, paths: ['b'] })
    expect(world.desk()).toEqual({ a: 'spoilt', b: '2' })
    world.provider.boxes.set('desk', { a: 'new work', b: '2' })
    await confirmedUndo(world, operation)
    expect(world.desk()).toEqual({ a: 'new work' })
  })

  test('of chosen paths touches also what the plan says that they take along', async () => {
    const world = await spoilt()
    const { planRestore } = world.provider
    world.provider.planRestore = async (...call) => {
      const plan = await planRestore(...call)
      return { ...plan, ...(plan.request.paths?.length === 1 && { undo_paths: ['a', 'b'] }) }
    }
    const { operation } = await restore(world, { snapshot: world.snapshot, paths: ['b'] })
    world.provider.boxes.set('desk', { a: 'new work', b: '2' })
    await confirmedUndo(world, operation)
    expect(world.desk()).toEqual(SPOILT)
  })

  test('happens once, and says by whom it was done', async () => {
    const world = await spoilt()
    const { operation } = await restore(world, { snapshot: world.snapshot })
    const calls = [1, 2, 3].map(() => world.service.undo(args.undo(operation), caller()))
    const outcomes = await Promise.allSettled(calls)
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
    expect(world.desk()).toEqual(SPOILT)
    const [by] = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    const problem = await refusal(world.service.undo(args.undo(operation), caller()), 'CONFLICT')
    expect(problem.operation).toBe((by as { operation: string }).operation)
  })

  test("of an unknown operation and of somebody else's are told apart by nobody", async () => {
    const world = await spoilt()
    const { operation } = await restore(world, { snapshot: world.snapshot })
    const bob = caller({ principal: 'bob' })
    const others = await refusal(world.service.undo(args.undo(operation), bob), 'NOT_FOUND')
    const unknown = await refusal(world.service.undo(args.undo('op_00000000'), bob), 'NOT_FOUND')
    expect(JSON.stringify(unknown).replace('op_00000000', operation)).toBe(JSON.stringify(others))
    expect(world.desk()).toEqual(SAVED)
  })

  test('ends with its window', async () => {
    const world = await spoilt()
    const { operation, undo } = await restore(world, { snapshot: world.snapshot })
    world.time.now = Date.parse(undo?.until as string)
    await refusal(world.service.undo(args.undo(operation), caller()), 'CONFLICT')
    world.time.now--
    await world.service.undo(args.undo(operation), caller())
    expect(world.desk()).toEqual(SPOILT)
  })

  test('is there for a restore that failed half way, and for one whose process died', async () => {
    let fails = true
    const world = await spoilt({
      memory: {
        at: {
          restored() {
            if (fails) throw new Error('disk on fire')
          },
        },
      },
    })
    const { confirmation } = (await world.service.restore(
      args.restore({ snapshot: world.snapshot }),
      caller(),
    )) as RestoreReply
    const call = world.service.restore(args.restore({ snapshot: world.snapshot, confirmation }), caller())
    const { operation = '', hint, outcome } = await refusal(call, 'INTERNAL')
    expect(outcome).toBe('unknown')
    expect(hint).toContain(`snapshot_undo with ${operation}`)

    // As if the process had died there: the record still says "running".
    const found = await world.state.read('operation', operation)
    const runner = { ...thisRunner(), pid: 2 ** 22 + 1 }
    await world.state.write(
      'operation',
      operation,
      { ...(found?.value as object), state: 'running', runner },
      found?.version ?? 0,
    )
    const { undoable } = await world.service.status(args.status(), caller())
    expect(undoable).toMatchObject([{ operation, state: 'unknown' }])

    // An undo that fails may be tried again.
    await refusal(confirmedUndo(world, operation), 'INTERNAL')
    fails = false
    await confirmedUndo(world, operation)
    expect(world.desk()).toEqual(SPOILT)
    expect(
      (await world.service.status(args.status(), caller())).undoable.map(({ operation }) => operation),
    ).not.toContain(operation)
  })

  test('is there for a restore whose end could not be put on record, as soon as it can', async () => {
    let full = false
    const world = await spoilt({
      state: (store) => ({
        ...store,
        async write(...call) {
          if (full) throw fail('NO_SPACE', 'The disk is full.', 'Free some space.', { outcome: 'unknown' })
          return store.write(...call)
        },
      }),
      memory: {
        at: {
          restored() {
            full = true
          },
        },
      },
    })
    const { operation } = await restore(world, { snapshot: world.snapshot })
    expect(world.desk()).toEqual(SAVED)
    const told = await world.service.status(args.status(), caller())
    expect(told.undoable).toMatchObject([{ operation, state: 'done' }])
    const problem = await refusal(world.service.undo(args.undo(operation), caller()), 'NO_SPACE')
    expect(problem.outcome).toBe('not_started')
    expect((await world.state.read('operation', operation))?.value).toMatchObject({ state: 'running' })

    full = false
    expect(await world.service.undo(args.undo(operation), caller())).toMatchObject({ status: 'done' })
    expect(world.desk()).toEqual(SPOILT)
    expect((await world.state.read('operation', operation))?.value).toMatchObject({ state: 'done' })
  })

  test('of a running operation waits for its end', async () => {
    let operation = ''
    let undo: Promise<unknown> | undefined
    const world = await spoilt({
      memory: {
        at: {
          restored(ctx) {
            operation ||= ctx.operation
            undo ??= refusal(world.service.undo(args.undo(operation), caller()), 'BUSY')
            return undo
          },
        },
      },
    })
    await restore(world, { snapshot: world.snapshot })
    await expect(undo).resolves.toBeDefined()
    await world.service.undo(args.undo(operation), caller())
    expect(world.desk()).toEqual(SPOILT)
  })

  test('of a create, or of a call that changed nothing, is refused with the reason', async () => {
    const full = fail('NO_SPACE', 'The disk is full. Nothing was changed.', 'Free some space.')
    const world = await spoilt({ memory: { at: { restore: () => Promise.reject(full) } } })
    const { snapshot, service } = world
    const [create] = (await service.status(args.status(), caller())).operations
    const problem = await refusal(service.undo(args.undo(create?.operation ?? ''), caller()), 'UNSUPPORTED')
    expect(problem.hint).toContain('snapshot_delete')

    const { confirmation } = (await service.restore(args.restore({ snapshot }), caller())) as RestoreReply
    const call = service.restore(args.restore({ snapshot, confirmation }), caller())
    const { operation = '' } = await refusal(call, 'NO_SPACE')
    await refusal(service.undo(args.undo(operation), caller()), 'CONFLICT')
  })

  test('asks a person in human mode, and runs with the answer', async () => {
    const world = await spoilt()
    const { operation } = await restore(world, { snapshot: world.snapshot })
    const human = world.start('human')
    const question = await human.undo(args.undo(operation), caller({ canAsk: true }))
    expect(question).toMatchObject({ status: 'question' })
    const { confirmation } = question as { confirmation: string }
    const answer = { confirmation, action: 'accept' as const, content: { confirm: true } }
    expect(await human.undo(args.undo(operation), caller({ canAsk: true, answer }))).toMatchObject({
      status: 'done',
    })
    expect(world.desk()).toEqual(SPOILT)
  })

  test('waits for an approval in human mode, and then runs with the same call', async () => {
    const world = await spoilt()
    const { operation } = await restore(world, { snapshot: world.snapshot })
    const human = world.start('human')
    const first = (await human.undo(args.undo(operation), caller())) as RestoreReply
    expect(first).toMatchObject({ status: 'approval_required', approval: { how: expect.any(String) } })
    expect(world.desk()).toEqual(SAVED)
    await world.approvals.approve(first.approval?.code ?? '', 'me')
    expect(await human.undo(args.undo(operation), caller())).toMatchObject({ status: 'done' })
    expect(world.desk()).toEqual(SPOILT)
    const { operations } = await human.status(args.status(), caller())
    const undone = operations.find(({ type }) => type === 'undo')
    expect(undone).toMatchObject({ plan: first.confirmation, doors: ['approval'], approved_by: 'me' })
    const restored = operations.find(({ type }) => type === 'restore')
    expect(restored).toMatchObject({ plan: expect.stringMatching(/^cfm_/), doors: ['token'] })
  })

  test('declined in a terminal says so to the next call', async () => {
    const world = await spoilt()
    const { operation } = await restore(world, { snapshot: world.snapshot })
    const human = world.start('human')
    const first = (await human.undo(args.undo(operation), caller())) as RestoreReply
    await world.approvals.decline(first.approval?.code ?? '', 'me')
    await refusal(human.undo(args.undo(operation), caller()), 'APPROVAL_DECLINED')
    expect(await human.undo(args.undo(operation), caller())).toMatchObject({ status: 'approval_required' })
    expect(world.desk()).toEqual(SAVED)
  })

  test('that cannot itself be undone asks for a person in every mode', async () => {
    const world = await spoilt()
    const { operation } = await restore(world, { snapshot: world.snapshot })
    const permanent = {
      ...world.provider,
      planRestore: async (...call: Parameters<typeof world.provider.planRestore>) => ({
        ...(await world.provider.planRestore(...call)),
        reversible: false,
      }),
    }
    const other = createWorld({ directory: world.directory, others: [permanent] })
    for (const desk of [SAVED, { worked: 'on since' }]) {
      world.provider.boxes.set('desk', desk)
      for (const mode of ['auto', 'token'] as const) {
        expect(await other.start(mode).undo(args.undo(operation), caller())).toMatchObject({
          status: 'approval_required',
        })
      }
      expect(world.desk()).toEqual(desk)
    }
  })
})

test('a question that a person declines is on record and changes nothing', async () => {
  const { service, snapshot, desk, start, time } = await spoilt({ mode: 'auto' })
  time.now += 1000
  const ann = caller({ canAsk: true })
  const { confirmation = '' } = await service.restore(args.restore({ snapshot }), ann)
  const answer = { confirmation, action: 'decline' as const }
  await refusal(service.restore(args.restore({ snapshot }), { ...ann, answer }), 'APPROVAL_DECLINED')
  expect(desk()).toEqual(SPOILT)
  const { operations } = await start().status(args.status(), caller())
  expect(operations[0]).toMatchObject({ type: 'restore', state: 'declined' })
})
