import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fail } from '../../src/snapshots/errors.ts'
import { mergePages, type Stream } from '../../src/snapshots/paging.ts'
import { refusal } from './world.ts'

interface Item {
  from: string
  rank: number
}

function stream(provider: string, ranks: number[], pageSize: number): Stream<Item> {
  const all = [...ranks].sort((a, b) => a - b).map((rank) => ({ from: provider, rank }))
  return {
    provider,
    async fetch(cursor = '0') {
      const end = Number(cursor) + pageSize
      return { items: all.slice(Number(cursor), end), ...(end < all.length && { next: String(end) }) }
    },
  }
}

const compare = (a: Item, b: Item) => a.rank - b.rank || (a.from < b.from ? -1 : 1)

const broken = (provider: string): Stream<Item> => ({
  provider,
  fetch: () => Promise.reject(fail('NETWORK', 'Down.', 'Try again.')),
})

async function readAll(streams: Stream<Item>[], limits: number[]) {
  const items: Item[] = []
  let cursor: string | undefined
  let page = 0
  do {
    const limit = limits[page++ % limits.length] as number
    const merged = await mergePages({ streams, compare, limit, cursor, filters: 'same' })
    expect(merged.items.length).toBeLessThanOrEqual(limit)
    items.push(...merged.items)
    cursor = merged.next_cursor
  } while (cursor !== undefined)
  return { items, pages: page }
}

test('pages of any size, read to the end, are the sorted whole: nothing lost, nothing twice', async () => {
  const ranks = fc.array(fc.nat(30), { maxLength: 25 })
  const sizes = fc.integer({ min: 1, max: 7 })
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(ranks, ranks, ranks),
      fc.tuple(sizes, sizes, sizes),
      fc.array(sizes, { minLength: 1, maxLength: 4 }),
      async (lists, pageSizes, limits) => {
        const streams = lists.map((list, index) => stream(`p${index}`, list, pageSizes[index] as number))
        const whole = lists
          .flatMap((list, index) => list.map((rank) => ({ from: `p${index}`, rank })))
          .sort(compare)
        expect((await readAll(streams, limits)).items).toEqual(whole)
      },
    ),
  )
})

test('there is no cursor after the last item', async () => {
  expect(await readAll([stream('a', [1, 2, 3, 4], 2)], [2])).toMatchObject({ pages: 2 })
  expect(await mergePages({ streams: [], compare, limit: 5, filters: 0 })).toEqual({ items: [] })
})

describe('a provider that fails', () => {
  test('is reported on every page and does not hide the others', async () => {
    const streams = [broken('down'), stream('up', [1, 2, 3], 5)]
    const first = await mergePages({ streams, compare, limit: 2, filters: 0 })
    expect(first.items.map(({ rank }) => rank)).toEqual([1, 2])
    expect(first.errors).toEqual([{ provider: 'down', code: 'NETWORK', message: 'Down.', retryable: true }])
    const last = await mergePages({ streams, compare, limit: 2, filters: 0, cursor: first.next_cursor })
    expect(last).toMatchObject({ items: [{ rank: 3 }], errors: [{ provider: 'down' }] })
    expect(last.next_cursor).toBeUndefined()
  })

  test('keeps its place: the next page has what it held', async () => {
    const up = stream('up', [1, 4], 1)
    const first = await mergePages({ streams: [broken('shaky'), up], compare, limit: 1, filters: 0 })
    const healed = [stream('shaky', [2, 3], 1), up]
    const next = await mergePages({
      streams: healed,
      compare,
      limit: 9,
      filters: 0,
      cursor: first.next_cursor,
    })
    expect(next.items.map(({ rank }) => rank)).toEqual([2, 3, 4])
  })

  test('alone is the error of the call', async () => {
    await refusal(mergePages({ streams: [broken('down')], compare, limit: 2, filters: 0 }), 'NETWORK')
  })

  test('by never ending is stopped', async () => {
    const endless: Stream<Item> = { provider: 'loop', fetch: async () => ({ items: [], next: 'again' }) }
    await refusal(mergePages({ streams: [endless], compare, limit: 2, filters: 0 }), 'PROVIDER_BUG')
  })
})

describe('a cursor', () => {
  const streams = [stream('a', [1, 2, 3], 2)]

  test('belongs to its filters', async () => {
    const { next_cursor: cursor } = await mergePages({ streams, compare, limit: 1, filters: { name: 'x' } })
    const call = (filters: unknown) => mergePages({ streams, compare, limit: 1, filters, cursor })
    await refusal(call({ name: 'y' }), 'INVALID_ARGUMENT')
    expect((await call({ name: 'x' })).items).toMatchObject([{ rank: 2 }])
  })

  test('that was made up is INVALID_ARGUMENT', async () => {
    const { next_cursor = '' } = await mergePages({ streams, compare, limit: 1, filters: 0 })
    const parts = JSON.parse(Buffer.from(next_cursor, 'base64url').toString())
    const forged = [
      { ...parts, v: 2 },
      { ...parts, extra: 1 },
      { ...parts, positions: { a: { used: -1 } } },
      { ...parts, positions: { a: { used: 0.5 } } },
      { ...parts, positions: { a: { used: 0, at: 1 } } },
      { ...parts, positions: [] },
    ]
    const texts = forged.map((each) => Buffer.from(JSON.stringify(each)).toString('base64url'))
    for (const cursor of ['x', '!!!', 'bnVsbA', ...texts]) {
      await refusal(mergePages({ streams, compare, limit: 1, filters: 0, cursor }), 'INVALID_ARGUMENT')
    }
  })
})
