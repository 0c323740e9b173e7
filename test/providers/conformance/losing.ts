import { expect } from 'vitest'
import {
  all,
  broughtBack,
  type Check,
  context,
  elsewhere,
  inPlace,
  native,
  remove,
  restore,
  type Subject,
  save,
  toNew,
} from './subject.ts'

const can = ({ loseAnswer }: Subject) => loseAnswer !== undefined

/** While this is done. */
async function withLoss<T>(s: Subject, work: () => Promise<T>): Promise<T> {
  const wasLost = s.loseAnswer?.()
  const result = await work()
  expect(wasLost?.(), 'an answer must really be lost').toBe(true)
  return result
}

/** The system has done what it was asked for, and the connection ends before it can say so. */
export const losing: Check[] = [
  {
    name: 'a create whose answer is lost is found, and not made again',
    needs: can,
    async run(s) {
      const state = await s.state(s.source)
      const saved = await withLoss(s, () => save(s))
      expect(saved.state).toBe('ready')
      expect(await all(s)).toEqual([saved])
      s.mutate()
      expect(await broughtBack(s, saved)).toBe(state)
    },
  },
  {
    name: 'a restore to a new place whose answer is lost is found, and not made again',
    needs: (s) => can(s) && toNew(s),
    async run(s) {
      const before = await s.state(s.source)
      const saved = await save(s)
      s.mutate()
      const there = s.places?.() ?? []
      const { targets = [] } = await withLoss(s, () => restore(s, saved, elsewhere(s)))
      expect(s.places?.()).toEqual([...there, ...targets.map(({ id }) => id)].sort())
      expect(await Promise.all(targets.map((target) => s.state(target)))).toEqual([before])
    },
  },
  {
    name: 'a restore in place with lost answers is seen through',
    needs: (s) => can(s) && inPlace(s),
    async run(s) {
      const before = await s.state(s.source)
      const saved = await save(s)
      s.mutate()
      // Once when what is there is saved, and once when it is written over.
      const lost: (() => boolean)[] = []
      const { safety_snapshot: safety } = await withLoss(s, () =>
        restore(s, saved, {}, { record: async () => void lost.push(s.loseAnswer!()) }),
      )
      expect(lost.map((wasLost) => wasLost())).toEqual(safety === undefined ? [] : [true])
      expect(await s.state(s.source)).toBe(before)
      const kept = (await all(s, { include_auto: true })).map(native)
      expect(kept.sort()).toEqual([native(saved), ...(safety === undefined ? [] : [safety])].sort())
    },
  },
  {
    name: 'a delete whose answer is lost is one',
    needs: can,
    async run(s) {
      const [gone, kept] = [await save(s), await save(s)]
      expect(await withLoss(s, () => remove(s, gone))).toMatchObject({ deleted: [native(gone)], failed: [] })
      expect(await all(s, { include_auto: true })).toEqual([await s.provider.get(native(kept), context())])
    },
  },
]
