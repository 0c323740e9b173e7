import { expect } from 'vitest'
import { refusal } from '../../snapshots/world.ts'
import {
  all,
  broughtBack,
  type Check,
  canUpdate,
  context,
  everything,
  native,
  remove,
  save,
  trash,
} from './subject.ts'

export const deleting: Check[] = [
  {
    name: 'a plan to delete changes nothing',
    async run(s) {
      const saved = await save(s)
      const before = await everything(s)
      const plan = await s.provider.planDelete([native(saved)], context())
      expect(plan.snapshots.map(({ id }) => id)).toEqual([saved.id])
      expect(plan.reversible).toBe(trash(s))
      expect(plan.undo_until !== undefined).toBe(trash(s))
      expect(await everything(s)).toEqual(before)
    },
  },
  {
    name: 'a delete takes the snapshot and nothing else: the source lives, the others restore',
    async run(s) {
      const first = await s.state(s.source)
      const older = await save(s)
      s.mutate()
      const second = await s.state(s.source)
      const doomed = await save(s)
      const younger = await save(s)
      s.mutate()
      const live = await s.state(s.source)
      const there = s.places?.()

      expect(await remove(s, doomed)).toMatchObject({ deleted: [native(doomed)], failed: [] })
      expect(await s.state(s.source)).toBe(live)
      expect(s.places?.()).toEqual(there)
      expect((await all(s)).map(({ id }) => id)).toEqual([younger.id, older.id])
      expect(await broughtBack(s, older)).toBe(first)
      expect(await broughtBack(s, younger)).toBe(second)
    },
  },
  {
    name: 'a permanent delete is one',
    needs: (s) => !trash(s),
    async run(s) {
      const saved = await save(s)
      await remove(s, saved)
      await refusal(s.provider.get(native(saved), context()), 'NOT_FOUND')
      expect(await all(s, { include_auto: true, include_trashed: true })).toEqual([])
    },
  },
  {
    name: 'what is in the trash is listed on request, and comes back whole',
    needs: trash,
    async run(s) {
      const before = await s.state(s.source)
      const saved = await save(s)
      await remove(s, saved)
      s.mutate()
      expect(await all(s)).toEqual([])
      const [trashed] = await all(s, { include_trashed: true })
      expect(trashed).toMatchObject({ id: saved.id, state: 'trashed' })
      expect(await all(s, { include_trashed: true, state: 'trashed' })).toEqual([trashed])
      expect(await s.provider.get(native(saved), context())).toEqual(trashed)

      expect(await s.provider.undelete?.([native(saved)], context())).toEqual([saved])
      expect(await all(s)).toEqual([saved])
      expect(await broughtBack(s, saved)).toBe(before)
    },
  },
  {
    name: 'several are deleted in one call, or none when one of them cannot be',
    async run(s) {
      const [one, two, three] = [await save(s), await save(s), await save(s)]
      const kept = await save(s, { protected: true })
      const before = await everything(s)
      if (kept.protected) await refusal(remove(s, one, kept), 'PROTECTED')
      await refusal(remove(s, one, { ...two, id: 'x:no-such-snapshot' }), 'NOT_FOUND')
      expect(await everything(s)).toEqual(before)
      const { deleted } = await remove(s, one, three)
      expect(deleted).toEqual([native(one), native(three)])
      expect((await all(s)).map(({ id }) => id)).toEqual([kept.id, two.id])
    },
  },
  {
    name: 'what became protected after the plan was made is not deleted',
    needs: canUpdate('protected'),
    async run(s) {
      const saved = await save(s)
      const plan = await s.provider.planDelete([native(saved)], context())
      await s.provider.update?.(native(saved), { protected: true }, context())
      const { deleted, failed } = await s.provider.delete(plan, context())
      expect(deleted).toEqual([])
      expect(failed).toMatchObject([{ snapshot: native(saved), code: 'PROTECTED' }])
      expect(await s.provider.get(native(saved), context())).toMatchObject({
        state: 'ready',
        protected: true,
      })
    },
  },
  {
    name: 'what somebody else has deleted since the plan was made counts as deleted',
    needs: (s) => !trash(s),
    async run(s) {
      const [one, two] = [await save(s), await save(s)]
      const plan = await s.provider.planDelete([one, two].map(native), context())
      await remove(s, one)
      expect(await s.provider.delete(plan, context())).toMatchObject({
        deleted: [one, two].map(native),
        failed: [],
      })
    },
  },
  {
    name: 'a delete that was cancelled before it began deletes nothing',
    async run(s) {
      const saved = await save(s)
      const plan = await s.provider.planDelete([native(saved)], context())
      const before = await everything(s)
      await refusal(s.provider.delete(plan, context({ signal: AbortSignal.abort() })), 'CANCELLED')
      expect(await everything(s)).toEqual(before)
    },
  },
]
