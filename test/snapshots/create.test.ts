import { once } from 'node:events'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { fail } from '../../src/snapshots/errors.ts'
import { unreachable } from '../../src/state/redis/trouble.ts'
import { thisRunner } from '../../src/state/runner.ts'
import { createMemoryProvider } from './memory-provider.ts'
import { type Shaky, shaky } from './shaky-store.ts'
import { args, caller, createWorld, NOON, refusal } from './world.ts'

/** A gate that a capture waits at, and that gives way to a cancellation. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  const at = ({ signal }: { signal: AbortSignal }) =>
    signal.aborted || Promise.race([opened, once(signal, 'abort')])
  return { open, at }
}

describe('create', () => {
  test('captures the source and says what is in it', async () => {
    const { service, provider } = createWorld()
    const reply = await service.create(args.create({ note: 'why', labels: { a: 'b' }, ttl: '2h' }), caller())
    expect(reply).toMatchObject({
      status: 'done',
      operation: expect.stringMatching(/^op_[a-z0-9]{20}$/),
      receipt: { files: 2 },
      snapshot: {
        id: 'memory:s00001',
        name: 'desk 2026-11-21 12:00:00',
        note: 'why',
        labels: { a: 'b' },
        expires_at: '2026-11-21T14:00:00.000Z',
        auto: false,
      },
    })
    expect(provider.shelf.get('s00001')?.content).toEqual({ a: '1', b: '2' })
  })

  test('names a source of hostile name without its hostility', async () => {
    const { service, provider } = createWorld()
    const id = `/srv/evil\u202e\n${'x'.repeat(300)}\ud800/`
    provider.boxes.set(id, {})
    const { snapshot } = await service.create(args.create({ source: `box:${id}` }), caller())
    expect(snapshot.name).toMatch(/^evil\?\?x{44} 2026-11-21 12:00:00$/)
  })

  test('hands the options of its provider on and refuses those of another', async () => {
    const { service } = createWorld()
    await refusal(service.create(args.create({ local: { exclude: ['x'] } }), caller()), 'INVALID_ARGUMENT')
    const local = createWorld({ memory: { name: 'local' } })
    const { snapshot } = await local.service.create(args.create({ local: { exclude: ['x'] } }), caller())
    expect(snapshot.native).toEqual({ exclude: ['x'] })
  })

  test('goes to the provider that has this kind of source', async () => {
    const clock = () => NOON
    const cloud = createMemoryProvider({ name: 'cloud', clock, capabilities: { source_kinds: ['instance'] } })
    const { service } = createWorld({ others: [cloud] })
    const chosen = async (fields: object) =>
      (await service.create(args.create(fields), caller())).snapshot.provider
    expect(await chosen({ source: 'box:desk' })).toBe('memory')
    expect(await chosen({ provider: 'cloud' })).toBe('cloud')
    await refusal(service.create(args.create({}), caller()), 'INVALID_ARGUMENT')
    const { hint } = await refusal(
      service.create(args.create({ provider: 'nowhere' }), caller()),
      'INVALID_ARGUMENT',
    )
    expect(hint).toContain('memory, cloud')
  })

  test('is refused when the policy says so, before anything is done', async () => {
    const { service, provider, state } = createWorld({ policy: { read_only: true } })
    await refusal(service.create(args.create(), caller()), 'POLICY_DENIED')
    expect(provider.shelf.size).toBe(0)
    expect(await state.list('operation')).toEqual([])
  })

  test('tells its progress, and turns a defect into a problem without its text', async () => {
    const told: unknown[] = []
    const { service } = createWorld({
      memory: {
        at: {
          create(ctx) {
            ctx.progress(1, 2, 'files')
            throw new Error('secret')
          },
        },
      },
    })
    const call = service.create(args.create(), caller({ progress: (...what) => told.push(what) }))
    const problem = await refusal(call, 'INTERNAL')
    expect(problem.operation).toMatch(/^op_/)
    expect(JSON.stringify(problem)).not.toContain('secret')
    expect(told).toEqual([[1, 2, 'files']])
  })

  test('of one source follow each other, of two sources do not wait', async () => {
    const inside: string[] = []
    const { open, at } = gate()
    const memory = {
      at: {
        create(ctx: { signal: AbortSignal }) {
          inside.push('in')
          return at(ctx)
        },
      },
    }
    const { service, provider } = createWorld({ memory })
    provider.boxes.set('other', {})
    const calls = ['desk', 'desk', 'other'].map((source) => service.create(args.create({ source }), caller()))
    await vi.waitFor(() => expect(inside).toHaveLength(2))
    expect(provider.shelf.size).toBe(0)
    open()
    await Promise.all(calls)
    expect(inside).toHaveLength(3)
  })
})

describe('a capture that takes longer than the call', () => {
  async function pending() {
    const { open, at } = gate()
    const world = createWorld({ memory: { at: { create: at } } })
    const reply = await world.service.create(args.create({ wait_seconds: 0, name: 'slow' }), caller())
    return { ...world, reply, open }
  }

  test('goes on, and is found under the id of its operation', async () => {
    const { service, reply, open, start } = await pending()
    expect(reply).toMatchObject({
      status: 'creating',
      snapshot: { id: `memory:${reply.operation}`, state: 'creating' },
    })
    const get = (wait_seconds: number, from = service) =>
      from.get(args.get({ snapshot: reply.snapshot.id, wait_seconds }), caller())
    expect((await get(0)).snapshot).toMatchObject({ state: 'creating', name: 'slow', source: { id: 'desk' } })
    const waiting = get(10)
    open()
    expect((await waiting).snapshot).toMatchObject({ id: 'memory:s00001', state: 'ready', name: 'slow' })
    // And from the record, after a restart.
    expect(await get(0, start())).toMatchObject({ snapshot: { id: 'memory:s00001' }, receipt: { files: 2 } })
  })

  test('belongs to its principal', async () => {
    const { service, reply } = await pending()
    const other = caller({ principal: 'bob' })
    await refusal(service.get(args.get({ snapshot: reply.snapshot.id }), other), 'NOT_FOUND')
  })

  test('cannot be cancelled by a call that has ended; closing the service ends it', async () => {
    const { open, at } = gate()
    const { service, start, provider } = createWorld({ memory: { at: { create: at } } })
    const stop = new AbortController()
    const create = args.create({ wait_seconds: 0 })
    const kept = await service.create(create, caller({ signal: stop.signal }))
    stop.abort()
    open()
    const get = args.get({ snapshot: kept.snapshot.id, wait_seconds: 10 })
    expect((await service.get(get, caller())).snapshot.state).toBe('ready')
    expect(provider.shelf.size).toBe(1)

    const slow = await pending()
    await slow.service.close()
    const { snapshot } = await start().get(get, caller())
    expect(snapshot.state).toBe('ready')
    const closed = await slow.start().get(args.get({ snapshot: slow.reply.snapshot.id }), caller())
    expect(closed.snapshot).toMatchObject({ state: 'failed', error: { code: 'CANCELLED' } })
  })

  test('is failed when its process is gone', async () => {
    const { service, state, reply } = await pending()
    const found = await state.read('operation', reply.operation)
    const runner = { ...thisRunner(), pid: 2 ** 22 + 1 }
    await state.write(
      'operation',
      reply.operation,
      { ...(found?.value as object), runner },
      found?.version ?? 0,
    )
    const { snapshot } = await service.get(
      args.get({ snapshot: reply.snapshot.id, wait_seconds: 5 }),
      caller(),
    )
    expect(snapshot).toMatchObject({ state: 'failed', error: { code: 'INTERRUPTED' } })
    const { operations } = await service.status(args.status(), caller())
    expect(operations[0]).toMatchObject({ operation: reply.operation, state: 'unknown' })
  })

  test('is not a snapshot for other operations', async () => {
    const { service, reply } = await pending()
    const id = reply.snapshot.id
    await refusal(service.delete(args.delete({ snapshots: [id] }), caller()), 'INVALID_ARGUMENT')
    await refusal(service.restore(args.restore({ snapshot: id }), caller()), 'INVALID_ARGUMENT')
    await refusal(service.diff(args.diff({ from: id }), caller()), 'INVALID_ARGUMENT')
  })

  test('is cancelled by its call while that waits', async () => {
    const { at } = gate()
    const { service, provider } = createWorld({ memory: { at: { create: at } } })
    const stop = new AbortController()
    const call = service.create(args.create(), caller({ signal: stop.signal }))
    stop.abort()
    const { operation } = await refusal(call, 'CANCELLED')
    expect(provider.shelf.size).toBe(0)
    const { operations } = await service.status(args.status(), caller())
    expect(operations).toMatchObject([{ operation, state: 'failed' }])
  })
})

const noSpace = () => fail('NO_SPACE', 'The disk is full.', 'Free some space.', { outcome: 'unknown' })

test('what cannot be put on record is not captured, and nothing was started', async () => {
  for (const refused of ['operation', 'idempotency', 'counter']) {
    const { service, provider } = createWorld({
      policy: { quotas: { creates_per_hour: { global: 10 } } },
      state: (store) => ({
        ...store,
        write: async (kind, ...rest) => {
          if (kind === refused) throw noSpace()
          return store.write(kind, ...rest)
        },
      }),
    })
    const call = service.create(args.create({ idempotency_key: 'k' }), caller())
    expect((await refusal(call, 'NO_SPACE')).outcome, refused).toBe('not_started')
    expect(provider.shelf.size).toBe(0)
  }
})

describe('an idempotency key', () => {
  const create = (fields: object = {}) => args.create({ idempotency_key: 'k', ...fields })

  test('gives the first result also where the lock could not be given back', async () => {
    const { service, provider } = createWorld({
      state: (store) => ({
        ...store,
        async lock(...call) {
          const { held, release } = await store.lock(...call)
          return { held, release: () => release().then(() => Promise.reject(noSpace())) }
        },
      }),
    })
    const first = await service.create(create(), caller())
    expect(first.status).toBe('done')
    expect(await service.create(create(), caller())).toEqual(first)
    expect(provider.shelf.size).toBe(1)
    const renamed = await service.update(args.update({ snapshot: first.snapshot.id, name: 'new' }), caller())
    expect(renamed.snapshot.name).toBe('new')
  })

  test('gives the first result again, also after a restart and whatever the wait', async () => {
    const { service, start, provider } = createWorld()
    const first = await service.create(create(), caller())
    expect(await service.create(create({ wait_seconds: 1 }), caller())).toEqual(first)
    expect(await start().create(create(), caller())).toEqual(first)
    expect(provider.shelf.size).toBe(1)
    const { operations } = await service.status(args.status(), caller())
    expect(operations).toHaveLength(1)
  })

  test('captures once for many calls at the same time', async () => {
    const { service, start, provider } = createWorld()
    const services = [service, start(), start(), start()]
    const replies = await Promise.all(services.map((each) => each.create(create(), caller())))
    expect(new Set(replies.map(({ snapshot }) => snapshot.id)).size).toBe(1)
    expect(provider.shelf.size).toBe(1)
  })

  test('with other arguments is a CONFLICT', async () => {
    const { service } = createWorld()
    const { operation } = await service.create(create(), caller())
    const problem = await refusal(service.create(create({ name: 'other' }), caller()), 'CONFLICT')
    expect(problem.operation).toBe(operation)
  })

  test('belongs to its principal', async () => {
    const { service, provider } = createWorld()
    await service.create(create(), caller())
    await service.create(create({ name: 'other' }), caller({ principal: 'bob' }))
    expect(provider.shelf.size).toBe(2)
  })

  test('waits for a running first call, but not longer than asked', async () => {
    const { open, at } = gate()
    const { service } = createWorld({ memory: { at: { create: at } } })
    const first = await service.create(create({ wait_seconds: 0 }), caller())
    const again = await service.create(create({ wait_seconds: 0 }), caller())
    expect(again).toMatchObject({
      status: 'creating',
      operation: first.operation,
      snapshot: { id: first.snapshot.id },
    })
    const waiting = service.create(create({ wait_seconds: 10 }), caller())
    open()
    expect(await waiting).toMatchObject({ status: 'done', operation: first.operation })
  })

  test('is free again when its first call changed nothing, and not when that is unknown', async () => {
    let broken: 'not_started' | 'unknown' | undefined = 'not_started'
    const { service, provider } = createWorld({
      memory: {
        at: {
          create() {
            if (broken === 'unknown') throw new Error('defect')
            if (broken) throw fail('NETWORK', 'The provider is down.', 'Try again.')
          },
        },
      },
    })
    await refusal(service.create(create(), caller()), 'NETWORK')
    broken = undefined
    await service.create(create(), caller())
    expect(provider.shelf.size).toBe(1)

    broken = 'unknown'
    const first = await refusal(service.create(create({ idempotency_key: 'k2' }), caller()), 'INTERNAL')
    broken = undefined
    const again = await refusal(service.create(create({ idempotency_key: 'k2' }), caller()), 'INTERNAL')
    expect(again).toMatchObject({ operation: first.operation, outcome: 'unknown' })
    expect(provider.shelf.size).toBe(1)
  })

  /** A world whose state goes away, and what another server finds there. */
  function farAway() {
    let line: Shaky | undefined
    const world = createWorld({
      state: (store) => {
        line = shaky(store)
        return line.state
      },
    })
    return { ...world, line: line as Shaky }
  }

  test('can be used again after its claim arrived without an answer', async () => {
    const { service, provider, line } = farAway()
    line.loseAnswerTo('idempotency')
    const problem = await refusal(service.create(create(), caller()), 'PROVIDER_UNAVAILABLE')
    expect(problem.outcome).toBe('not_started')
    const away = await refusal(service.create(create(), caller()), 'PROVIDER_UNAVAILABLE')
    expect(away.outcome).toBe('not_started')
    expect(service.busy()).toBe(true)
    line.comeBack()
    expect((await service.create(create(), caller())).status).toBe('done')
    expect(provider.shelf.size).toBe(1)
    expect(service.busy()).toBe(false)
  })

  test('of a first call that was forgotten while a second one followed it starts anew', async () => {
    const { open, at } = gate()
    const { signal } = new AbortController()
    let isFirst = true
    let forgotten = ''
    const { service } = createWorld({
      state: (store) => ({
        ...store,
        async remove(kind, id) {
          // The second call forgets its own, and is about to follow the first.
          await store.remove(kind, id)
          if (kind === 'operation') await store.remove(kind, forgotten)
        },
        async lock(name, options) {
          const waits = isFirst && name === 'memory:box:desk'
          if (waits) isFirst = false
          if (waits) await at({ signal })
          return store.lock(name, options)
        },
      }),
    })
    onTestFinished(open)
    const first = await service.create(create({ wait_seconds: 0 }), caller())
    forgotten = first.operation
    const { status, operation } = await service.create(create(), caller())
    expect(status).toBe('done')
    expect(operation).not.toBe(first.operation)
  })

  test('is free again when the sign of life of its first call could not be given', async () => {
    const cloud = createMemoryProvider({ name: 'cloud', clock: () => NOON })
    let isAway = true
    const { service } = createWorld({
      others: [{ ...cloud, resume: { create: Promise.reject, restore: Promise.reject } }],
      state: (store) => ({
        ...store,
        async lock(name, options) {
          if (isAway && name.startsWith('operation:')) throw unreachable(false)
          return store.lock(name, options)
        },
      }),
    })
    const call = create({ provider: 'cloud', source: 'box:desk' })
    const problem = await refusal(service.create(call, caller()), 'PROVIDER_UNAVAILABLE')
    expect(problem.outcome).toBe('not_started')
    isAway = false
    expect((await service.create(call, caller())).status).toBe('done')
  })
})
