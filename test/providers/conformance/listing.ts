import { expect } from 'vitest'
import { type Snapshot, SourceItem } from '../../../src/snapshots/model.ts'
import { refusal } from '../../snapshots/world.ts'
import { CHANGES } from './changes.ts'
import {
  all,
  type Check,
  can,
  context,
  everything,
  keeps,
  named,
  native,
  restoreRequest,
  type Subject,
  save,
} from './subject.ts'

const ids = (snapshots: Snapshot[]) => snapshots.map(({ id }) => id)

/** Well-formed, of this provider, and found by nobody. */
const UNKNOWN = ['0'.repeat(32), '999999999', 'no-such-snapshot', '..%2f..', `${'f'.repeat(199)}`]

export const listing: Check[] = [
  {
    name: 'list has the newest first, and each filter finds exactly what it names',
    async run(s) {
      const one = await save(s, { name: 'Before the move' })
      const two = await save(s, { name: 'after' })
      const three = await save(s, { name: 'later' })
      const find = async (query: Parameters<typeof all>[1]) => ids(await all(s, query))
      expect(await find({})).toEqual(ids([three, two, one]))
      expect(await find({ name: named(s, 'the move') })).toEqual(ids([one]))
      expect(await find({ name: 'nothing is called that' })).toEqual([])
      expect(await find({ created_after: one.created_at })).toEqual(ids([three, two]))
      expect(await find({ created_before: two.created_at })).toEqual(ids([one]))
      expect(await find({ state: 'ready' })).toEqual(ids([three, two, one]))
      expect(await find({ state: 'failed' })).toEqual([])
      expect(await find({ source: s.source })).toEqual(ids([three, two, one]))
      expect(await find({ source: { ...s.source, id: `${s.source.id}-not` } })).toEqual([])
    },
  },
  {
    name: 'a filter by labels finds what has all of them',
    needs: keeps('labels'),
    async run(s) {
      const one = await save(s, { labels: { team: 'blue', step: '1' } })
      const two = await save(s, { labels: { team: 'blue' } })
      await save(s)
      const find = async (labels: Record<string, string>) => ids(await all(s, { labels }))
      expect(await find({ team: 'blue' })).toEqual(ids([two, one]))
      expect(await find({ team: 'blue', step: '1' })).toEqual(ids([one]))
      expect(await find({ team: 'red' })).toEqual([])
    },
  },
  {
    name: 'snapshots of one source are not those of another',
    needs: ({ other }) => other !== undefined,
    async run(s) {
      const other = s.other as NonNullable<Subject['other']>
      const mine = await save(s)
      const theirs = await save(s, { source: other })
      expect(ids(await all(s, { source: s.source }))).toEqual(ids([mine]))
      expect(ids(await all(s, { source: other }))).toEqual(ids([theirs]))
    },
  },
  {
    name: 'every page size yields each snapshot once, in the same order',
    async run(s) {
      const saved: Snapshot[] = []
      for (let n = 0; n < 5; n++) saved.unshift(await save(s, { name: `number ${n}` }))
      for (const limit of [1, 2, 3, 4, 5, 6]) expect(ids(await all(s, { limit }))).toEqual(ids(saved))
    },
  },
  {
    name: 'a page is not disturbed by what happens between two calls',
    async run(s) {
      const old = await save(s)
      const young = await save(s)
      const query = { include_auto: false, include_trashed: false, limit: 1 }
      const first = await s.provider.list(query, context())
      expect(ids(first.items)).toEqual([young.id])
      await save(s)
      const second = await s.provider.list({ ...query, cursor: first.next as string }, context())
      expect(ids(second.items)).toEqual([old.id])
    },
  },
  {
    name: 'lists are whole, however little of them the system gives at once',
    needs: ({ crowd }) => crowd !== undefined,
    async run(s) {
      const expected = s.crowd?.()
      expect({
        snapshots: new Set(ids(await all(s, { include_auto: true }))).size,
        sources: new Set(await allSources(s, 100)).size,
      }).toEqual(expected)
    },
  },
  {
    name: 'an unknown snapshot is NOT_FOUND for every call that names one, and nothing changes',
    async run(s) {
      const saved = await save(s)
      const before = await everything(s)
      const { provider } = s
      const { [can(s).update[0] ?? 'name']: change } = CHANGES
      for (const id of UNKNOWN) {
        await refusal(provider.get(id, context()), 'NOT_FOUND')
        await refusal(provider.planRestore(restoreRequest(s, { id: `x:${id}` }), context()), 'NOT_FOUND')
        await refusal(provider.planDelete([native(saved), id], context()), 'NOT_FOUND')
        if (provider.update) await refusal(provider.update(id, change, context()), 'NOT_FOUND')
        if (provider.undelete) await refusal(provider.undelete([id], context()), 'NOT_FOUND')
        if (!provider.diff) continue
        const pages = { limit: 10, content: false }
        await refusal(provider.diff({ from: id, ...pages }, context()), 'NOT_FOUND')
        await refusal(provider.diff({ from: native(saved), to: id, ...pages }, context()), 'NOT_FOUND')
      }
      expect(await everything(s)).toEqual(before)
    },
  },
  {
    name: 'what sources lists can be captured as it is written there',
    async run(s) {
      const { items } = await s.provider.sources({ limit: 100 }, context())
      for (const item of items) expect(SourceItem.parse(item)).toEqual(item)
      const item = items.find(({ id }) => id === s.source.id) as SourceItem
      expect(s.provider.capabilities.source_kinds).toContain(item.kind)
      expect(await s.provider.resolveSource(item.source, context())).toEqual(s.source)
      const found = await s.provider.sources({ limit: 100, query: s.source.name }, context())
      expect(found.items.map(({ id }) => id)).toContain(s.source.id)
      const nothing = await s.provider.sources({ limit: 100, query: 'no source is called that' }, context())
      expect(nothing.items).toEqual([])
      expect(await allSources(s, 1)).toEqual(items.map(({ id }) => id))
    },
  },
]

async function allSources(s: Subject, limit: number): Promise<string[]> {
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await s.provider.sources({ limit, ...(cursor && { cursor }) }, context())
    if (page.next !== undefined) expect(page.items).toHaveLength(limit)
    seen.push(...page.items.map(({ id }) => id))
    cursor = page.next
  } while (cursor !== undefined)
  return seen
}
