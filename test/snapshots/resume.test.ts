import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { fail } from '../../src/snapshots/errors.ts'
import type { Interrupted } from '../../src/snapshots/interrupted.ts'
import type { Context, CreateRequest, Provider } from '../../src/snapshots/provider.ts'
import type { RestoreReply } from '../../src/snapshots/replies.ts'
import { createMemoryProvider } from './memory-provider.ts'
import { args, caller, createWorld, NOON, refusal } from './world.ts'

/** Where the work is done: it goes on, whoever watches. */
interface Vendor {
  provider: Provider
  /** Lets work come to its end, until there is a new hold. */
  finish(): void
  hold(): void
  /** What `resume` was given, in order. */
  resumed: Interrupted<unknown>[]
  /** How often something was begun there. */
  begun(): number
  /** How the next look at the vendor fails. */
  trouble?: Error
}

function vendor(): Vendor {
  const honest = createMemoryProvider({ name: 'cloud', clock: () => NOON })
  let finish = () => {}
  let done = Promise.resolve()
  let begun = 0
  const it: Vendor = {
    provider: honest,
    finish: () => finish(),
    hold() {
      done = new Promise((resolve) => {
        finish = resolve
      })
    },
    resumed: [],
    begun: () => begun,
  }
  it.hold()
  onTestFinished(() => finish())

  const untilDone = (ctx: Context) =>
    new Promise<void>((resolve, reject) => {
      const stop = () => reject(unknown('CANCELLED'))
      if (ctx.signal.aborted) stop()
      ctx.signal.addEventListener('abort', stop, { once: true })
      done.then(resolve)
    })
  const unknown = (code: 'CANCELLED' | 'NETWORK') =>
    fail(code, 'Nobody knows.', 'Look later.', { outcome: 'unknown' })
  const see = async <R>(interrupted: Interrupted<unknown>, ctx: Context, work: () => Promise<R>) => {
    it.resumed.push(interrupted)
    const { trouble } = it
    delete it.trouble
    if (trouble) throw trouble
    await untilDone(ctx)
    return work()
  }
  const begin = async <R>(ctx: Context, facts: object, work: () => Promise<R>) => {
    if (ctx.signal.aborted) throw fail('CANCELLED', 'Nothing was sent.', 'Call again.')
    await ctx.note?.({ ...facts })
    begun++
    const { trouble } = it
    delete it.trouble
    if (trouble) throw trouble
    await untilDone(ctx)
    return work()
  }
  const restored = async (request: Parameters<Provider['planRestore']>[0], ctx: Context) =>
    honest.restore(await honest.planRestore(request, ctx), ctx)
  it.provider = {
    ...honest,
    create: (request, ctx) => begin(ctx, { mark: ctx.operation }, () => honest.create(request, ctx)),
    restore: (plan, ctx) => begin(ctx, { mark: ctx.operation }, () => honest.restore(plan, ctx)),
    resume: {
      create: (left, ctx) => see(left, ctx, () => honest.create(left.request as CreateRequest, ctx)),
      restore: (left, ctx) => see(left, ctx, () => restored(left.request, ctx)),
    },
  }
  return it
}

const save = (fields: object = {}) => args.create({ source: 'box:desk', provider: 'cloud', ...fields })

function world() {
  const cloud = vendor()
  return { cloud, ...createWorld({ others: [cloud.provider] }) }
}

describe('a create that takes longer than its caller waits', () => {
  test('answers with an id that snapshot_get can wait on', async () => {
    const { cloud, service } = world()
    const reply = await service.create(save({ wait_seconds: 0, name: 'slow' }), caller())
    expect(reply).toMatchObject({
      status: 'creating',
      snapshot: { id: `cloud:${reply.operation}`, state: 'creating', name: 'slow' },
    })
    expect(await service.get(args.get({ snapshot: reply.snapshot.id }), caller())).toMatchObject({
      snapshot: { state: 'creating' },
    })
    cloud.finish()
    const { snapshot } = await service.get(
      args.get({ snapshot: reply.snapshot.id, wait_seconds: 20 }),
      caller(),
    )
    expect(snapshot).toMatchObject({ state: 'ready', name: 'slow' })
    expect(snapshot.id).not.toBe(reply.snapshot.id)
  })

  test('goes on when its caller cancels, who is told under which id', async () => {
    const { cloud, service } = world()
    const cancelling = new AbortController()
    const call = service.create(save(), caller({ signal: cancelling.signal }))
    await expect.poll(() => cloud.begun()).toBe(1)
    cancelling.abort()
    const problem = await refusal(call, 'CANCELLED')
    expect(problem).toMatchObject({ outcome: 'unknown', operation: expect.stringMatching(/^op_/) })
    cloud.finish()
    const { snapshot } = await service.get(
      args.get({ snapshot: `cloud:${problem.operation}`, wait_seconds: 20 }),
      caller(),
    )
    expect(snapshot.state).toBe('ready')
  })

  test('does not begin when its caller has cancelled before', async () => {
    const { cloud, service, provider } = world()
    await refusal(service.create(save(), caller({ signal: AbortSignal.abort() })), 'CANCELLED')
    cloud.finish()
    expect(provider.shelf.size).toBe(0)
  })

  test('is taken up by the next server, which begins nothing anew', async () => {
    const { cloud, service, start } = world()
    const { operation, snapshot } = await service.create(save({ wait_seconds: 0, name: 'kept' }), caller())
    await expect.poll(() => cloud.begun()).toBe(1)
    await service.close()
    const later = start()
    // Any call will do.
    await later.list(args.list(), caller())
    await expect.poll(() => cloud.resumed.length).toBe(1)
    expect(cloud.resumed[0]).toMatchObject({
      operation,
      started_at: NOON,
      facts: { mark: operation },
      request: { name: 'kept', source: { id: 'desk' }, auto: false },
    })
    cloud.finish()
    const found = await later.get(args.get({ snapshot: snapshot.id, wait_seconds: 20 }), caller())
    expect(found.snapshot).toMatchObject({ state: 'ready', name: 'kept' })
    expect(cloud.begun()).toBe(1)
  })

  test('is taken up by one of two servers', async () => {
    const { cloud, service, start } = world()
    const { snapshot } = await service.create(save({ wait_seconds: 0 }), caller())
    await service.close()
    const [one, other] = [start(), start()]
    await Promise.all([one.list(args.list(), caller()), other.list(args.list(), caller())])
    cloud.finish()
    const wait = args.get({ snapshot: snapshot.id, wait_seconds: 20 })
    const found = await Promise.all([one.get(wait, caller()), other.get(wait, caller())])
    expect(found.map((each) => each.snapshot.state)).toEqual(['ready', 'ready'])
    expect(cloud.resumed).toHaveLength(1)
  })

  test('a server that may change nothing leaves it to another', async () => {
    const { cloud, service, start, rules } = world()
    const { snapshot } = await service.create(save({ wait_seconds: 0 }), caller())
    await service.close()
    rules.now = { ...rules.now, read_only: true }
    const reader = start()
    const found = await reader.get(args.get({ snapshot: snapshot.id }), caller())
    expect(found.snapshot.state).toBe('unknown')
    expect(cloud.resumed).toEqual([])
  })
})

describe('what is left alone', () => {
  const lost = () => fail('NETWORK', 'The line is dead.', 'Look later.', { outcome: 'unknown' })

  test('what was begun in another account', async () => {
    const { cloud, service, start } = world()
    Object.assign(cloud.provider, { account: 'ours' })
    const { snapshot } = await service.create(save({ wait_seconds: 0 }), caller())
    await expect.poll(() => cloud.begun()).toBe(1)
    await service.close()
    Object.assign(cloud.provider, { account: 'theirs' })
    const later = start()
    await later.status(args.status(), caller())
    expect((await later.get(args.get({ snapshot: snapshot.id }), caller())).snapshot.state).toBe('unknown')
    expect(cloud.resumed).toEqual([])
    Object.assign(cloud.provider, { account: 'ours' })
    cloud.finish()
    const found = await later.get(args.get({ snapshot: snapshot.id, wait_seconds: 20 }), caller())
    expect(found.snapshot.state).toBe('ready')
  })

  test('what was begun a day ago', async () => {
    const { cloud, service, time } = world()
    cloud.trouble = lost()
    const { operation } = await refusal(service.create(save(), caller()), 'NETWORK')
    time.now += 24 * 3_600_000 + 1
    await service.status(args.status(), caller())
    const found = await service.get(args.get({ snapshot: `cloud:${operation}` }), caller())
    expect(found.snapshot.state).toBe('unknown')
    expect(cloud.resumed).toEqual([])
  })

  test('what somebody is at work on whose process cannot be seen from here', async () => {
    const { cloud, service, state } = world()
    cloud.trouble = lost()
    const { operation, pending } = await refusal(service.create(save(), caller()), 'NETWORK')
    expect(pending).toBe(`cloud:${operation}`)
    const lock = await state.lock(`operation:${operation}`)
    const wait = args.get({ snapshot: `cloud:${operation}` })
    expect((await service.get(wait, caller())).snapshot.state).toBe('creating')
    expect(cloud.resumed).toEqual([])
    await lock.release()
    cloud.finish()
    await service.status(args.status(), caller())
    await expect.poll(async () => (await service.get(wait, caller())).snapshot.state).toBe('ready')
    expect(cloud.resumed).toHaveLength(1)
  })
})

test('a server that is closing begins nothing any more', async () => {
  const { cloud, service } = world()
  await service.close()
  await refusal(service.create(save(), caller()), 'CANCELLED')
  expect(cloud.begun()).toBe(0)
})

describe('a create of which nobody knows what came of it', () => {
  const lost = () => fail('NETWORK', 'The line is dead.', 'Look later.', { outcome: 'unknown' })

  test('is looked for again by snapshot_get', async () => {
    const { cloud, service } = world()
    cloud.trouble = lost()
    const { operation } = await refusal(service.create(save(), caller()), 'NETWORK')
    cloud.finish()
    const found = await service.get(args.get({ snapshot: `cloud:${operation}`, wait_seconds: 20 }), caller())
    expect(found.snapshot.state).toBe('ready')
    expect(cloud.begun()).toBe(1)
  })

  test('is looked for again by itself', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { cloud, service, provider } = world()
    cloud.trouble = lost()
    await refusal(service.create(save(), caller()), 'NETWORK')
    cloud.trouble = lost()
    await vi.advanceTimersByTimeAsync(60_000)
    vi.useRealTimers()
    await expect.poll(() => cloud.resumed.length).toBe(1)
    expect(provider.shelf.size).toBe(0)
  })

  test('has failed once it is certain that nothing did', async () => {
    const { cloud, service } = world()
    cloud.trouble = lost()
    const { operation } = await refusal(service.create(save(), caller()), 'NETWORK')
    const snapshot = `cloud:${operation}`
    cloud.trouble = lost()
    const still = await service.get(args.get({ snapshot, wait_seconds: 20 }), caller())
    expect(still.snapshot).toMatchObject({ state: 'unknown', error: { code: 'NETWORK' } })
    cloud.trouble = fail('NETWORK', 'Nothing came of it.', 'Call again.')
    const found = await service.get(args.get({ snapshot, wait_seconds: 20 }), caller())
    expect(found.snapshot).toMatchObject({ state: 'failed', error: { message: 'Nothing came of it.' } })
    expect(cloud.resumed).toHaveLength(2)
  })

  test('a call with the same idempotency_key follows it and makes no second one', async () => {
    const { cloud, service } = world()
    cloud.trouble = lost()
    const call = save({ idempotency_key: 'k' })
    const { operation } = await refusal(service.create(call, caller()), 'NETWORK')
    cloud.finish()
    expect(await service.create(call, caller())).toMatchObject({
      status: 'done',
      operation,
      snapshot: { state: 'ready' },
    })
    expect(cloud.begun()).toBe(1)
  })
})

test('a restore that takes longer than its caller waits is told by snapshot_get as well', async () => {
  const { cloud, service, start } = world()
  cloud.finish()
  const { snapshot } = await service.create(save(), caller())
  cloud.hold()
  const call = args.restore({ snapshot: snapshot.id, mode: 'new', to: 'copy', wait_seconds: 0 })
  const reply = (await service.restore(call, caller())) as RestoreReply
  expect(reply).toMatchObject({ status: 'creating', pending: `cloud:${reply.operation}` })
  const pending = reply.pending as string
  expect(await service.get(args.get({ snapshot: pending }), caller())).toMatchObject({
    snapshot: { id: pending, state: 'creating' },
    restore: { status: 'creating', operation: reply.operation },
  })
  await service.close()
  cloud.finish()

  const later = start()
  expect(await later.get(args.get({ snapshot: pending, wait_seconds: 20 }), caller())).toMatchObject({
    snapshot: { id: snapshot.id, state: 'ready' },
    restore: { status: 'done', targets: [{ id: 'copy' }] },
  })
  cloud.provider.get = async () => {
    throw fail('NOT_FOUND', 'It is gone.', 'Look at the list.')
  }
  // What came of the restore can be told, also when what it was made from is gone.
  expect(await later.get(args.get({ snapshot: pending }), caller())).toMatchObject({
    restore: { status: 'done', targets: [{ id: 'copy' }] },
  })
  expect(cloud.resumed).toMatchObject([
    { facts: { mark: reply.operation }, request: { mode: 'new', to: 'copy' } },
  ])
})
