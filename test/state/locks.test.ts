import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createFileStore } from '../../src/state/file-store.ts'
import { hasEnded, type Runner, thisRunner } from '../../src/state/runner.ts'
import { refusal, temporaryDirectory } from '../snapshots/world.ts'

function open(directory = temporaryDirectory()) {
  const time = { now: 0 }
  return { directory, time, store: createFileStore({ directory, clock: () => time.now }) }
}

/** A process that has been and is no more. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  return child.pid as number
}

const onLinux = thisRunner().start_time !== undefined

describe('a lock', () => {
  test('excludes a second holder in the same process until it is released', async () => {
    const { store } = open()
    const first = await store.lock('t')
    await refusal(store.lock('t', { wait_ms: 20 }), 'BUSY')
    const waiting = store.lock('t')
    expect(await first.held()).toBe(true)
    await first.release()
    const second = await waiting
    expect(await first.held()).toBe(false)
    expect(await second.held()).toBe(true)
    expect(second.fence).toBeGreaterThan(first.fence)
    await second.release()
    expect(await second.held()).toBe(false)
  })

  test('says when to try again, and that nothing was changed', async () => {
    const { store } = open()
    await store.lock('t')
    const problem = await refusal(store.lock('t', { wait_ms: 1 }), 'BUSY')
    expect(problem).toMatchObject({
      retryable: true,
      outcome: 'not_started',
      retry_after_ms: expect.any(Number),
    })
  })

  test('does not hinder other names', async () => {
    const { store } = open()
    await store.lock('local:path:/a')
    await expect(store.lock('local:path:/b', { wait_ms: 0 })).resolves.toBeDefined()
  })

  test('waited for can be given up', async () => {
    const { store } = open()
    await store.lock('t')
    const stop = new AbortController()
    const waiting = store.lock('t', { signal: stop.signal })
    stop.abort()
    await refusal(waiting, 'CANCELLED')
    await refusal(store.lock('free', { signal: stop.signal }), 'CANCELLED')
  })

  test('lets many in one after the other, never two at once', async () => {
    const { store } = open()
    let inside = 0
    const fences: number[] = []
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        const lock = await store.lock('t')
        expect(++inside).toBe(1)
        fences.push(lock.fence)
        await new Promise(setImmediate)
        inside--
        await lock.release()
      }),
    )
    expect(fences).toEqual([...fences].sort((a, b) => a - b))
    expect(new Set(fences).size).toBe(12)
  })

  test('leaves no trail of old versions', async () => {
    const { store, directory } = open()
    for (let round = 0; round < 20; round++) await (await store.lock('t')).release()
    expect(readdirSync(join(directory, 'lock', 't')).length).toBeLessThanOrEqual(9)
  })

  const held = async (by: Partial<Runner>) => {
    const { store, directory, time } = open()
    const holder = { ...thisRunner(), ...by, token: 'theirs' }
    await store.write('lock', 't', { holder, what: 't', since: '' }, 0)
    return { store, directory, time }
  }

  test('of a dead process is taken over, and its late release changes nothing', async () => {
    const { store } = await held({ pid: await deadPid() })
    const lock = await store.lock('t', { wait_ms: 0 })
    expect(lock.fence).toBe(2)
    expect(await store.write('lock', 't', { holder: null, what: 't', since: '' }, 1)).toBeUndefined()
    expect(await lock.held()).toBe(true)
  })

  test.runIf(onLinux)('of a process whose pid was given to another one is taken over', async () => {
    const { store } = await held({ start_time: '1' })
    await expect(store.lock('t', { wait_ms: 0 })).resolves.toBeDefined()
  })

  test.runIf(onLinux)('from before a reboot is taken over', async () => {
    const { store } = await held({ boot_id: 'another boot' })
    await expect(store.lock('t', { wait_ms: 0 })).resolves.toBeDefined()
  })

  test('of a living process is not, however long ago it gave a sign of life', async () => {
    const { store, time } = await held({})
    time.now += 3_600_000
    await refusal(store.lock('t', { wait_ms: 5 }), 'BUSY')
  })

  // Of another machine or container: nothing but its signs of life tells. The pid and boot mean nothing here.
  test.each([
    ['with a pid that does not exist here', { pid: 2 ** 22 + 1 }],
    ['with a pid that lives here', {}],
    ['of another boot', { boot_id: 'another boot' }],
  ])('of a process elsewhere, %s, is taken over after a minute of silence', async (_what, by) => {
    const { store, time } = await held({ host: 'elsewhere', ...by })
    time.now += 60_000
    await refusal(store.lock('t', { wait_ms: 5 }), 'BUSY')
    time.now += 1
    expect((await store.lock('t', { wait_ms: 0 })).fence).toBe(2)
  })

  test('gives a sign of life every five seconds, until it is released', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const { store, directory, time } = open()
    const lock = await store.lock('t')
    const sign = (version: number) => statSync(join(directory, 'lock', 't', `${version}.json`)).mtimeMs
    time.now = 7_000
    vi.advanceTimersByTime(4_999)
    expect(sign(1)).toBe(0)
    vi.advanceTimersByTime(1)
    expect(sign(1)).toBe(7_000)
    await lock.release()
    time.now = 9_000
    vi.advanceTimersByTime(60_000)
    expect([sign(1), sign(2), vi.getTimerCount()]).toEqual([7_000, 7_000, 0])
  })

  test('torn by a power cut is free', async () => {
    const { store, directory } = await held({})
    truncateSync(join(directory, 'lock', 't', '1.json'), 0)
    expect((await store.lock('t', { wait_ms: 0 })).fence).toBe(2)
  })

  test('wanted by two when its holder is dead goes to one', async () => {
    const { store, directory } = await held({ pid: await deadPid() })
    const takers = [store, open(directory).store, open(directory).store].map((each) =>
      each.lock('t', { wait_ms: 0 }),
    )
    const outcomes = await Promise.allSettled(takers)
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
  })
})

test('without /proc, only a missing pid proves that a process has ended', async () => {
  const { host } = thisRunner()
  expect(hasEnded({ host, pid: process.pid })).toBe(false)
  expect(hasEnded({ host, pid: await deadPid() })).toBe(true)
})
