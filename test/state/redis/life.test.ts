import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { refusal } from '../../snapshots/world.ts'
import { describeWithRedis, startRedis, type TestRedis } from '../../support/redis.ts'
import { openBackend, soon } from './backends.ts'

const PATIENTLY = { timeout: 20_000 }
const EVERY_SECOND = { more: ['--appendfsync', 'everysec'] }

/** Ended in good order, so that it has kept everything: only nobody can know that. */
async function restart(redis: TestRedis) {
  await redis.stop()
  await redis.start()
}

/** Of a Redis that is not there, so that it keeps what it has. */
const becomeCopy = (redis: TestRedis) => redis.cli('REPLICAOF', '127.0.0.1', '1')

const warnings = ({ lines }: { lines: string[] }) =>
  lines.map((line) => JSON.parse(line)).flatMap(({ level, message }) => (level === 'warn' ? message : []))

describeWithRedis('a plan in a Redis that may have forgotten its claim', () => {
  test.each(['plan', 'approval'] as const)('is absent after a restart (%s)', async (kind) => {
    const redis = await startRedis(EVERY_SECOND)
    const store = openBackend(redis.url).store()
    await store.write(kind, 'p', 'issued', 0)
    expect(await store.read(kind, 'p')).toEqual({ value: 'issued', version: 1 })
    await restart(redis)
    expect(await soon(() => store.read(kind, 'p'))).toBeUndefined()
    expect(await store.list(kind)).toEqual([])
    expect(await store.write(kind, 'p', 'claimed', 1)).toBeUndefined()
    expect(await store.read(kind, 'p')).toBeUndefined()
    expect(await store.retire(kind, Date.now() + 60_000)).toBe(1)
    expect(await store.write(kind, 'p', 'anew', 0)).toBe(1)
    expect(await openBackend(redis.url).store().read(kind, 'p')).toEqual({ value: 'anew', version: 1 })
  })

  test('takes nothing else along', async () => {
    const redis = await startRedis(EVERY_SECOND)
    const store = openBackend(redis.url).store()
    await store.write('operation', 'op', 'done', 0)
    await restart(redis)
    expect(await soon(() => store.read('operation', 'op'))).toEqual({ value: 'done', version: 1 })
    expect(await store.write('operation', 'op', 'undone', 1)).toBe(2)
  })

  test('stays where every record is on the disk before it counts, also when Redis is killed', async () => {
    const redis = await startRedis()
    const store = openBackend(redis.url).store()
    await store.write('plan', 'p', 'issued', 0)
    await redis.kill()
    await redis.start()
    expect(await soon(() => store.read('plan', 'p'))).toEqual({ value: 'issued', version: 1 })
    expect(await store.write('plan', 'p', 'claimed', 1)).toBe(2)
    await redis.kill()
    await redis.start()
    expect(await soon(() => store.read('plan', 'p'))).toEqual({ value: 'claimed', version: 2 })
  })

  test('stays also for who came while Redis was still reading what it had kept', async () => {
    // Longer than a server waits between two calls.
    const redis = await startRedis({ more: ['--key-load-delay', '300'] })
    const store = openBackend(redis.url).store()
    await store.write('plan', 'p', 'issued', 0)
    redis.cli('EVAL', "for n = 1, 10000 do redis.call('SET', 'other:' .. n, n) end", '0')
    await redis.kill()
    const started = redis.start()
    expect(await soon(() => store.read('plan', 'p'))).toEqual({ value: 'issued', version: 1 })
    await started
  })

  test('is absent at a copy that took the place of its Redis', async () => {
    const redis = await startRedis({ more: ['--repl-diskless-sync-delay', '0'] })
    const copy = await startRedis({ more: ['--replicaof', '127.0.0.1', new URL(redis.url).port] })
    await expect.poll(() => redis.cli('INFO', 'replication'), PATIENTLY).toContain('state=online')
    const store = openBackend(redis.url).store()
    await store.write('plan', 'p', 'issued', 0)
    await store.write('operation', 'op', 'running', 0)
    await expect.poll(() => copy.cli('EXISTS', '{snapshot-mcp}:operation:op'), PATIENTLY).toBe('1')
    copy.cli('REPLICAOF', 'NO', 'ONE')
    const after = openBackend(copy.url).store()
    expect(await after.read('operation', 'op')).toEqual({ value: 'running', version: 1 })
    expect(await after.read('plan', 'p')).toBeUndefined()
  })

  test('is absent at a Redis that was a copy meanwhile, also for who kept its connection', async () => {
    const redis = await startRedis(EVERY_SECOND)
    const backend = openBackend(redis.url)
    const store = backend.store()
    await store.write('plan', 'p', 'issued', 0)
    becomeCopy(redis)
    await refusal(store.write('operation', 'op', 'running', 0), 'PROVIDER_UNAVAILABLE')
    redis.cli('REPLICAOF', 'NO', 'ONE')
    expect(await soon(() => store.read('plan', 'p'))).toBeUndefined()
    expect(await store.write('plan', 'p', 'claimed', 1)).toBeUndefined()
    expect(await openBackend(redis.url).store().read('plan', 'p')).toBeUndefined()
  })

  test('is absent after a restart where Redis does not tell how it keeps records', async () => {
    const redis = await startRedis({
      more: ['--user', 'ann', 'on', '>pass-word', '~*', '&*', '+@all', '-config'],
    })
    const backend = openBackend(redis.url.replace('//', '//ann:pass-word@'))
    const store = backend.store()
    await store.write('plan', 'p', 'issued', 0)
    expect(warnings(backend)).toEqual([
      expect.stringContaining('does not tell whether it flushes each record'),
    ])
    await restart(redis)
    expect(await soon(() => store.read('plan', 'p'))).toBeUndefined()
  })
})

describeWithRedis('a plan in a Redis that goes on', () => {
  test('is there for every server, whatever each of them knows about that Redis', async () => {
    const redis = await startRedis({
      more: ['--user', 'ann', 'on', '>pass-word', '~*', '&*', '+@all', '-config'],
    })
    const knows = openBackend(redis.url).store()
    const knowsNot = openBackend(redis.url.replace('//', '//ann:pass-word@')).store()
    await knows.write('plan', 'p', 'issued', 0)
    expect(await knowsNot.write('plan', 'p', 'claimed', 1)).toBe(2)
    expect(await knows.read('plan', 'p')).toEqual({ value: 'claimed', version: 2 })
    // What the other one wrote may be forgotten for all it knows.
    await restart(redis)
    expect(await soon(() => knows.read('plan', 'p'))).toBeUndefined()
  })
})

describeWithRedis('what is known about a Redis', () => {
  /** To this process so much more time has passed. */
  const later = (ms: number) => {
    const real = performance.now.bind(performance)
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => real() + ms)
    onTestFinished(() => clock.mockRestore())
  }

  test('is learnt anew after a minute: that it does not flush any more', async () => {
    const redis = await startRedis()
    const store = openBackend(redis.url).store()
    await store.write('plan', 'before', 1, 0)
    redis.cli('CONFIG', 'SET', 'appendfsync', 'everysec')
    await store.write('plan', 'within', 1, 0)
    later(60_001)
    await store.write('plan', 'after', 1, 0)
    const durable = ['before', 'within', 'after'].map((id) =>
      redis.cli('HGET', `{snapshot-mcp}:plan:${id}`, 'durable'),
    )
    expect(durable).toEqual(['1', '1', '0'])
  })

  test('is learnt anew after a minute: what time it is, so that nothing is done too late', async () => {
    const redis = await startRedis()
    const backend = openBackend(redis.url, { patience_ms: 1000 })
    const store = backend.store()
    await store.write('plan', 'p', 'first', 0)
    later(3_600_000)
    await backend.check()
    redis.pause()
    await refusal(store.write('plan', 'p', 'late', 1), 'PROVIDER_UNAVAILABLE')
    redis.resume()
    expect(await soon(() => store.read('plan', 'p'))).toEqual({ value: 'first', version: 1 })
  })

  test('is learnt anew after a minute: that it became a copy, and that it takes records again', async () => {
    const redis = await startRedis()
    const backend = openBackend(redis.url)
    const store = backend.store()
    await store.write('operation', 'op', 'running', 0)
    becomeCopy(redis)
    later(60_001)
    await refusal(store.read('operation', 'op'), 'PROVIDER_UNAVAILABLE')
    expect(backend.lines.join()).toContain('a copy that takes no records')
    redis.cli('REPLICAOF', 'NO', 'ONE')
    await soon(() => store.write('operation', 'new', 'running', 0))
  })

  test('is learnt anew on a new connection where the old one was lost meanwhile', async () => {
    const redis = await startRedis()
    const store = openBackend(redis.url).store()
    await store.write('plan', 'p', 'first', 0)
    later(60_001)
    redis.cli('CLIENT', 'KILL', 'TYPE', 'normal')
    expect(await store.read('plan', 'p')).toEqual({ value: 'first', version: 1 })
  })
})

describeWithRedis('an address that leads to another Redis by now', () => {
  test('is asked again when the one behind the connection takes no records any more', async () => {
    const [old, next] = [await startRedis(), await startRedis()]
    let port = Number(new URL(old.url).port)
    const address = createServer((socket) => {
      const there = connect(port, '127.0.0.1')
      socket.pipe(there).pipe(socket)
      for (const end of [socket, there]) end.on('error', () => {}).on('close', () => socket.destroy())
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void address.close())
    await once(address, 'listening')
    const store = openBackend(`redis://127.0.0.1:${(address.address() as AddressInfo).port}`).store()
    await store.write('operation', 'op', 'running', 0)
    port = Number(new URL(next.url).port)
    old.cli('REPLICAOF', '127.0.0.1', String(port))
    await refusal(store.write('operation', 'p', 'running', 0), 'PROVIDER_UNAVAILABLE')
    expect(await soon(() => store.write('operation', 'p', 'running', 0))).toBe(1)
    expect(next.cli('EXISTS', '{snapshot-mcp}:operation:p')).toBe('1')
  })
})

describeWithRedis('an operator', () => {
  test('is told, once, about a Redis that does not persist', async () => {
    const redis = await startRedis({ keeps: false })
    const backend = openBackend(redis.url)
    await backend.check()
    redis.cli('CLIENT', 'KILL', 'TYPE', 'normal')
    await soon(backend.check)
    expect(warnings(backend)).toEqual([expect.stringContaining('does not persist')])
    expect(backend.lines.join()).toContain(`"redis":"${redis.url}"`)
  })

  test('is told about a Redis that may throw records away', async () => {
    const redis = await startRedis({ more: ['--maxmemory-policy', 'allkeys-lru'] })
    const backend = openBackend(redis.url)
    await backend.check()
    expect(warnings(backend)).toEqual([expect.stringContaining('set maxmemory-policy to noeviction')])
  })

  test('is not told anything about one that is as it should be', async () => {
    const { url } = await startRedis()
    const backend = openBackend(url)
    await backend.check()
    expect(backend.lines).toEqual([])
  })
})

describeWithRedis('the user and the password of a Redis', () => {
  const [USER, PASSWORD] = ['operator-seven', 'pass-word-9%24']
  const as = (url: string, user = USER, password = PASSWORD) => url.replace('//', `//${user}:${password}@`)
  const account = (...rights: string[]) => ({
    more: ['--user', USER, 'on', `>${decodeURIComponent(PASSWORD)}`, '~*', '&*', ...rights],
  })

  /** All that anybody gets to see of a failure. */
  const everything = (error: unknown): string => {
    if (!(error instanceof Error)) return JSON.stringify(error)
    const own = Object.getOwnPropertyNames(error).map((name) => Reflect.get(error, name))
    return own.map((each) => (typeof each === 'string' ? each : everything(each))).join('\n')
  }

  test.each([
    ['are right', as, account('+@all'), undefined],
    ['are wrong', (url: string) => as(url, USER, 'pass-word-0'), account('+@all'), 'WRONGPASS'],
    ['may not ask which Redis it is', as, account('+@all', '-info'), 'NOPERM'],
    ['may not write', as, account('+@all', '-hset'), 'FORBIDDEN'],
    ['may run no scripts', as, account('+@all', '-eval', '-evalsha'), 'FORBIDDEN'],
  ])('that %s are in no error and in no line of the log', async (_what, login, options, expected) => {
    const redis = await startRedis(options)
    const backend = openBackend(login(redis.url))
    backend.changes().subscribe(() => {})
    const failed: unknown[] = []
    const note = (error: unknown) => void failed.push(error)
    await backend.store().write('plan', 'p', 1, 0).catch(note)
    await redis.stop()
    await backend.check().catch(note)
    const seen = [...failed.map(everything), ...backend.lines].join('\n')
    expect(seen).toContain(expected ?? 'cannot be reached')
    for (const secret of [USER, PASSWORD, decodeURIComponent(PASSWORD), 'pass-word']) {
      expect(seen).not.toContain(secret)
    }
  })

  test('that are right let somebody in who may do no more than is needed', async () => {
    const needed = ['+info', '+config|get', '+@scripting', '+@hash', '+@sortedset', '+@string', '+@pubsub']
    const redis = await startRedis(account('-@all', ...needed, '+time', '+del', '+pexpire', '+ping'))
    const backend = openBackend(as(redis.url))
    const store = backend.store('acme')
    expect(await store.write('plan', 'p', 1, 0)).toBe(1)
    expect(await store.list('plan')).toHaveLength(1)
    await (await store.lock('t')).release()
    expect(await store.retire('plan', Date.now() + 60_000)).toBe(1)
    expect(await backend.admit('ann', 1)).toBe(0)
    expect(await backend.admit('ann', 1)).toBeGreaterThan(0)
    await backend.key()
    await backend.check()
    expect(backend.lines).toEqual([])
  })
})

test('an address whose password is not encoded as it should be is no more than unreachable', async () => {
  const backend = openBackend('redis://ann:100%@127.0.0.1:1')
  const { message } = await refusal(backend.check(), 'PROVIDER_UNAVAILABLE')
  expect([message, ...backend.lines].join()).not.toContain('100%')
})
