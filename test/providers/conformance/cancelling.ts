import { expect } from 'vitest'
import { cancelledAt, resumeOf, resumes } from './broken-off.ts'
import { all, type Check, context, createRequest, elsewhere, restoreRequest, save, toNew } from './subject.ts'

/** So many signs of life are tried; what comes after them is more of the same. */
const SIGNS = 6

/** What a caller no longer waits for goes on at the vendor: nothing of it is taken back, and nothing is lost. */
export const cancelling: Check[] = [
  {
    name: 'a create that is cancelled on its way says whether it began, and what began is found later',
    needs: resumes,
    async run(s) {
      let cancelled = 0
      for (let n = 1; n <= SIGNS; n++) {
        await s.tick()
        const request = createRequest(s, { name: `cancelled at ${n}` })
        const left = await cancelledAt(s, n, (ctx) => s.provider.create(request, ctx))
        if (!left) break
        cancelled++
        const found = left.begun ? await resumeOf(s).create({ request, ...left }, context(left)) : undefined
        const made = (await all(s)).filter(({ name }) => name === request.name)
        expect(made, `cancelled at ${n}`).toEqual(found ? [found.snapshot] : [])
      }
      expect(cancelled).toBeGreaterThan(0)
    },
  },
  {
    name: 'a restore to a new place that is cancelled on its way says whether it began, and what began is found later',
    needs: (s) => resumes(s) && toNew(s),
    async run(s) {
      const before = await s.state(s.source)
      const saved = await save(s)
      s.mutate()
      let cancelled = 0
      for (let n = 1; n <= SIGNS; n++) {
        const request = restoreRequest(s, saved, elsewhere(s))
        const plan = await s.provider.planRestore(request, context())
        const there = s.places?.() ?? []
        const left = await cancelledAt(s, n, (ctx) => s.provider.restore(plan, ctx))
        if (!left) break
        cancelled++
        const found = left.begun ? await resumeOf(s).restore({ request, ...left }, context(left)) : undefined
        const targets = found?.targets ?? []
        const fresh = (s.places?.() ?? []).filter((id) => !there.includes(id))
        expect(fresh, `cancelled at ${n}`).toEqual(targets.map(({ id }) => id))
        for (const target of targets) expect(await s.state(target)).toBe(before)
      }
      expect(cancelled).toBeGreaterThan(0)
    },
  },
]
