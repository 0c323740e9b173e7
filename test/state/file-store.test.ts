import { execFile } from 'node:child_process'
import { chmodSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { createFileStore } from '../../src/state/file-store.ts'
import { intercept, systemFault } from '../providers/local/faults.ts'
import { refusal, temporaryDirectory } from '../snapshots/world.ts'

const DAY = 86_400_000

function open(directory = temporaryDirectory()) {
  const time = { now: 1000 * DAY }
  return { directory, time, store: createFileStore({ directory, clock: () => time.now }) }
}

describe('records', () => {
  test('have versions that rise by one, and the newest is read', async () => {
    const { store } = open()
    expect(await store.read('plan', 'p')).toBeUndefined()
    expect(await store.write('plan', 'p', { n: 1 }, 0)).toBe(1)
    expect(await store.write('plan', 'p', { n: 2 }, 1)).toBe(2)
    expect(await store.read('plan', 'p')).toEqual({ value: { n: 2 }, version: 2 })
  })

  test.each([
    ['an existing record', 0],
    ['an older version', 1],
    ['a version of the future', 3],
  ])('are not written after %s', async (_what, after) => {
    const { store } = open()
    await store.write('plan', 'p', 'first', 0)
    await store.write('plan', 'p', 'second', 1)
    expect(await store.write('plan', 'p', 'mine', after)).toBeUndefined()
    expect(await store.read('plan', 'p')).toEqual({ value: 'second', version: 2 })
  })

  test('keep a few old versions, and a writer who slept through their removal loses', async () => {
    const { store, directory } = open()
    for (let version = 0; version < 30; version++) await store.write('plan', 'p', version, version)
    const kept = readdirSync(join(directory, 'plan', 'p'))
    expect(kept.length).toBeLessThanOrEqual(9)
    // Its version's name is free again.
    expect(kept).not.toContain('4.json')
    for (const after of [0, 3]) expect(await store.write('plan', 'p', 'stale', after)).toBeUndefined()
    expect(await store.read('plan', 'p')).toEqual({ value: 29, version: 30 })
  })

  test('a sleeper whose predecessor is trimmed between its check and its link loses as well', async () => {
    const { store, directory } = open()
    const folder = join(directory, 'plan', 'p')
    for (let version = 0; version < 9; version++) await store.write('plan', 'p', version, version)
    // The random bytes name the temporary file: that is after the check and before the link.
    const sleeper = createFileStore({
      directory,
      clock: () => 0,
      random(size) {
        for (const version of [2, 3]) rmSync(join(folder, `${version}.json`), { force: true })
        return Buffer.alloc(size)
      },
    })
    expect(await sleeper.write('plan', 'p', 'stale', 2)).toBeUndefined()
    expect(await store.read('plan', 'p')).toEqual({ value: 8, version: 9 })
    expect(readdirSync(folder)).not.toContain('3.json')
  })

  test('are readable by the owner only, and leave no temporary files', async () => {
    const { store, directory } = open()
    await store.write('operation', 'op_1', {}, 0)
    for (const folder of [join(directory, 'operation'), join(directory, 'operation', 'op_1')]) {
      expect(statSync(folder).mode & 0o777).toBe(0o700)
    }
    const files = readdirSync(join(directory, 'operation', 'op_1'))
    expect(files).toEqual(['1.json'])
    expect(statSync(join(directory, 'operation', 'op_1', '1.json')).mode & 0o777).toBe(0o600)
  })

  test.each(['../../escape', 'a/b', '', '.', 'x'.repeat(200), 'na\u00efve', 'a\0b'])(
    'ids like %j stay inside',
    async (id) => {
      const { store, directory } = open()
      await store.write('plan', id, 'safe', 0)
      expect(await store.read('plan', id)).toEqual({ value: 'safe', version: 1 })
      expect(readdirSync(directory)).toEqual(['plan'])
      expect(readdirSync(join(directory, 'plan'))).toHaveLength(1)
    },
  )

  test('a torn one is CORRUPT and names itself; the others stay usable', async () => {
    const { store, directory } = open()
    await store.write('operation', 'op_torn', { long: 'enough' }, 0)
    await store.write('operation', 'op_whole', 1, 0)
    truncateSync(join(directory, 'operation', 'op_torn', '1.json'), 5)
    const { message } = await refusal(store.read('operation', 'op_torn'), 'CORRUPT')
    expect(message).toContain('op_torn')
    expect(await store.list('operation')).toEqual([{ id: 'op_whole', value: 1, version: 1 }])
  })

  test.skipIf(process.getuid?.() === 0)(
    'in a directory that is not writable are FORBIDDEN, without its path',
    async () => {
      const { store, directory } = open()
      chmodSync(directory, 0o500)
      const { message } = await refusal(store.write('plan', 'p', 1, 0), 'FORBIDDEN')
      chmodSync(directory, 0o700)
      expect(message).not.toContain(directory)
    },
  )

  test('on a full disk are NO_SPACE, and whether anything was changed is for others to say', async () => {
    const { store } = open()
    intercept('writeFileSync', () => {
      throw systemFault('ENOSPC')
    })
    expect((await refusal(store.write('plan', 'p', 1, 0), 'NO_SPACE')).outcome).toBe('unknown')
    expect(await store.read('plan', 'p')).toBeUndefined()
  })

  test('under a path that is a file are FORBIDDEN, without its path', async () => {
    const path = join(temporaryDirectory(), 'file')
    writeFileSync(path, '')
    for (const directory of [path, join(path, 'state')]) {
      const { store } = open(directory)
      for (const call of [store.write('plan', 'p', 1, 0), store.list('plan'), store.lock('t')]) {
        const { message } = await refusal(call, 'FORBIDDEN')
        expect(message).toContain('the home of the server cannot be used')
        expect(message).not.toContain(path)
      }
    }
  })

  test('can be removed, and begin anew', async () => {
    const { store, directory } = open()
    await store.write('plan', 'p', 'old', 0)
    await store.remove('plan', 'p')
    await store.remove('plan', 'p')
    expect(await store.write('plan', 'p', 'ghost', 1)).toBeUndefined()
    expect(await store.read('plan', 'p')).toBeUndefined()
    expect(readdirSync(join(directory, 'plan'))).toEqual([])
    expect(await store.write('plan', 'p', 'new', 0)).toBe(1)
  })

  test('retire by the time of their last version', async () => {
    const { store, time } = open()
    await store.write('plan', 'old', 1, 0)
    await store.write('plan', 'renewed', 1, 0)
    time.now += DAY
    await store.write('plan', 'renewed', 2, 1)
    expect(await store.retire('plan', time.now)).toBe(1)
    expect((await store.list('plan')).map(({ id }) => id)).toEqual(['renewed'])
  })
})

describe('compare-and-set', () => {
  test('lets exactly one of many writers win', async () => {
    const { directory } = open()
    const stores = Array.from({ length: 4 }, () => open(directory).store)
    for (let after = 0; after < 12; after++) {
      const results = await Promise.all(
        [...stores, ...stores].map((store, who) => store.write('plan', 'p', who, after)),
      )
      const winners = results.flatMap((version, who) => (version === undefined ? [] : [who]))
      expect(winners).toHaveLength(1)
      expect(await stores[0]?.read('plan', 'p')).toEqual({ value: winners[0], version: after + 1 })
    }
  })

  test.each(['cas', 'lock'])('counts right with three processes (%s)', async (how) => {
    const { directory, store } = open()
    const contender = fileURLToPath(new URL('./contender.ts', import.meta.url))
    const run = async () => {
      const { stdout } = await promisify(execFile)(process.execPath, [
        '--import',
        'tsx',
        contender,
        directory,
        how,
        '25',
      ])
      return Number(stdout)
    }
    const wins = await Promise.all([run(), run(), run()])
    expect(wins).toEqual([25, 25, 25])
    expect((await store.read('plan', 'counter'))?.value).toBe(75)
  })
})
