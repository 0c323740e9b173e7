import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync, truncateSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createFileStore } from '../../src/state/file-store.ts'
import { hasEnded, type Runner, thisRunner } from '../../src/state/runner.ts'
import { intercept, systemFault } from '../providers/local/faults.ts'
import { refusal, temporaryDirectory } from '../snapshots/world.ts'

function open(directory = temporaryDirectory()) {
  const time = { now: 0, up: 0 }
  const store = createFileStore({ directory, clock: () => time.now, uptime: () => time.up })
  return { directory, time, store }
}

const fileOf = (directory: string, version: number) => join(directory, 'lock', 't', `${version}.json`)

/** The last sign of life of the first holder was so many seconds ago, by the clock of the file system. */
function silentFor(directory: string, seconds: number) {
  const at = Date.now() / 1000 - seconds
  utimesSync(fileOf(directory, 1), at, at)
}

/** A process that has been and is no more. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  return child.pid as number
}

const onLinux = thisRunner().start_time !== undefined
const knowsMachine = / [0-9a-f]{16}$/.test(thisRunner().host)

describe('a lock in a directory', () => {
  test('that is free and old is cleared away, one that is held is not', async () => {
    const { store, directory } = open()
    await (await store.lock('some/other name')).release()
    const held = await store.lock('t')
    expect(await store.retire('lock', Date.now() - 60_000)).toBe(0)
    expect(await store.retire('lock', Date.now() + 60_000)).toBe(1)
    expect(readdirSync(join(directory, 'lock'))).toEqual(['t'])
    expect(await held.held()).toBe(true)
    await (await store.lock('some/other name', { wait_ms: 0 })).release()
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
    silentFor(directory, 0)
    return { store, directory, time }
  }

  test('of a dead process is taken over, and its late release changes nothing', async () => {
    const { store } = await held({ pid: await deadPid() })
    const lock = await store.lock('t', { wait_ms: 0 })
    expect(await store.write('lock', 't', { holder: null, what: 't', since: '' }, 1)).toBeUndefined()
    expect(await lock.held()).toBe(true)
  })

  test.runIf(onLinux)('of a process whose pid was given to another one is taken over', async () => {
    const { store } = await held({ start_time: '1' })
    await expect(store.lock('t', { wait_ms: 0 })).resolves.toBeDefined()
  })

  test.runIf(onLinux && knowsMachine)('from before a reboot is taken over', async () => {
    const { store } = await held({ boot_id: 'another boot' })
    await expect(store.lock('t', { wait_ms: 0 })).resolves.toBeDefined()
  })

  test.runIf(onLinux)('of a living process is not, however long ago it gave a sign of life', async () => {
    const { store, directory, time } = await held({})
    silentFor(directory, 3600)
    await refusal(store.lock('t', { wait_ms: 5 }), 'BUSY')
    time.up += 3_600_000
    await refusal(store.lock('t', { wait_ms: 5 }), 'BUSY')
  })

  // Of another machine or container: nothing but its signs of life tells. The pid and boot mean nothing here.
  test.each([
    ['with a pid that does not exist here', { pid: 2 ** 22 + 1 }],
    ['with a pid that lives here', {}],
    ['of another boot', { boot_id: 'another boot' }],
    ['as earlier versions named it', { host: thisRunner().host.replace(/ [0-9a-f]{16}$/, ' ') }],
  ])('of a process elsewhere, %s, is taken over after a minute of silence', async (_what, by) => {
    const { store, directory, time } = await held({ host: 'elsewhere', ...by })
    silentFor(directory, 50)
    await refusal(store.lock('t', { wait_ms: 0 }), 'BUSY')
    time.up += 7_001
    await refusal(store.lock('t', { wait_ms: 0 }), 'BUSY')
    silentFor(directory, 61)
    await refusal(store.lock('t', { wait_ms: 0 }), 'BUSY')
    time.up += 7_001
    await expect(store.lock('t', { wait_ms: 0 })).resolves.toBeDefined()
  })

  test('of a process of which only the pid is known, which may be given to another one, counts by its signs of life', async () => {
    const { store, directory, time } = await held({ boot_id: undefined, start_time: undefined })
    await refusal(store.lock('t', { wait_ms: 0 }), 'BUSY')
    silentFor(directory, 61)
    await refusal(store.lock('t', { wait_ms: 0 }), 'BUSY')
    time.up += 7_001
    await expect(store.lock('t', { wait_ms: 0 })).resolves.toBeDefined()
  })

  test('of a living process elsewhere is not taken over because clocks differ', async () => {
    const { store, time } = await held({ host: 'elsewhere' })
    for (const now of [0, 2 * Date.now()]) {
      time.now = now
      time.up += 3_600_000
      await refusal(store.lock('t', { wait_ms: 5 }), 'BUSY')
    }
  })

  test('of a living process elsewhere is not taken over because the clock of the file system jumped', async () => {
    const { store, directory, time } = await held({ host: 'elsewhere' })
    for (let beat = 0; beat < 5; beat++) {
      // Each sign is old as soon as it is there, but it is a new one.
      silentFor(directory, 3600 - beat)
      await refusal(store.lock('t', { wait_ms: 0 }), 'BUSY')
      time.up += 7_000
      await refusal(store.lock('t', { wait_ms: 0 }), 'BUSY')
    }
  })

  test('gives a sign of life every five seconds, until it is released', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const { store, directory } = open()
    const lock = await store.lock('t')
    const age = () => Date.now() - statSync(fileOf(directory, 1)).mtimeMs
    silentFor(directory, 3600)
    vi.advanceTimersByTime(4_999)
    expect(age()).toBeGreaterThan(3_599_000)
    vi.advanceTimersByTime(1)
    expect(age()).toBeLessThan(600_000)
    expect(await lock.held()).toBe(true)
    await lock.release()
    silentFor(directory, 3600)
    vi.advanceTimersByTime(60_000)
    expect(age()).toBeGreaterThan(3_599_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  describe('on a disk that is full', () => {
    /** Takes no new file, and where it is `stuck` no change of an old one either. */
    const fill = () => {
      const disk = { full: true, stuck: false }
      intercept('writeFileSync', () => {
        if (disk.full) throw systemFault('ENOSPC')
      })
      intercept('truncateSync', () => {
        if (disk.stuck) throw systemFault('ENOSPC')
      })
      return disk
    }

    test('is given back all the same', async () => {
      const { store } = open()
      const lock = await store.lock('t')
      const disk = fill()
      await lock.release()
      expect(await lock.held()).toBe(false)
      disk.full = false
      await expect(store.lock('t', { wait_ms: 0 })).resolves.toBeDefined()
    })

    test('is not given back by who has lost it', async () => {
      const { store } = open()
      const lost = await store.lock('t')
      const holder = { ...thisRunner(), token: 'theirs' }
      await store.write('lock', 't', { holder, what: 't', since: '' }, 1)
      const disk = fill()
      await lost.release()
      disk.full = false
      await refusal(store.lock('t', { wait_ms: 0 }), 'BUSY')
    })

    test('where nothing can be changed, is given back as soon as that is over', async () => {
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
      onTestFinished(() => void vi.useRealTimers())
      const { store } = open()
      const lock = await store.lock('t')
      const disk = fill()
      disk.stuck = true
      await refusal(lock.release(), 'NO_SPACE')
      disk.full = false
      disk.stuck = false
      await refusal(store.lock('t', { wait_ms: 0 }), 'BUSY')
      vi.advanceTimersByTime(5_000)
      await expect(store.lock('t')).resolves.toBeDefined()
    })
  })

  test('torn by a power cut is free', async () => {
    const { store, directory } = await held({})
    truncateSync(fileOf(directory, 1), 0)
    await expect(store.lock('t', { wait_ms: 0 })).resolves.toBeDefined()
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
  const { host, boot_id } = thisRunner()
  expect(hasEnded({ host, boot_id, pid: process.pid })).toBe(false)
  expect(hasEnded({ host, boot_id, pid: await deadPid() })).toBe(true)
})
