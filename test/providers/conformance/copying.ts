import { expect } from 'vitest'
import type { Source } from '../../../src/snapshots/model.ts'
import { refusal } from '../../snapshots/world.ts'
import {
  all,
  broughtBack,
  type Check,
  context,
  elsewhere,
  everything,
  restore,
  restoreRequest,
  save,
  toNew,
} from './subject.ts'

/** What was there is made once more, beside what is there now. */
export const copying: Check[] = [
  {
    name: 'a restore to a new place makes an equal copy and leaves the source alone',
    needs: toNew,
    async run(s) {
      const before = await s.state(s.source)
      const saved = await save(s)
      s.mutate()
      const spoilt = await s.state(s.source)
      expect(spoilt, 'the subject must really change its source').not.toBe(before)
      const there = s.places?.()
      const result = await restore(s, saved, elsewhere(s))
      expect(await s.state(s.source)).toBe(spoilt)
      expect(result.safety_snapshot).toBeUndefined()
      const [copy, ...more] = result.targets ?? []
      expect(more).toEqual([])
      expect(await s.state(copy as Source)).toBe(before)
      if (there) expect(s.places?.()).toEqual([...there, copy?.id].sort())
      // It is still there to be restored once more, and is nobody else's by now.
      expect((await all(s)).map(({ id }) => id)).toEqual([saved.id])
      const again = await restore(s, saved, elsewhere(s))
      expect(again.targets?.[0]?.id).not.toBe(copy?.id)
      expect(await s.state(again.targets?.[0] as Source)).toBe(before)
    },
  },
  {
    name: 'a plan for a new place makes nothing there',
    needs: toNew,
    async run(s) {
      const saved = await save(s)
      const before = await everything(s)
      const request = restoreRequest(s, saved, elsewhere(s))
      const plan = await s.provider.planRestore(request, context())
      // Had the plan made it, the second would find the place taken.
      expect(await s.provider.planRestore(request, context())).toEqual(plan)
      expect(await everything(s)).toEqual(before)
    },
  },
  {
    name: 'several copies in one call are several equal copies',
    needs: (s) => toNew(s) && s.provider.capabilities.count,
    async run(s) {
      const before = await s.state(s.source)
      const saved = await save(s)
      const { targets = [] } = await restore(s, saved, { ...elsewhere(s), count: 3 })
      expect(new Set(targets.map(({ id }) => id)).size).toBe(3)
      for (const target of targets) expect(await s.state(target)).toBe(before)
    },
  },
  {
    name: 'a place that is taken is refused and keeps what it holds',
    needs: (s) => toNew(s) && s.occupied !== undefined,
    async run(s) {
      const saved = await save(s)
      const before = await everything(s)
      const request = restoreRequest(s, saved, { mode: 'new', to: s.occupied as string })
      await refusal(s.provider.planRestore(request, context()), 'ALREADY_EXISTS')
      expect(await everything(s)).toEqual(before)
    },
  },
  {
    name: 'a restore to a new place that was cancelled before it began makes nothing',
    needs: toNew,
    async run(s) {
      const saved = await save(s)
      const request = restoreRequest(s, saved, elsewhere(s))
      const plan = await s.provider.planRestore(request, context())
      const before = await everything(s)
      await refusal(s.provider.restore(plan, context({ signal: AbortSignal.abort() })), 'CANCELLED')
      expect(await s.provider.planRestore(request, context())).toEqual(plan)
      expect(await everything(s)).toEqual(before)
    },
  },
  {
    name: 'what is only read, such as an image, is captured several times at once, and makes nothing else',
    needs: ({ recipe }) => recipe !== undefined,
    async run(s) {
      const source = s.recipe as Source
      expect(s.provider.capabilities.recipes).toContain(source.kind)
      const there = s.places?.()
      const saved = await Promise.all(['one', 'two'].map((name) => save(s, { name, source })))
      for (const each of saved) expect(each).toMatchObject({ state: 'ready', source })
      expect(new Set((await all(s, { source })).map(({ id }) => id))).toEqual(
        new Set(saved.map(({ id }) => id)),
      )
      expect(s.places?.()).toEqual(there)
      const [first, second] = await Promise.all(saved.map((each) => broughtBack(s, each)))
      expect(first).toBe(second)
    },
  },
]
