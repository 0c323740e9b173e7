import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test, vi } from 'vitest'
import { thisRunner } from '../../../src/state/runner.ts'
import { refusal } from '../../snapshots/world.ts'
import { describeWithRedis, startRedis, type TestRedis } from '../../support/redis.ts'
import { openBackend, soon } from './backends.ts'

const KEY = '{snapshot-mcp}:held:t'
const fenceOf = (redis: TestRedis) => Number(redis.cli('HGET', KEY, 'fence'))
/** Until who wants it may take it, in milliseconds. */
const timeLeft = (redis: TestRedis) => {
  const [seconds, microseconds] = redis.cli('TIME').split('\n').map(Number) as [number, number]
  return Number(redis.cli('HGET', KEY, 'until')) - seconds * 1000 - microseconds / 1000
}

/** Redis has heard nothing of the holder for a minute. */
function fallSilent(redis: TestRedis) {
  redis.cli('HINCRBY', KEY, 'until', '-60000')
}

const onLinux = thisRunner().boot_id !== undefined

/** A process of its own that holds the lock until it is killed. */
async function holder(url: string) {
  const path = fileURLToPath(new URL('./holder.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', path, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return {
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

describeWithRedis('a lock in a Redis', () => {
  test('is free after a minute without a sign of life, by the clock of Redis', async () => {
    const redis = await startRedis()
    const store = openBackend(redis.url, { clock: () => 0 }).store()
    await store.lock('t')
    expect(timeLeft(redis)).toBeGreaterThan(0)
    expect(timeLeft(redis)).toBeLessThanOrEqual(60_000)
  })

  test('gives a sign of life every five seconds, until it is released', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const redis = await startRedis()
    const backend = openBackend(redis.url)
    const lock = await backend.store().lock('t')
    // From here on Redis knows every script: what is asked later on the same connection is answered later.
    await lock.held()
    await backend.check()
    redis.cli('HINCRBY', KEY, 'until', '-30000')
    vi.advanceTimersByTime(4_999)
    await backend.check()
    expect(timeLeft(redis)).toBeLessThanOrEqual(30_000)
    vi.advanceTimersByTime(1)
    await backend.check()
    expect(timeLeft(redis)).toBeGreaterThan(30_000)
    await lock.release()
    expect(redis.cli('EXISTS', KEY)).toBe('0')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('that fell silent is taken over under a higher number, and its first holder notices', async () => {
    const redis = await startRedis()
    const [first, second] = [openBackend(redis.url).store(), openBackend(redis.url).store()]
    const lost = await first.lock('t')
    const before = fenceOf(redis)
    fallSilent(redis)
    const taken = await second.lock('t', { wait_ms: 0 })
    expect(fenceOf(redis)).toBeGreaterThan(before)
    expect(await lost.held()).toBe(false)
    await lost.release()
    expect(await taken.held()).toBe(true)
  })

  test('that fell silent is held on to by a holder that speaks again before anybody came', async () => {
    const redis = await startRedis()
    const [first, second] = [openBackend(redis.url).store(), openBackend(redis.url).store()]
    const lock = await first.lock('t')
    // Other locks of the same tenant have nothing to do with it.
    await second.lock('u')
    fallSilent(redis)
    expect(await lock.held()).toBe(true)
    await refusal(second.lock('t', { wait_ms: 0 }), 'BUSY')
    expect(timeLeft(redis)).toBeGreaterThan(0)
  })

  test('that fell silent is not held any more when somebody took it meanwhile, though it is free again', async () => {
    const redis = await startRedis()
    const [first, second] = [openBackend(redis.url).store(), openBackend(redis.url).store()]
    const lost = await first.lock('t')
    fallSilent(redis)
    await (await second.lock('t', { wait_ms: 0 })).release()
    expect(await lost.held()).toBe(false)
    await expect(second.lock('t', { wait_ms: 0 })).resolves.toBeDefined()
  })

  test('leaves nothing behind of a holder that never spoke again', async () => {
    const redis = await startRedis()
    await openBackend(redis.url).store().lock('t')
    const left = Number(redis.cli('PTTL', KEY))
    expect(left).toBeGreaterThan(60_000)
    expect(left).toBeLessThanOrEqual(3_600_000)
  })

  test('has numbers that only rise, also through releases, clearing away and a restart', async () => {
    const redis = await startRedis()
    const store = openBackend(redis.url).store()
    const numbers: number[] = []
    for (const between of ['nothing', 'retire', 'restart', 'nothing']) {
      const lock = await soon(() => store.lock('t'))
      numbers.push(fenceOf(redis))
      await lock.release()
      if (between === 'retire') await store.retire('lock', Date.now() + 60_000)
      if (between === 'restart') {
        await redis.kill()
        await redis.start()
      }
    }
    expect(new Set(numbers).size).toBe(4)
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
  })

  test('of a process of another boot is not taken over at once, whatever else it has in common with this one', async () => {
    const redis = await startRedis()
    const store = openBackend(redis.url).store()
    const lock = await store.lock('t')
    const clone = { ...thisRunner(), boot_id: 'another boot', pid: 2 ** 22 + 1 }
    redis.cli('HSET', KEY, 'runner', JSON.stringify(clone))
    await refusal(store.lock('t', { wait_ms: 0 }), 'BUSY')
    expect(await lock.held()).toBe(true)
  })

  test.runIf(onLinux)('of a process on this machine that was killed is taken over at once', async () => {
    const redis = await startRedis()
    const store = openBackend(redis.url).store()
    const other = await holder(redis.url)
    await refusal(store.lock('t', { wait_ms: 20 }), 'BUSY')
    const before = fenceOf(redis)
    await other.kill()
    const lock = await store.lock('t', { wait_ms: 0 })
    expect(await lock.held()).toBe(true)
    expect(fenceOf(redis)).toBeGreaterThan(before)
  })

  test.runIf(onLinux)('wanted by two when its holder was killed goes to one', async () => {
    const redis = await startRedis()
    const stores = [openBackend(redis.url).store(), openBackend(redis.url).store()]
    const other = await holder(redis.url)
    await other.kill()
    const outcomes = await Promise.allSettled(stores.map((store) => store.lock('t', { wait_ms: 0 })))
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('of a process elsewhere that was killed is free when it was silent for long enough', async () => {
    const redis = await startRedis()
    const store = openBackend(redis.url).store()
    const other = await holder(redis.url)
    redis.cli('HSET', KEY, 'runner', '{"pid":1,"host":"elsewhere"}')
    await other.kill()
    await refusal(store.lock('t', { wait_ms: 20 }), 'BUSY')
    fallSilent(redis)
    await expect(store.lock('t', { wait_ms: 0 })).resolves.toBeDefined()
  })

  test('cannot be said to be held while Redis cannot be asked', async () => {
    const redis = await startRedis()
    const lock = await openBackend(redis.url).store().lock('t')
    await redis.stop()
    await refusal(lock.held(), 'PROVIDER_UNAVAILABLE')
    await redis.start()
    expect(await soon(lock.held)).toBe(true)
  })

  test('that a Redis has forgotten is not held any more', async () => {
    const redis = await startRedis({ keeps: false })
    const lock = await openBackend(redis.url).store().lock('t')
    await redis.kill()
    await redis.start()
    expect(await soon(lock.held)).toBe(false)
  })

  test('whose release failed is released with a later beat', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const redis = await startRedis()
    const backend = openBackend(redis.url)
    const lock = await backend.store().lock('t')
    await redis.stop()
    await refusal(lock.release(), 'PROVIDER_UNAVAILABLE')
    await redis.start()
    await soon(backend.check)
    await refusal(backend.store().lock('t', { wait_ms: 0 }), 'BUSY')
    vi.advanceTimersByTime(5_000)
    await expect.poll(() => redis.cli('EXISTS', KEY)).toBe('0')
    await expect.poll(() => vi.getTimerCount()).toBe(0)
  })
})
