import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { StateStore } from '../../src/state/state-store.ts'
import { refusal } from '../snapshots/world.ts'

const DAY = 86_400_000

/** An empty store for the running test. */
export interface OpenedStore {
  store: StateStore
  /** Of the injected clock. */
  time: { now: number }
  /** The same state, as another server sees it. */
  another(): StateStore
  /** What contender.ts finds the same state by. */
  place: string
}

/** What holds for every store, wherever it keeps its records. */
export function storeSuite(open: () => Promise<OpenedStore>): void {
  describe('records', () => recordsSuite(open))
  describe('compare-and-set', () => contestSuite(open))
  describe('a lock', () => locksSuite(open))
}

function recordsSuite(open: () => Promise<OpenedStore>): void {
  test('have versions that rise by one, and the newest is read', async () => {
    const { store } = await open()
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
    const { store } = await open()
    await store.write('plan', 'p', 'first', 0)
    await store.write('plan', 'p', 'second', 1)
    expect(await store.write('plan', 'p', 'mine', after)).toBeUndefined()
    expect(await store.read('plan', 'p')).toEqual({ value: 'second', version: 2 })
  })

  test('of a writer who slept through many versions are not written', async () => {
    const { store } = await open()
    for (let version = 0; version < 30; version++) await store.write('plan', 'p', version, version)
    for (const after of [0, 3]) expect(await store.write('plan', 'p', 'stale', after)).toBeUndefined()
    expect(await store.read('plan', 'p')).toEqual({ value: 29, version: 30 })
  })

  test.each(['../../escape', 'a/b', 'a:b', '', '.', 'x'.repeat(200), 'na\u00efve', 'a\0b', '{b}'])(
    'have ids like %j without touching others',
    async (id) => {
      const { store } = await open()
      await store.write('plan', 'other', 'theirs', 0)
      expect(await store.write('plan', id, 'safe', 0)).toBe(1)
      expect(await store.read('plan', id)).toEqual({ value: 'safe', version: 1 })
      expect(await store.read('operation', id)).toBeUndefined()
      await store.remove('plan', id)
      expect(await store.read('plan', id)).toBeUndefined()
      expect(await store.list('plan')).toEqual([{ id: 'other', value: 'theirs', version: 1 }])
    },
  )

  test('can be removed, and begin anew', async () => {
    const { store } = await open()
    await store.write('plan', 'p', 'old', 0)
    await store.remove('plan', 'p')
    await store.remove('plan', 'p')
    expect(await store.write('plan', 'p', 'ghost', 1)).toBeUndefined()
    expect(await store.read('plan', 'p')).toBeUndefined()
    expect(await store.list('plan')).toEqual([])
    expect(await store.write('plan', 'p', 'new', 0)).toBe(1)
  })

  test('retire by the time of their last version', async () => {
    const { store, time } = await open()
    await store.write('plan', 'old', 1, 0)
    await store.write('plan', 'renewed', 1, 0)
    await store.write('operation', 'other', 1, 0)
    time.now += DAY
    await store.write('plan', 'renewed', 2, 1)
    expect(await store.retire('plan', time.now)).toBe(1)
    expect((await store.list('plan')).map(({ id }) => id)).toEqual(['renewed'])
    expect((await store.list('operation')).map(({ id }) => id)).toEqual(['other'])
  })

  test('behave like a map with versions, whatever is done to them in whatever order', async () => {
    const kind = fc.constantFrom('plan' as const, 'operation' as const)
    const id = fc.constantFrom('a', 'b', 'c')
    const step = fc.oneof(
      fc.record({ do: fc.constant('write' as const), kind, id, value: fc.jsonValue(), behind: fc.nat(2) }),
      fc.record({ do: fc.constant('remove' as const), kind, id }),
      fc.record({ do: fc.constant('retire' as const), kind, age: fc.nat(3) }),
      fc.record({ do: fc.constant('wait' as const) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const { store, time, another } = await open()
        const other = another()
        const model = new Map<string, { value: unknown; version: number; at: number }>()
        for (const each of steps) {
          if (each.do === 'wait') time.now += 1000
          else if (each.do === 'remove') {
            await store.remove(each.kind, each.id)
            model.delete(`${each.kind} ${each.id}`)
          } else if (each.do === 'retire') {
            const before = time.now - each.age * 1000
            const old = [...model].filter(([name, { at }]) => name.startsWith(each.kind) && at < before)
            expect(await store.retire(each.kind, before)).toBe(old.length)
            for (const [name] of old) model.delete(name)
          } else {
            const name = `${each.kind} ${each.id}`
            const newest = model.get(name)?.version ?? 0
            const after = Math.max(0, newest - each.behind)
            const written = after === newest ? newest + 1 : undefined
            expect(await store.write(each.kind, each.id, each.value, after)).toBe(written)
            if (written) model.set(name, { value: each.value, version: written, at: time.now })
          }
        }
        for (const kind of ['plan', 'operation'] as const) {
          const expected = [...model].flatMap(([name, { value, version }]) => {
            const [of, id] = name.split(' ')
            return of === kind ? [{ id, value: JSON.parse(JSON.stringify(value)), version }] : []
          })
          const listed = await other.list(kind)
          expect(listed.sort(byId)).toEqual(expected.sort(byId))
        }
      }),
      { numRuns: 25 },
    )
  })
}

const byId = (a: { id?: string | undefined }, b: { id?: string | undefined }) =>
  (a.id ?? '') < (b.id ?? '') ? -1 : 1

function contestSuite(open: () => Promise<OpenedStore>): void {
  test('lets exactly one of many writers win', async () => {
    const { store, another } = await open()
    const stores = [store, another(), another(), another()]
    for (let after = 0; after < 12; after++) {
      const results = await Promise.all(
        [...stores, ...stores].map((each, who) => each.write('plan', 'p', who, after)),
      )
      const winners = results.flatMap((version, who) => (version === undefined ? [] : [who]))
      expect(winners).toHaveLength(1)
      expect(await store.read('plan', 'p')).toEqual({ value: winners[0], version: after + 1 })
    }
  })

  test.each(['cas', 'lock'])('counts right with three processes (%s)', async (how) => {
    const { store, place } = await open()
    const contender = fileURLToPath(new URL('./contender.ts', import.meta.url))
    const run = async () => {
      const command = ['--import', 'tsx', contender, place, how, '25']
      const { stdout } = await promisify(execFile)(process.execPath, command)
      return Number(stdout)
    }
    const wins = await Promise.all([run(), run(), run()])
    expect(wins).toEqual([25, 25, 25])
    expect((await store.read('plan', 'counter'))?.value).toBe(75)
  })
}

function locksSuite(open: () => Promise<OpenedStore>): void {
  test('excludes a second holder in the same process until it is released', async () => {
    const { store } = await open()
    const first = await store.lock('t')
    await refusal(store.lock('t', { wait_ms: 20 }), 'BUSY')
    const waiting = store.lock('t')
    expect(await first.held()).toBe(true)
    await first.release()
    const second = await waiting
    expect(await first.held()).toBe(false)
    expect(await second.held()).toBe(true)
    await first.release()
    expect(await second.held()).toBe(true)
    await second.release()
    expect(await second.held()).toBe(false)
  })

  test('excludes holders in other processes', async () => {
    const { store, another } = await open()
    const lock = await store.lock('t')
    await refusal(another().lock('t', { wait_ms: 20 }), 'BUSY')
    await lock.release()
    await (await another().lock('t', { wait_ms: 0 })).release()
  })

  test('says when to try again, and that nothing was changed', async () => {
    const { store } = await open()
    await store.lock('t')
    const problem = await refusal(store.lock('t', { wait_ms: 1 }), 'BUSY')
    expect(problem).toMatchObject({
      retryable: true,
      outcome: 'not_started',
      retry_after_ms: expect.any(Number),
    })
  })

  test('that is held is not cleared away, however old', async () => {
    const { store } = await open()
    const held = await store.lock('t')
    expect(await store.retire('lock', Date.now() + 60_000)).toBe(0)
    expect(await held.held()).toBe(true)
    await refusal(store.lock('t', { wait_ms: 0 }), 'BUSY')
  })

  test('has one holder at a time, also while it is cleared away', async () => {
    const { store } = await open()
    let holders = 0
    let done = 0
    const work = async () => {
      for (let n = 0; n < 20; n++, done++) {
        const lock = await store.lock('t')
        expect(++holders).toBe(1)
        await new Promise(setImmediate)
        expect(await lock.held()).toBe(true)
        holders--
        await lock.release()
      }
    }
    const clear = async () => {
      for (; done < 60; await new Promise(setImmediate)) await store.retire('lock', Date.now() + 60_000)
    }
    await Promise.all([work(), work(), work(), clear()])
  })

  test('does not hinder other names', async () => {
    const { store } = await open()
    await store.lock('local:path:/a')
    await expect(store.lock('local:path:/b', { wait_ms: 0 })).resolves.toBeDefined()
  })

  test('waited for can be given up', async () => {
    const { store } = await open()
    await store.lock('t')
    const stop = new AbortController()
    const waiting = store.lock('t', { signal: stop.signal })
    stop.abort()
    await refusal(waiting, 'CANCELLED')
    await refusal(store.lock('free', { signal: stop.signal }), 'CANCELLED')
  })

  test('lets many in one after the other, never two at once', async () => {
    const { store } = await open()
    let inside = 0
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        const lock = await store.lock('t')
        expect(++inside).toBe(1)
        await new Promise(setImmediate)
        inside--
        await lock.release()
      }),
    )
    expect(inside).toBe(0)
  })
}
