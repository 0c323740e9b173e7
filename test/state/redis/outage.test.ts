import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
import { refusal } from '../../snapshots/world.ts'
import { chaosProxy, type Trouble } from '../../support/chaos-proxy.ts'
import { describeWithRedis, type RedisOptions, startRedis } from '../../support/redis.ts'
import { openBackend, soon } from './backends.ts'

/** A server that talks to its Redis through a proxy, and one that does not. Both have talked already. */
async function apart(options?: RedisOptions) {
  const redis = await startRedis(options)
  const proxy = await chaosProxy(redis.url)
  const { troubles } = proxy
  // Half of the patience is what it takes to notice a loss, the other half is to find out.
  const mine = openBackend(proxy.url.replace('http:', 'redis:'), { patience_ms: 4000 }).store()
  const theirs = openBackend(redis.url).store()
  await theirs.write('plan', 'p', 'first', 0)
  await mine.write('plan', 'other', 1, 0)
  const written = (version: number) =>
    expect.poll(async () => (await theirs.read('plan', 'p'))?.version).toBe(version)
  return { redis, troubles, mine, theirs, written }
}

describeWithRedis('a write to a Redis whose answer is lost', () => {
  const TROUBLES: Trouble[] = [
    { how: 'reset request', after: 0 },
    { how: 'reset request', after: 40 },
    { how: 'reset answer', after: 0 },
    { how: 'reset answer', after: 2 },
    { how: 'truncate', after: 0 },
    { how: 'blackhole' },
    { how: 'lose answer' },
    { how: 'drip' },
    { how: 'duplicate' },
  ]
  test.each(TROUBLES)('is told as what it came to (%o)', async (trouble) => {
    const { mine, theirs, troubles } = await apart()
    troubles.push(trouble)
    expect(await mine.write('plan', 'p', 'second', 1)).toBe(2)
    expect(await theirs.read('plan', 'p')).toEqual({ value: 'second', version: 2 })
    expect(troubles).toEqual([])
  })

  test('is the own one also when others have written on top of it meanwhile', async () => {
    const { mine, theirs, troubles, written } = await apart()
    troubles.push({ how: 'lose answer' })
    const own = mine.write('plan', 'p', 'second', 1)
    await written(2)
    for (let after = 2; after < 14; after++) await theirs.write('plan', 'p', 'on top', after)
    expect(await own).toBe(2)
    expect((await theirs.read('plan', 'p'))?.version).toBe(14)
  })

  test('is not done again when somebody removed the record meanwhile', async () => {
    const { mine, theirs, troubles, written } = await apart()
    await theirs.remove('plan', 'p')
    troubles.push({ how: 'lose answer' })
    const own = mine.write('plan', 'p', 'mine', 0)
    await written(1)
    await theirs.remove('plan', 'p')
    expect(await own).toBe(1)
    expect(await theirs.read('plan', 'p')).toBeUndefined()
  })

  test('and that never arrived has lost when somebody else was first', async () => {
    const { mine, theirs, troubles } = await apart()
    troubles.push({ how: 'blackhole' })
    const own = mine.write('plan', 'p', 'mine', 1)
    expect(await theirs.write('plan', 'p', 'theirs', 1)).toBe(2)
    expect(await own).toBeUndefined()
    expect(await theirs.read('plan', 'p')).toEqual({ value: 'theirs', version: 2 })
  })

  test('is unknown when Redis may have forgotten it meanwhile', async () => {
    const { redis, mine, troubles, written } = await apart({ keeps: false })
    troubles.push({ how: 'lose answer' })
    const own = mine.write('plan', 'p', 'second', 1)
    await written(2)
    await redis.kill()
    await redis.start()
    const { outcome } = await refusal(own, 'PROVIDER_UNAVAILABLE')
    expect(outcome).toBe('unknown')
  })

  test('is not given up because a clock was set', async () => {
    const { mine, theirs } = await apart()
    const real = performance.now.bind(performance)
    // To Redis, everything that is asked from now on comes an hour too late.
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => real() - 3_600_000)
    onTestFinished(() => clock.mockRestore())
    expect(await mine.write('plan', 'p', 'second', 1)).toBe(2)
    expect(await theirs.read('plan', 'p')).toEqual({ value: 'second', version: 2 })
  })

  test('leaves a lock with who asked for it', async () => {
    const { mine, troubles } = await apart()
    await (await mine.lock('warm')).release()
    troubles.push({ how: 'lose answer' })
    const lock = await mine.lock('t')
    expect(await lock.held()).toBe(true)
    troubles.push({ how: 'lose answer' })
    await lock.release()
    await expect(mine.lock('t', { wait_ms: 0 })).resolves.toBeDefined()
  })
})

describeWithRedis('a Redis that hangs', () => {
  test('is not waited for twice, changes nothing when it goes on, and is used again', async () => {
    const redis = await startRedis()
    const patience_ms = 1000
    const backend = openBackend(redis.url, { patience_ms })
    const store = backend.store()
    await store.write('plan', 'p', 'first', 0)
    redis.pause()
    const begun = performance.now()
    const { message, outcome, retryable } = await refusal(
      store.write('plan', 'p', 'late', 1),
      'PROVIDER_UNAVAILABLE',
    )
    expect({ outcome, retryable }).toEqual({ outcome: 'unknown', retryable: true })
    expect(message).not.toContain('127.0.0.1')
    for (let n = 0; n < 50; n++) await refusal(store.read('plan', 'p'), 'PROVIDER_UNAVAILABLE')
    // Far less than what each of them would have waited.
    expect(performance.now() - begun).toBeLessThan(20 * patience_ms)
    redis.resume()
    expect(await soon(() => store.read('plan', 'p'))).toEqual({ value: 'first', version: 1 })
    expect(await store.write('plan', 'p', 'second', 1)).toBe(2)
  })

  test('from the beginning is not waited for either', async () => {
    const redis = await startRedis()
    redis.pause()
    const backend = openBackend(redis.url, { patience_ms: 200 })
    await refusal(backend.store().read('plan', 'p'), 'PROVIDER_UNAVAILABLE')
    await refusal(backend.check(), 'PROVIDER_UNAVAILABLE')
    redis.resume()
    await soon(backend.check)
  })
})

describeWithRedis('a Redis that ended', () => {
  test('denies, and is used again when it was started again', async () => {
    const redis = await startRedis()
    const backend = openBackend(redis.url)
    const store = backend.store()
    await store.write('plan', 'p', 1, 0)
    await redis.kill()
    for (const call of [
      () => store.read('plan', 'p'),
      () => store.list('plan'),
      () => store.write('plan', 'p', 2, 1),
      () => store.remove('plan', 'p'),
      () => store.retire('plan', Date.now()),
      () => store.lock('t'),
      () => backend.check(),
    ]) {
      const { message, hint, retry_after_ms } = await refusal(call(), 'PROVIDER_UNAVAILABLE')
      expect(`${message} ${hint}`).not.toMatch(/127\.0\.0\.1|ECONN/)
      expect(retry_after_ms).toBeGreaterThan(0)
    }
    expect((await refusal(backend.key(), 'PROVIDER_UNAVAILABLE')).outcome).toBe('not_started')
    await redis.start()
    expect(await soon(() => store.read('plan', 'p'))).toEqual({ value: 1, version: 1 })
    const said = backend.lines.map((line) => JSON.parse(line).message)
    expect(said).toEqual(['the shared state cannot be reached', 'the shared state can be reached again'])
  })

  test('and that dropped its connections is called again without anybody noticing', async () => {
    const redis = await startRedis()
    const store = openBackend(redis.url).store()
    for (let n = 0; n < 20; n++) {
      expect(await store.write('plan', 'p', n, n)).toBe(n + 1)
      redis.cli('CLIENT', 'KILL', 'TYPE', 'normal')
    }
  })
})

describeWithRedis('a process that uses a Redis', () => {
  const leave = async (url: string) => {
    const path = fileURLToPath(new URL('./leaver.ts', import.meta.url))
    return (await promisify(execFile)(process.execPath, ['--import', 'tsx', path, url])).stdout
  }

  test('ends by itself when it has its answer', async () => {
    expect(await leave((await startRedis()).url)).toBe('answered')
  })

  test('ends by itself when Redis is gone or hangs', async () => {
    const redis = await startRedis()
    redis.pause()
    expect(await leave(redis.url)).toBe('PROVIDER_UNAVAILABLE')
    await redis.kill()
    expect(await leave(redis.url)).toBe('PROVIDER_UNAVAILABLE')
  })

  test('has no connection left after closing, whatever it was doing', async () => {
    const redis = await startRedis()
    const connections = () => redis.cli('CLIENT', 'LIST').split('\n').length - 1
    const used = openBackend(redis.url)
    used.changes().subscribe(() => {})
    await used.check()
    await expect.poll(connections).toBe(2)
    redis.pause()
    const connecting = openBackend(redis.url, { patience_ms: 500 })
    const asked = [used.check(), connecting.check()].map((call) => refusal(call, 'PROVIDER_UNAVAILABLE'))
    await used.close()
    await connecting.close()
    await Promise.all(asked)
    await refusal(used.store().read('plan', 'p'), 'PROVIDER_UNAVAILABLE')
    redis.resume()
    await expect.poll(connections).toBe(0)
  })
})

test('an address where nobody is, or nobody speaks Redis, is no more than unreachable', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {}).resume()
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const url = `redis://127.0.0.1:${port}`
  await refusal(openBackend(url).store().read('plan', 'p'), 'PROVIDER_UNAVAILABLE')
  await new Promise((resolve) => server.close(resolve))
  await refusal(openBackend(url).store().read('plan', 'p'), 'PROVIDER_UNAVAILABLE')
})
