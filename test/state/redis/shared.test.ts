import { expect, test } from 'vitest'
import type { Change } from '../../../src/state/backend.ts'
import { refusal } from '../../snapshots/world.ts'
import { describeWithRedis, startRedis } from '../../support/redis.ts'
import { openBackend, soon } from './backends.ts'

describeWithRedis('the key of a state in a Redis', () => {
  test('is the same for all servers that ask at once, and another one for each tenant', async () => {
    const { url } = await startRedis()
    const keys = await Promise.all([1, 2, 3, 4].map(() => openBackend(url).key()))
    expect(keys[0]).toHaveLength(32)
    for (const key of keys) expect(key).toEqual(keys[0])
    const backend = openBackend(url)
    expect(await backend.key()).toEqual(keys[0])
    expect(await backend.key('acme')).not.toEqual(keys[0])
    expect(await backend.key('acme')).toEqual(await openBackend(url).key('acme'))
  })

  test('that is damaged is CORRUPT, and is not made anew', async () => {
    const redis = await startRedis()
    const backend = openBackend(redis.url)
    await backend.key()
    redis.cli('SET', '{snapshot-mcp}:secret', 'short')
    await refusal(backend.key(), 'CORRUPT')
    expect(redis.cli('GET', '{snapshot-mcp}:secret')).toBe('short')
  })
})

describeWithRedis('the requests of somebody', () => {
  test('are counted for all servers together, each on his own', async () => {
    const { url } = await startRedis()
    const [one, two] = [openBackend(url), openBackend(url)]
    for (const backend of [one, two, one]) expect(await backend.admit('ann', 3)).toBe(0)
    for (const backend of [one, two]) {
      const wait = await backend.admit('ann', 3)
      expect(wait).toBeGreaterThan(0)
      expect(wait).toBeLessThanOrEqual(60_000)
    }
    expect(await two.admit('bob', 1)).toBe(0)
    // A refusal is not counted: with more allowed there is room for exactly one more.
    expect(await two.admit('ann', 4)).toBe(0)
    expect(await one.admit('ann', 4)).toBeGreaterThan(0)
  })

  test('that come at once are not let through twice', async () => {
    const { url } = await startRedis({ keeps: false })
    const backends = [openBackend(url), openBackend(url)]
    const waits = await Promise.all(Array.from({ length: 40 }, (_, n) => backends[n % 2]!.admit('ann', 7)))
    expect(waits.filter((wait) => wait === 0)).toHaveLength(7)
  })

  test('count for a minute, by the clock of Redis', async () => {
    const redis = await startRedis()
    const backend = openBackend(redis.url)
    expect(await backend.admit('ann', 1)).toBe(0)
    const key = redis.cli('KEYS', '*:visits:*')
    const [part = ''] = redis.cli('HGETALL', key).split('\n')
    redis.cli('HDEL', key, part)
    redis.cli('HSET', key, String(Number(part) - 55), '1')
    const wait = await backend.admit('ann', 1)
    expect(wait).toBeGreaterThan(0)
    expect(wait).toBeLessThanOrEqual(5_000)
    redis.cli('DEL', key)
    redis.cli('HSET', key, String(Number(part) - 60), '1')
    expect(await backend.admit('ann', 1)).toBe(0)
    expect(Number(redis.cli('PTTL', key))).toBeLessThanOrEqual(61_000)
  })

  test('are counted by the server itself while Redis is away', async () => {
    const redis = await startRedis()
    const backend = openBackend(redis.url)
    await backend.check()
    await redis.stop()
    expect(await backend.admit('ann', 2)).toBe(0)
    expect(await backend.admit('ann', 2)).toBe(0)
    expect(await backend.admit('ann', 2)).toBeGreaterThan(0)
  })
})

describeWithRedis('a change told through a Redis', () => {
  /** Tells it again until it is heard: who has just begun to listen may miss the first. */
  const heard = (told: Change[], tell: () => void) =>
    expect
      .poll(
        () => {
          tell()
          return told.length
        },
        { timeout: 20_000 },
      )
      .toBeGreaterThan(0)

  test('is heard at other servers and at the own one, by the same tenant', async () => {
    const { url } = await startRedis()
    const [one, two] = [openBackend(url), openBackend(url)]
    const told: Record<string, Change[]> = { there: [], here: [], acme: [] }
    two.changes().subscribe((change) => told.there!.push(change))
    one.changes().subscribe((change) => told.here!.push(change))
    two.changes('acme').subscribe((change) => told.acme!.push(change))
    const change = { snapshots: ['memory:a', 'memory:b'] }
    await heard(told.there!, () => one.changes().publish(change))
    await heard(told.here!, () => one.changes().publish(change))
    expect(told.there![0]).toEqual(change)
    expect(told.here![0]).toEqual(change)
    await heard(told.acme!, () => one.changes('acme').publish({ snapshots: ['memory:c'] }))
    expect(told.acme).not.toContainEqual(change)
    expect(told.there).not.toContainEqual({ snapshots: ['memory:c'] })
  })

  test('is heard again after the connection was lost, and after Redis was started again', async () => {
    const redis = await startRedis()
    const [one, two] = [openBackend(redis.url), openBackend(redis.url)]
    const told: Change[] = []
    two.changes().subscribe((change) => told.push(change))
    const tell = () => one.changes().publish({ snapshots: ['memory:a'] })
    await heard(told, tell)
    redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
    told.length = 0
    await heard(told, tell)
    await redis.stop()
    tell()
    await redis.start()
    told.length = 0
    await heard(told, tell)
  })

  test('is heard by who listens while Redis is away, once it is back', async () => {
    const redis = await startRedis()
    const backend = openBackend(redis.url)
    await redis.stop()
    await refusal(backend.check(), 'PROVIDER_UNAVAILABLE')
    const told: Change[] = []
    backend.changes().subscribe((change) => told.push(change))
    await redis.start()
    await soon(backend.check)
    await heard(told, () => backend.changes().publish({ snapshots: ['memory:a'] }))
  })

  test('is not heard any more by who stopped listening', async () => {
    const { url } = await startRedis()
    const backend = openBackend(url)
    const told: Record<string, Change[]> = { stopped: [], stays: [] }
    const stop = backend.changes().subscribe((change) => told.stopped!.push(change))
    backend.changes().subscribe((change) => told.stays!.push(change))
    stop()
    await heard(told.stays!, () => backend.changes().publish({ snapshots: ['memory:a'] }))
    expect(told.stopped).toEqual([])
  })

  test('is not heard in another database of the same Redis', async () => {
    const { url } = await startRedis()
    const told: Record<string, Change[]> = { zero: [], one: [] }
    const [zero, one] = [openBackend(url), openBackend(`${url}/1`)]
    zero.changes().subscribe((change) => told.zero!.push(change))
    one.changes().subscribe((change) => told.one!.push(change))
    await heard(told.zero!, () => zero.changes().publish({ snapshots: ['memory:zero'] }))
    await heard(told.one!, () => one.changes().publish({ snapshots: ['memory:one'] }))
    expect(told.one).not.toContainEqual({ snapshots: ['memory:zero'] })
    expect(told.zero).not.toContainEqual({ snapshots: ['memory:one'] })
  })

  test('that somebody else made up is not believed', async () => {
    const redis = await startRedis()
    const backend = openBackend(redis.url)
    const told: Change[] = []
    backend.changes().subscribe((change) => told.push(change))
    const channel = '{snapshot-mcp}:changes:0'
    for (const text of ['', 'no json', 'null', '{"snapshots":"memory:a"}', '{"snapshots":[1]}'])
      await expect.poll(() => redis.cli('PUBLISH', channel, text)).toBe('1')
    await heard(told, () => backend.changes().publish({ snapshots: ['memory:a'] }))
    expect(told.every(({ snapshots }) => snapshots?.[0] === 'memory:a')).toBe(true)
  })
})
