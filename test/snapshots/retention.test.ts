import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Snapshot } from '../../src/snapshots/model.ts'
import { hasRule, type Retention, selectForRemoval } from '../../src/snapshots/retention.ts'

const DAY = 86_400_000
const NOW = Date.parse('2026-11-21T12:00:00Z')

function snapshot(created_at: string | number, fields: Partial<Snapshot> = {}): Snapshot {
  const at = new Date(created_at).toISOString()
  return {
    id: `memory:${at}`,
    provider: 'memory',
    name: at,
    state: 'ready',
    captures: ['files'],
    source: { kind: 'box', id: 'desk', name: 'desk' },
    created_at: at,
    labels: {},
    protected: false,
    auto: false,
    native: {},
    ...fields,
  }
}

const removed = (times: string[], rules: Retention) =>
  selectForRemoval(
    times.map((time) => snapshot(time)),
    rules,
    NOW,
  ).map(({ created_at }) => created_at.slice(0, 16))

describe('golden', () => {
  // 2026-11-21 is a Saturday; the ISO week began on Monday, 16 November.
  const TIMES = [
    '2026-11-21T11:50Z',
    '2026-11-21T11:10Z',
    '2026-11-21T09:00Z',
    '2026-11-20T23:59Z',
    '2026-11-20T00:00Z',
    '2026-11-16T00:00Z',
    '2026-11-15T23:59Z',
    '2026-11-09T00:00Z',
    '2026-10-01T12:00Z',
  ]
  const kept = (rules: Retention) => {
    const gone = removed(TIMES, rules)
    return TIMES.filter((time) => !gone.includes(time.slice(0, 16)))
  }

  test.each<[Retention, string[]]>([
    [{ keep_last: 3 }, TIMES.slice(0, 3)],
    [{ keep_hourly: 2 }, ['2026-11-21T11:50Z', '2026-11-21T09:00Z']],
    [{ keep_daily: 3 }, ['2026-11-21T11:50Z', '2026-11-20T23:59Z', '2026-11-16T00:00Z']],
    [{ keep_weekly: 2 }, ['2026-11-21T11:50Z', '2026-11-15T23:59Z']],
    [{ keep_weekly: 3 }, ['2026-11-21T11:50Z', '2026-11-15T23:59Z', '2026-10-01T12:00Z']],
    [{ keep_last: 2, keep_daily: 2 }, ['2026-11-21T11:50Z', '2026-11-21T11:10Z', '2026-11-20T23:59Z']],
    [{ older_than_ms: 7 * DAY }, TIMES.slice(0, 7)],
    [{ older_than_ms: 7 * DAY, keep_weekly: 9 }, [...TIMES.slice(0, 7), '2026-10-01T12:00Z']],
    [{ keep_last: 0, keep_hourly: 1 }, ['2026-11-21T11:50Z']],
  ])('%j', (rules, expected) => {
    expect(kept(rules)).toEqual(expected)
  })

  test('each source is looked at for itself', () => {
    const other = { source: { kind: 'box', id: 'other', name: 'desk' } }
    const all = [snapshot(NOW - DAY), snapshot(NOW), snapshot(NOW - DAY, other), snapshot(NOW, other)]
    expect(selectForRemoval(all, { keep_last: 1 }, NOW)).toEqual([all[0], all[2]])
  })

  test.each<Partial<Snapshot>>([
    { auto: true },
    { protected: true },
    { state: 'trashed' },
    { state: 'creating' },
    { state: 'failed' },
  ])('%j stays', (fields) => {
    const all = [snapshot(NOW), snapshot(NOW - DAY, fields), snapshot(NOW - 2 * DAY)]
    expect(selectForRemoval(all, { keep_last: 1 }, NOW)).toEqual([all[2]])
  })

  test('what is not a snapshot to go back to does not count as the newest', () => {
    const all = [snapshot(NOW, { auto: true }), snapshot(NOW - 1, { state: 'creating' }), snapshot(NOW - DAY)]
    expect(selectForRemoval(all, { older_than_ms: 1 }, NOW)).toEqual([])
  })
})

describe('property', () => {
  const rule = fc.option(fc.nat(5), { nil: undefined })
  const rules: fc.Arbitrary<Retention> = fc.record({
    keep_last: rule,
    keep_hourly: rule,
    keep_daily: rule,
    keep_weekly: rule,
    older_than_ms: fc.option(fc.nat(20 * DAY), { nil: undefined }),
  })
  const shelf = fc
    .uniqueArray(fc.record({ age: fc.nat(60 * DAY), desk: fc.nat(2), safe: fc.boolean() }), {
      selector: ({ age }) => age,
    })
    .map((all) =>
      all.map(({ age, desk, safe }) =>
        snapshot(NOW - age, { protected: safe, source: { kind: 'box', id: `desk ${desk}`, name: 'desk' } }),
      ),
    )
  const newestFirst = (a: Snapshot, b: Snapshot) => Date.parse(b.created_at) - Date.parse(a.created_at)
  const bySource = (all: Snapshot[]) =>
    ['desk 0', 'desk 1', 'desk 2'].map((id) => all.filter(({ source }) => source.id === id).sort(newestFirst))

  test('never the newest of a source, never a protected one, keep_last n keeps the n newest', () => {
    fc.assert(
      fc.property(shelf, rules, (all, wanted) => {
        const gone = new Set(selectForRemoval(all, wanted, NOW))
        for (const ofOne of bySource(all)) {
          for (const spared of ofOne.slice(0, Math.max(1, wanted.keep_last ?? 0)))
            expect(gone.has(spared)).toBe(false)
        }
        for (const each of gone) {
          expect(each.protected).toBe(false)
          expect(NOW - Date.parse(each.created_at)).toBeGreaterThan(wanted.older_than_ms ?? -1)
        }
      }),
    )
  })

  test('a rule more never removes more; the order of the list does not matter', () => {
    fc.assert(
      fc.property(shelf, rules, rules, (all, some, more) => {
        const gone = selectForRemoval(all, some, NOW)
        expect(selectForRemoval([...all].reverse(), some, NOW)).toEqual(gone)
        const both = Object.fromEntries(
          Object.keys(some).map((key) => {
            const [a, b] = [some[key as keyof Retention], more[key as keyof Retention]]
            return [key, a === undefined && b === undefined ? undefined : Math.max(a ?? 0, b ?? 0)]
          }),
        )
        for (const each of selectForRemoval(all, both, NOW)) expect(gone).toContain(each)
      }),
    )
  })

  test('pruning twice with the keep rules removes nothing the second time', () => {
    fc.assert(
      fc.property(shelf, rules, (all, wanted) => {
        const gone = new Set(selectForRemoval(all, wanted, NOW))
        const left = all.filter((each) => !gone.has(each))
        expect(selectForRemoval(left, wanted, NOW)).toEqual([])
      }),
    )
  })
})

test('a rule of 0 is no rule', () => {
  expect(hasRule({})).toBe(false)
  expect(hasRule({ keep_last: 0, keep_weekly: 0 })).toBe(false)
  expect(hasRule({ keep_last: 0, older_than_ms: 1 })).toBe(true)
})
