import { describe, expect, test } from 'vitest'
import { fail } from '../../src/snapshots/errors.ts'
import { createMemoryProvider } from './memory-provider.ts'
import { args, caller, createWorld, NOON, refusal, type World } from './world.ts'

async function two() {
  const time = { now: NOON }
  const cloud = createMemoryProvider({
    name: 'cloud',
    clock: () => time.now,
    capabilities: { source_kinds: ['instance'] },
  })
  const world = createWorld({ others: [cloud] })
  const ids: string[] = []
  for (const provider of ['memory', 'cloud', 'memory', 'cloud']) {
    ids.push((await world.service.create(args.create({ provider }), caller())).snapshot.id)
    world.time.now += 1000
    time.now = world.time.now
  }
  return { ...world, cloud, ids }
}

describe('list', () => {
  test('shows all providers side by side, newest first, page by page', async () => {
    const { service, ids } = await two()
    const first = await service.list(args.list({ limit: 3 }), caller())
    const second = await service.list(args.list({ limit: 3, cursor: first.next_cursor }), caller())
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual([...ids].reverse())
    expect(second.next_cursor).toBeUndefined()
  })

  test('goes to one provider when one is named, or by the kind of the source', async () => {
    const { service, ids } = await two()
    const of = async (fields: object) =>
      (await service.list(args.list(fields), caller())).items.map(({ id }) => id)
    expect(await of({ provider: 'cloud' })).toEqual([ids[3], ids[1]])
    expect(await of({ source: 'box:desk' })).toEqual([ids[2], ids[0]])
    await refusal(service.list(args.list({ provider: 'nowhere' }), caller()), 'INVALID_ARGUMENT')
  })

  test('reports a provider that fails beside the items of the others', async () => {
    const { service, cloud } = await two()
    cloud.list = () => Promise.reject(fail('NETWORK', 'Down.', 'Try again.'))
    const { items, errors } = await service.list(args.list(), caller())
    expect(items).toHaveLength(2)
    expect(errors).toEqual([{ provider: 'cloud', code: 'NETWORK', message: 'Down.', retryable: true }])
    await refusal(service.list(args.list({ provider: 'cloud' }), caller()), 'NETWORK')
  })
})

test('sources are listed provider by provider', async () => {
  const { service, provider } = await two()
  provider.boxes.set('attic', {})
  const first = await service.sources(args.sources({ limit: 2 }), caller())
  const second = await service.sources(args.sources({ limit: 2, cursor: first.next_cursor }), caller())
  const names = [...first.items, ...second.items].map(({ provider, id }) => `${provider}:${id}`)
  expect(names).toEqual(['memory:desk', 'memory:attic', 'cloud:desk'])
  expect((await service.sources(args.sources({ query: 'att' }), caller())).items).toHaveLength(1)
})

describe('get', () => {
  test('waits for a snapshot that the provider still makes', async () => {
    const { service, provider, ids } = await two()
    const stored = provider.shelf.get('s00001')
    if (stored) stored.snapshot = { ...stored.snapshot, state: 'creating' }
    const get = (wait_seconds: number) => service.get(args.get({ snapshot: ids[0], wait_seconds }), caller())
    expect((await get(0)).snapshot.state).toBe('creating')
    const waiting = get(10)
    if (stored) stored.snapshot = { ...stored.snapshot, state: 'ready' }
    expect((await waiting).snapshot.state).toBe('ready')
  })

  test('of an operation that is no capture of this provider is NOT_FOUND', async () => {
    const { service } = await two()
    const { operations } = await service.status(args.status(), caller())
    const ofCloud = operations.find(({ provider }) => provider === 'cloud')?.operation
    await refusal(service.get(args.get({ snapshot: `memory:${ofCloud}` }), caller()), 'NOT_FOUND')
    await refusal(service.get(args.get({ snapshot: 'memory:op_00000000' }), caller()), 'NOT_FOUND')
  })
})

describe('diff', () => {
  test('compares with the live source or with a second snapshot of the same provider', async () => {
    const { service, provider, ids } = await two()
    provider.boxes.set('desk', { a: 'changed', b: '2' })
    const live = await service.diff(args.diff({ from: ids[0] }), caller())
    expect(live).toMatchObject({
      from: ids[0],
      to: 'current',
      summary: { modified: 1 },
      changes: [{ path: 'a' }],
    })
    expect((await service.diff(args.diff({ from: ids[0], to: ids[2] }), caller())).changes).toEqual([])
    await refusal(service.diff(args.diff({ from: ids[0], to: ids[1] }), caller()), 'UNSUPPORTED')
  })

  test('is UNSUPPORTED where the provider cannot', async () => {
    const { service } = createWorld({ memory: { capabilities: { diff: false } } })
    await refusal(service.diff(args.diff({ from: 'memory:s00001' }), caller()), 'UNSUPPORTED')
  })
})

describe('update', () => {
  test('changes what is given and leaves the rest', async () => {
    const { service, ids } = await two()
    const update = async (fields: object) =>
      (await service.update(args.update({ snapshot: ids[0], ...fields }), caller())).snapshot
    expect(await update({ name: 'new', labels: { k: 'v' }, ttl: '24h' })).toMatchObject({
      name: 'new',
      labels: { k: 'v' },
      expires_at: '2026-11-22T12:00:04.000Z',
    })
    const last = await update({ ttl: 'never', protected: true })
    expect(last).toMatchObject({ name: 'new', protected: true })
    expect(last).not.toHaveProperty('expires_at')
  })

  test.each([
    [{}, 'INVALID_ARGUMENT'],
    [{ active: false }, 'UNSUPPORTED'],
    [{ add_regions: ['fra1'] }, 'UNSUPPORTED'],
  ] as const)('of %j is %s', async (fields, code) => {
    const { service, ids } = await two()
    await refusal(service.update(args.update({ snapshot: ids[0], ...fields }), caller()), code)
  })

  test('of the expiry is as good as a delete where it comes or comes earlier, and free where it goes', async () => {
    const { service, ids, start, rules, time } = await two()
    const update = async (ttl: string, by = service) =>
      (await by.update(args.update({ snapshot: ids[0], ttl }), caller())).snapshot.expires_at
    const { message, hint } = await refusal(update('86399s'), 'INVALID_ARGUMENT')
    expect(message).toContain('24h')
    expect(hint).toContain('snapshot_delete')
    const human = start('human')
    await refusal(update('7d', human), 'POLICY_DENIED')
    rules.now = { ...rules.now, delete: 'never' }
    await refusal(update('7d'), 'POLICY_DENIED')
    rules.now = { ...rules.now, delete: 'permanent' }
    expect(await update('7d')).toBe('2026-11-28T12:00:04.000Z')

    await refusal(update('6d', human), 'POLICY_DENIED')
    await refusal(update('1h'), 'INVALID_ARGUMENT')
    expect(await update('8d', human)).toBe('2026-11-29T12:00:04.000Z')
    time.now += 8 * 86_400_000
    expect(await update('1h', human)).toBe('2026-11-29T13:00:04.000Z')
    expect(await update('never', human)).toBeUndefined()
  })

  test('takes an expiry in 24 hours, however long it takes to look at the snapshot', async () => {
    const { service, ids, time, provider } = await two()
    const { get } = provider
    provider.get = (...call) => {
      time.now += 50
      return get(...call)
    }
    await service.update(args.update({ snapshot: ids[0], ttl: '24h' }), caller())
  })

  test('is refused in read-only mode', async () => {
    const { service, ids, rules } = await two()
    rules.now = { ...rules.now, read_only: true }
    await refusal(service.update(args.update({ snapshot: ids[0], name: 'x' }), caller()), 'POLICY_DENIED')
  })
})

describe('status', () => {
  test('shows providers, rules and what this caller did last', async () => {
    const { service, cloud } = await two()
    cloud.health = () => Promise.reject(new Error('secret'))
    const { providers, policy, operations, undoable } = await service.status(args.status(), caller())
    expect(providers).toMatchObject([
      { name: 'memory', healthy: true, usage: { snapshots: 2 }, capabilities: { deletion: 'trash' } },
      { name: 'cloud', healthy: false, error: { code: 'INTERNAL' } },
    ])
    expect(JSON.stringify(providers)).not.toContain('secret')
    expect(policy).toMatchObject({ guard: 'token', read_only: false, delete: 'permanent' })
    expect(operations.map(({ type, provider }) => `${type} ${provider}`)).toEqual([
      'create cloud',
      'create memory',
      'create cloud',
      'create memory',
    ])
    expect(undoable).toEqual([])
    expect((await service.status(args.status(), caller({ principal: 'bob' }))).operations).toEqual([])
    expect((await service.status(args.status({ provider: 'cloud' }), caller())).operations).toHaveLength(2)
  })
})

describe('status leaves out', () => {
  test('what was done to a source that this server may not touch', async () => {
    const { service, provider, ids } = await two()
    const { confirmation } = (await service.restore(args.restore({ snapshot: ids[0] }), caller())) as {
      confirmation: string
    }
    await service.restore(args.restore({ snapshot: ids[0], confirmation }), caller())
    await service.update(args.update({ snapshot: ids[0], name: 'new' }), caller())
    const told = async () => {
      const { operations, undoable } = await service.status(args.status({ provider: 'memory' }), caller())
      return [operations.map(({ type }) => type), undoable.map(({ type }) => type)]
    }
    const all = ['create', 'create', 'restore', 'update']
    const sorted = async () => (await told()).map((types) => types.sort())
    expect(await sorted()).toEqual([all, ['restore']])
    const asked: (string | undefined)[] = []
    const refusing = (code: 'POLICY_DENIED' | 'NOT_FOUND') => (text: string | undefined) => {
      asked.push(text)
      return Promise.reject(fail(code, 'No.', 'No.'))
    }
    provider.resolveSource = refusing('POLICY_DENIED')
    expect(await sorted()).toEqual([['update'], []])
    expect(asked).toEqual(['box:desk'])
    provider.resolveSource = refusing('NOT_FOUND')
    expect(await sorted()).toEqual([all, ['restore']])
  })

  test('operations that cannot be read, and says why', async () => {
    const { service } = createWorld({
      state: (store) => ({
        ...store,
        list: () => Promise.reject(fail('FORBIDDEN', 'The records cannot be read.', 'Ask.')),
      }),
    })
    expect(await service.status(args.status(), caller())).toMatchObject({
      providers: [{ name: 'memory', healthy: true }],
      operations: [],
      undoable: [],
      errors: [{ code: 'FORBIDDEN', message: 'The records cannot be read.' }],
    })
  })
})

describe('an operation of another container', () => {
  test('counts as running for ten minutes, and then as unknown', async () => {
    const { service, state, time } = await two()
    const [first] = (await service.status(args.status(), caller())).operations
    const id = first?.operation as string
    const found = await state.read('operation', id)
    const runner = { pid: 1, host: 'elsewhere' }
    const running = { ...(found?.value as object), state: 'running', runner, started_at: time.now }
    await state.write('operation', id, running, found?.version ?? 0)
    const shown = async () => {
      const { operations } = await service.status(args.status(), caller())
      return operations.find(({ operation }) => operation === id)?.state
    }
    time.now += 600_000
    expect(await shown()).toBe('running')
    time.now += 1
    expect(await shown()).toBe('unknown')
  })
})

describe('old records are cleared away', () => {
  const DAY = 86_400_000
  const idsOf = async ({ state }: Pick<World, 'state'>) => (await state.list('operation')).map(({ id }) => id)

  test('by calls that change something, two weeks after they were written', async () => {
    const world = await two()
    const { start, time } = world
    const first = await idsOf(world)
    for (let day = 1; day <= 16; day++) {
      time.now += DAY
      const service = start()
      await service.list(args.list(), caller())
      await service.create(args.create({ provider: 'memory' }), caller())
      // It clears away in the background, by the time of that day.
      await service.close()
    }
    const left = await idsOf(world)
    expect(left.filter((id) => first.includes(id))).toEqual([])
    expect(left.length).toBeGreaterThan(13)
  })

  test('and not by a clock that is a year ahead for a moment', async () => {
    const world = await two()
    const { start, time } = world
    const before = await idsOf(world)
    time.now += 365 * DAY
    const later = start()
    await later.create(args.create({ provider: 'memory' }), caller())
    await later.close()
    time.now -= 365 * DAY
    expect(await idsOf(world)).toEqual(expect.arrayContaining(before))
  })
})

test('what only one provider can filter by is asked of that one, and of no other', async () => {
  const cloud = createMemoryProvider({ name: 'morph', clock: () => NOON })
  const asked: unknown[] = []
  const { list } = cloud
  cloud.list = (query, ctx) => {
    asked.push(query.options)
    return list(query, ctx)
  }
  const { service } = createWorld({ others: [cloud] })
  await service.create(args.create({ provider: 'memory' }), caller())
  const reply = await service.list(args.list({ morph: { digest: 'd' } }), caller())
  expect(reply).toEqual({ items: [] })
  expect(asked).toEqual([{ digest: 'd' }])
  await refusal(
    service.list(args.list({ provider: 'memory', morph: { digest: 'd' } }), caller()),
    'INVALID_ARGUMENT',
  )
})
