import { chmodSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createFileStore } from '../../src/state/file-store.ts'
import { intercept, systemFault } from '../providers/local/faults.ts'
import { refusal, temporaryDirectory } from '../snapshots/world.ts'
import { storeSuite } from './store-suite.ts'

const DAY = 86_400_000

function open(directory = temporaryDirectory()) {
  const time = { now: 1000 * DAY }
  return { directory, time, store: createFileStore({ directory, clock: () => time.now }) }
}

describe('a store in a directory: what holds for every store', () => {
  storeSuite(async () => {
    const { store, time, directory } = open()
    return { store, time, another: () => open(directory).store, place: `file:${directory}` }
  })
})

describe('records in a directory', () => {
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

  test('that are removed leave nothing behind', async () => {
    const { store, directory } = open()
    await store.write('plan', 'p', 'old', 0)
    await store.remove('plan', 'p')
    expect(readdirSync(join(directory, 'plan'))).toEqual([])
  })

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
})
