import { expect, test } from 'vitest'
import { refusal } from '../../snapshots/world.ts'
import { describeWithRedis, emptyRedis, startRedis } from '../../support/redis.ts'
import { storeSuite } from '../store-suite.ts'
import { openBackend } from './backends.ts'

const DAY = 86_400_000

describeWithRedis('a store in a Redis: what holds for every store', () => {
  storeSuite(async () => {
    const url = await emptyRedis()
    const time = { now: 1000 * DAY }
    const another = () => openBackend(url, { clock: () => time.now }).store()
    return { store: another(), time, another, place: url }
  })
})

describeWithRedis('records in a Redis', () => {
  test('have exactly one winner for each version, however many servers race', async () => {
    const { url } = await startRedis({ keeps: false })
    const stores = [openBackend(url).store(), openBackend(url).store()]
    const won = await Promise.all(
      stores.map(async (store, who) => {
        const versions: number[] = []
        for (let n = 0; n < 200; n++) {
          const after = (await store.read('counter', 'c'))?.version ?? 0
          const version = await store.write('counter', 'c', { who, n }, after)
          if (version !== undefined) versions.push(version)
        }
        return versions
      }),
    )
    const all = won.flat().sort((a, b) => a - b)
    expect(all.length).toBeGreaterThanOrEqual(200)
    expect(all).toEqual(all.map((_, at) => at + 1))
    expect((await stores[0]!.read('counter', 'c'))?.version).toBe(all.length)
  })

  test('of a tenant are not seen by another one, nor by the server itself', async () => {
    const { url } = await startRedis()
    const backend = openBackend(url)
    const [own, acme, other] = [backend.store(), backend.store('acme'), backend.store('acme-2')]
    await acme.write('plan', 'p', 'theirs', 0)
    for (const store of [own, other]) {
      expect(await store.read('plan', 'p')).toBeUndefined()
      expect(await store.list('plan')).toEqual([])
      expect(await store.write('plan', 'p', 'mine', 1)).toBeUndefined()
      await store.remove('plan', 'p')
      expect(await store.retire('plan', Date.now() + DAY)).toBe(0)
      const lock = await store.lock('t', { wait_ms: 0 })
      expect(await lock.held()).toBe(true)
    }
    expect(await acme.read('plan', 'p')).toEqual({ value: 'theirs', version: 1 })
  })

  test('lie together for each tenant where a cluster keeps its keys', async () => {
    const redis = await startRedis()
    const backend = openBackend(redis.url)
    for (const tenant of [undefined, 'acme']) {
      const store = backend.store(tenant)
      await store.write('plan', 'p{q}', 1, 0)
      await store.lock('t{u}')
      await backend.key(tenant)
    }
    const tags = redis
      .cli('KEYS', '*')
      .split('\n')
      .map((key) => /\{(.+?)\}/.exec(key)?.[1])
    expect([...new Set(tags)].sort()).toEqual(['snapshot-mcp', 'snapshot-mcp/acme'])
  })

  test.each([
    ['a value that is torn', ['HSET', '{snapshot-mcp}:operation:bad', 'value', '{"lo']],
    ['no value', ['HDEL', '{snapshot-mcp}:operation:bad', 'value']],
    ['a version that is none', ['HSET', '{snapshot-mcp}:operation:bad', 'version', 'x']],
    ['another kind of thing in its place', ['SET', '{snapshot-mcp}:operation:bad', 'x']],
  ])('with %s are CORRUPT and name themselves; the others stay usable', async (_what, damage) => {
    const redis = await startRedis()
    const store = openBackend(redis.url).store()
    await store.write('operation', 'bad', { long: 'enough' }, 0)
    await store.write('operation', 'whole', 1, 0)
    redis.cli(...damage)
    const { message } = await refusal(store.read('operation', 'bad'), 'CORRUPT')
    expect(message).toContain('bad')
    expect(await store.list('operation')).toEqual([{ id: 'whole', value: 1, version: 1 }])
    await store.remove('operation', 'bad')
    expect(await store.read('operation', 'bad')).toBeUndefined()
  })

  test('that may not be read are not left out as if they were damaged', async () => {
    const redis = await startRedis({
      more: ['--user', 'ann', 'on', '>pass-word', '~*', '&*', '+@all', '-hmget'],
    })
    redis.cli('HSET', '{snapshot-mcp}:operation:op', 'version', '1', 'value', '1', 'run', '', 'durable', '0')
    redis.cli('ZADD', '{snapshot-mcp}:operation', '1', 'op')
    expect(await openBackend(redis.url).store().list('operation')).toHaveLength(1)
    const store = openBackend(redis.url.replace('//', '//ann:pass-word@')).store()
    await refusal(store.list('operation'), 'FORBIDDEN')
    await refusal(store.read('operation', 'op'), 'FORBIDDEN')
  })

  test('are listed and retired however many there are', async () => {
    const { url } = await startRedis({ keeps: false })
    const store = openBackend(url).store()
    const ids = Array.from({ length: 501 }, (_, n) => `p${n}`)
    await Promise.all(ids.map((id) => store.write('plan', id, id, 0)))
    expect((await store.list('plan')).map(({ value }) => value).sort()).toEqual([...ids].sort())
    expect(await store.retire('plan', Date.now() + DAY)).toBe(501)
    expect(await store.list('plan')).toEqual([])
  })

  test('that Redis has no room for are NO_SPACE', async () => {
    const redis = await startRedis()
    const store = openBackend(redis.url).store()
    await store.write('plan', 'p', 1, 0)
    redis.cli('CONFIG', 'SET', 'maxmemory', '1')
    expect((await refusal(store.write('plan', 'p', 2, 1), 'NO_SPACE')).outcome).toBe('unknown')
    expect(await store.read('plan', 'p')).toEqual({ value: 1, version: 1 })
  })
})
