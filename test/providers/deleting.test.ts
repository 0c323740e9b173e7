import { expect, test } from 'vitest'
import { type Deletion, deleteAll, deletionSummary } from '../../src/providers/deleting.ts'
import { type ErrorCode, fail, type Outcome } from '../../src/snapshots/errors.ts'
import type { Snapshot } from '../../src/snapshots/model.ts'
import { refusal } from '../snapshots/world.ts'
import { handTime } from './http/hand-time.ts'

const NO_LOG = { debug() {}, info() {}, warn() {}, error() {} }
const trouble = (code: ErrorCode, outcome: Outcome = 'not_started') =>
  fail(code, `It says ${code}.`, 'Call again.', { outcome })

const shown = (id: string): Snapshot => ({
  ...{ id: `acme:${id}`, provider: 'acme', name: `name of ${id}`, state: 'ready', captures: ['disk'] },
  ...{ source: { kind: 'box', id: 'box', name: 'box' }, created_at: '2026-11-20T12:00:00.000Z' },
  ...{ size_bytes: 10, labels: {}, protected: false, auto: false, native: {} },
})

/** Looks at `slow` ones three times before they are gone. */
function shelf(ids: string[], options: Partial<Deletion<string>> = {}) {
  const time = handTime()
  const stop = new AbortController()
  const there = new Map(ids.map((id) => [id, id.startsWith('slow') ? 3 : 0]))
  const asked: string[] = []
  const told: string[] = []
  const deletion: Deletion<string> = {
    title: 'Acme',
    async look(id, { signal }) {
      if (signal.aborted) throw trouble('CANCELLED')
      const left = there.get(id)
      if (asked.includes(id) && left !== undefined) there.set(id, left - 1)
      if (left === undefined || (asked.includes(id) && left <= 0)) throw trouble('NOT_FOUND')
      return id
    },
    refusal: (id) => (id === 'kept' ? trouble('PROTECTED') : undefined),
    remove: async (id) => void asked.push(id),
    ...{ firstMs: 1000, timeoutMs: 60_000 },
    ...options,
  }
  const ctx = {
    ...{ signal: stop.signal, log: NO_LOG, operation: 'op_1' },
    progress: (_done: number, _total: number | undefined, message: string) => void told.push(message),
  }
  const run = () => deleteAll(deletion, ids.map(shown), { time, random: () => 1 }, ctx)
  return { run, asked, told, there, time, cancel: () => stop.abort() }
}

test('all are asked for first, and those that take long are waited for together', async () => {
  const its = shelf(['slow-1', 'quick', 'slow-2'])
  expect(await its.run()).toEqual({ deleted: ['slow-1', 'quick', 'slow-2'], failed: [], freed_bytes: 30 })
  expect(its.asked).toEqual(['slow-1', 'quick', 'slow-2'])
  expect(its.time.slept).toEqual([1000, 1500, 2250])
  expect(its.told[0]).toBe('Acme deletes the snapshots, 2 of 2 are still there (1 s)')
})

test('what is gone already is deleted, and what is refused keeps none of the others', async () => {
  const its = shelf(['gone', 'kept', 'last'])
  its.there.delete('gone')
  expect(await its.run()).toEqual({
    deleted: ['gone', 'last'],
    failed: [{ snapshot: 'kept', code: 'PROTECTED', message: 'It says PROTECTED.' }],
    freed_bytes: 20,
  })
  expect(its.asked).toEqual(['last'])
})

test('what does not go, or does not go any more, is told with the reason', async () => {
  const late = shelf(['quick', 'slow'], { timeoutMs: 1000 })
  expect(await late.run()).toMatchObject({
    deleted: ['quick'],
    failed: [{ snapshot: 'slow', code: 'TIMEOUT', message: expect.stringContaining('goes on') }],
  })
  const back = shelf(['slow', 'quick'], { stays: () => trouble('CONFLICT') })
  expect(await back.run()).toMatchObject({
    deleted: ['quick'],
    failed: [{ snapshot: 'slow', code: 'CONFLICT' }],
  })
})

test('a call that is cancelled before anything was sent has deleted nothing', async () => {
  const its = shelf(['one', 'two'])
  its.cancel()
  const { outcome, message } = await refusal(its.run(), 'CANCELLED')
  expect([outcome, message]).toEqual(['not_started', 'The call was cancelled. Nothing was deleted.'])
  expect(its.asked).toEqual([])
})

test('a call that is cancelled half way says what became of each', async () => {
  const its = shelf(['quick', 'slow', 'next'], {
    async remove(id) {
      its.asked.push(id)
      if (id === 'slow') its.cancel()
    },
  })
  expect(await its.run()).toEqual({
    deleted: ['quick'],
    failed: [
      { snapshot: 'slow', code: 'CANCELLED', message: expect.stringContaining('what was started goes on') },
      {
        snapshot: 'next',
        code: 'CANCELLED',
        message: expect.stringContaining('before this one was deleted'),
      },
    ],
    freed_bytes: 10,
  })
})

test('a call that is cancelled while the only request is under way does not call that nothing', async () => {
  const its = shelf(['one'], {
    async remove() {
      its.cancel()
      throw trouble('CANCELLED', 'unknown')
    },
  })
  expect(await its.run()).toMatchObject({ deleted: [], failed: [{ snapshot: 'one', code: 'CANCELLED' }] })
})

test('a defect is thrown', async () => {
  const its = shelf(['one'], {
    async remove() {
      throw new TypeError('oops')
    },
  })
  await expect(its.run()).rejects.toThrow('oops')
})

test('a summary counts first, and shows the first three', () => {
  const all = ['a', 'b', 'c', 'd'].map(shown)
  expect(deletionSummary('Acme', all.slice(0, 1), ', in all regions')).toBe(
    'Delete one snapshot at Acme for good, in all regions: "name of a" of 2026-11-20T12:00:00.000Z (...acme:a).',
  )
  expect(deletionSummary('Acme', all)).toMatch(
    /^Delete 4 snapshots at Acme for good: "name of a" .* and 1 more\.$/,
  )
})
