import { expect } from 'vitest'
import { Receipt, Snapshot, SourceItem } from '../../../src/snapshots/model.ts'
import { refusal } from '../../snapshots/world.ts'
import {
  all,
  type Check,
  context,
  everything,
  native,
  restoreRequest,
  type Subject,
  save,
} from './subject.ts'

const ids = (snapshots: Snapshot[]) => snapshots.map(({ id }) => id)

/** Well-formed, of this provider, and found by nobody. */
const UNKNOWN = ['0'.repeat(32), '999999999', 'no-such-snapshot', '..%2f..', `${'f'.repeat(199)}`]

export const saving: Check[] = [
  {
    name: 'create gives a ready snapshot that says what was asked for, and leaves the source alone',
    async run(s) {
      const before = await s.state(s.source)
      const saved = await save(s, { name: 'first', note: 'why', labels: { team: 'blue' } })
      expect(Snapshot.parse(saved)).toEqual(saved)
      expect(saved.id.startsWith(`${s.provider.name}:`)).toBe(true)
      expect(saved).toMatchObject({
        provider: s.provider.name,
        name: 'first',
        note: 'why',
        labels: { team: 'blue' },
        source: s.source,
        state: 'ready',
        auto: false,
        protected: false,
      })
      for (const capture of saved.captures) expect(s.provider.capabilities.captures).toContain(capture)
      expect(await s.provider.get(native(saved), context())).toEqual(saved)
      expect(await s.state(s.source)).toBe(before)
    },
  },
  {
    name: 'a receipt, when there is one, counts what was captured',
    async run(s) {
      const request = { source: s.source, name: 'counted', labels: {}, auto: false, protected: false }
      const { receipt } = await s.provider.create(request, context())
      if (!receipt) return
      expect(Receipt.parse(receipt)).toEqual(receipt)
      expect(receipt.files).toBeGreaterThan(0)
      expect(receipt.bytes_captured + receipt.bytes_reused).toBeGreaterThan(0)
    },
  },
  {
    name: 'every snapshot has an id of its own, also of an unchanged source',
    async run(s) {
      const saved = [await save(s), await save(s), await save(s)]
      expect(new Set(ids(saved)).size).toBe(3)
    },
  },
  {
    name: 'list has the newest first, and each filter finds exactly what it names',
    async run(s) {
      const one = await save(s, { name: 'Before the move', labels: { team: 'blue', step: '1' } })
      const two = await save(s, { name: 'after', labels: { team: 'blue' } })
      const auto = await save(s, { name: 'safety', auto: true })
      const kept = await save(s, { name: 'kept', protected: true })
      expect(ids(await all(s))).toEqual(ids([kept, two, one]))
      expect(ids(await all(s, { include_auto: true }))).toEqual(ids([kept, auto, two, one]))
      expect(auto.auto).toBe(true)
      expect(kept.protected).toBe(true)

      const find = async (query: Parameters<typeof all>[1]) => ids(await all(s, query))
      expect(await find({ name: 'the move' })).toEqual(ids([one]))
      expect(await find({ name: 'nothing is called that' })).toEqual([])
      expect(await find({ labels: { team: 'blue' } })).toEqual(ids([two, one]))
      expect(await find({ labels: { team: 'blue', step: '1' } })).toEqual(ids([one]))
      expect(await find({ labels: { team: 'red' } })).toEqual([])
      expect(await find({ created_after: one.created_at })).toEqual(ids([kept, two]))
      expect(await find({ created_before: two.created_at })).toEqual(ids([one]))
      expect(await find({ state: 'ready' })).toEqual(ids([kept, two, one]))
      expect(await find({ state: 'failed' })).toEqual([])
      expect(await find({ source: s.source })).toEqual(ids([kept, two, one]))
      expect(await find({ source: { ...s.source, id: `${s.source.id}-not` } })).toEqual([])
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
    name: 'an unknown snapshot is NOT_FOUND for every call that names one, and nothing changes',
    async run(s) {
      const saved = await save(s)
      const before = await everything(s)
      const { provider } = s
      for (const id of UNKNOWN) {
        await refusal(provider.get(id, context()), 'NOT_FOUND')
        await refusal(
          provider.planRestore(restoreRequest({ ...saved, id: `x:${id}` }), context()),
          'NOT_FOUND',
        )
        await refusal(provider.planDelete([native(saved), id], context()), 'NOT_FOUND')
        if (provider.update) await refusal(provider.update(id, { name: 'x' }, context()), 'NOT_FOUND')
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

      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = await s.provider.sources({ limit: 1, ...(cursor && { cursor }) }, context())
        seen.push(...page.items.map(({ id }) => id))
        cursor = page.next
      } while (cursor !== undefined && seen.length <= items.length)
      expect(seen).toEqual(items.map(({ id }) => id))
    },
  },
  {
    name: 'a healthy provider says so, and its optional methods are exactly its capabilities',
    async run({ provider }) {
      expect(await provider.health(context())).toMatchObject({ healthy: true })
      const { deletion, diff, update, consistency, restore_modes } = provider.capabilities
      expect(provider.contract).toBe(1)
      expect(provider.undelete !== undefined).toBe(deletion === 'trash')
      expect(provider.diff !== undefined).toBe(diff)
      expect(provider.update !== undefined).toBe(update.length > 0)
      expect(restore_modes.length).toBeGreaterThan(0)
      expect(consistency).toMatch(/\w+ .*\.$/)
    },
  },
  {
    name: 'a create that was cancelled before it began leaves nothing behind',
    async run(s) {
      const before = await everything(s)
      const request = { source: s.source, name: 'never', labels: {}, auto: false, protected: false }
      await refusal(s.provider.create(request, context({ signal: AbortSignal.abort() })), 'CANCELLED')
      expect(await everything(s)).toEqual(before)
    },
  },
]
