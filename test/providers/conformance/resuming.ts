import { expect } from 'vitest'
import { killedAt, type Left, noted, resumeOf, resumes, taken } from './broken-off.ts'
import {
  all,
  broughtBack,
  type Check,
  context,
  createRequest,
  elsewhere,
  inPlace,
  restoreRequest,
  save,
  toNew,
} from './subject.ts'

export const resuming: Check[] = [
  {
    name: 'a create that was killed is seen through or did not begin, and is made once at the most',
    needs: resumes,
    async run(s) {
      // One that it could be taken for.
      await save(s)
      for (let n = 1; ; n++) {
        await s.tick()
        const request = createRequest(s, { name: `killed at ${n}` })
        const before = await all(s)
        const state = await s.state(s.source)
        const left = await killedAt(s, n, (ctx) => s.provider.create(request, ctx))
        if (!left) return expect(n).toBeGreaterThan(1)
        s.mutate()
        const found = await taken(resumeOf(s).create({ request, ...left }, context(left)))
        const fresh = (await all(s)).filter(({ id }) => !before.some((old) => old.id === id))
        expect(fresh).toEqual(found ? [found.snapshot] : [])
        if (!found) continue
        expect(found.snapshot).toMatchObject({ name: request.name, state: 'ready', source: s.source })
        if (!inPlace(s)) expect(await broughtBack(s, found.snapshot)).toBe(state)
      }
    },
  },
  {
    name: 'a create whose end nobody saw is found by whatever was put on record, and is not made again',
    needs: resumes,
    async run(s) {
      await s.tick()
      const request = createRequest(s, { name: 'unseen' })
      const { result, left } = await noted(s, (ctx) => s.provider.create(request, ctx))
      for (const each of left) {
        const found = await resumeOf(s).create({ request, ...each }, context(each))
        expect(found.snapshot).toEqual(result.snapshot)
      }
      expect(await all(s)).toEqual([result.snapshot])
    },
  },
  {
    name: 'a create that is killed before anything is on record has not begun',
    needs: resumes,
    async run(s) {
      await s.tick()
      const request = createRequest(s, { name: 'never' })
      const left = await killedAt(s, 1, (ctx) => s.provider.create(request, ctx))
      expect(left, 'something has to be on record before it is sent').toBeDefined()
      const lost = { ...(left as Left), facts: undefined }
      expect(await taken(resumeOf(s).create({ request, ...lost }, context(lost)))).toBeUndefined()
      // Had it begun, it would be there by the time that another one is.
      const next = await save(s)
      expect(await all(s)).toEqual([next])
    },
  },
  {
    name: 'a restore that is killed before anything is on record has not begun',
    needs: resumes,
    async run(s) {
      const saved = await save(s)
      s.mutate()
      const request = restoreRequest(s, saved)
      const plan = await s.provider.planRestore(request, context())
      const before = { state: await s.state(s.source), places: s.places?.() }
      const left = await killedAt(s, 1, (ctx) => s.provider.restore(plan, ctx))
      expect(left, 'something has to be on record before it is sent').toBeDefined()
      await save(s)
      expect({ state: await s.state(s.source), places: s.places?.() }).toEqual(before)
    },
  },
  {
    name: 'a restore to a new place that was killed is seen through or did not begin, and is made once at the most',
    needs: (s) => resumes(s) && toNew(s),
    async run(s) {
      const before = await s.state(s.source)
      const saved = await save(s)
      s.mutate()
      for (let n = 1; ; n++) {
        const request = restoreRequest(s, saved, elsewhere(s))
        const plan = await s.provider.planRestore(request, context())
        const there = s.places?.() ?? []
        const left = await killedAt(s, n, (ctx) => s.provider.restore(plan, ctx))
        if (!left) return expect(n).toBeGreaterThan(1)
        const found = await taken(resumeOf(s).restore({ request, ...left }, context(left)))
        const targets = found?.targets ?? []
        const fresh = (s.places?.() ?? []).filter((id) => !there.includes(id))
        expect(fresh).toEqual(targets.map(({ id }) => id))
        for (const target of targets) expect(await s.state(target)).toBe(before)
      }
    },
  },
  {
    name: 'a restore to a new place whose end nobody saw is found, and is not made again',
    needs: (s) => resumes(s) && toNew(s),
    async run(s) {
      const saved = await save(s)
      const request = restoreRequest(s, saved, elsewhere(s))
      const plan = await s.provider.planRestore(request, context())
      const { result, left } = await noted(s, (ctx) => s.provider.restore(plan, ctx))
      const there = s.places?.()
      for (const each of left) {
        const found = await resumeOf(s).restore({ request, ...each }, context(each))
        expect(found.targets?.map(({ id }) => id)).toEqual(result.targets?.map(({ id }) => id))
      }
      expect(s.places?.()).toEqual(there)
    },
  },
  {
    name: 'a restore in place that was killed is seen through or did not begin',
    needs: (s) => resumes(s) && inPlace(s),
    async run(s) {
      const before = await s.state(s.source)
      const saved = await save(s)
      for (let n = 1; ; n++) {
        s.mutate()
        const spoilt = await s.state(s.source)
        const request = restoreRequest(s, saved)
        const plan = await s.provider.planRestore(request, context())
        const left = await killedAt(s, n, (ctx) => s.provider.restore(plan, ctx))
        if (!left) return expect(n).toBeGreaterThan(1)
        // A part of it, such as a safety snapshot, may have been made: then the state is as it was all the same.
        const found = await taken(resumeOf(s).restore({ request, ...left }, context(left)), 'partial')
        expect(await s.state(s.source)).toBe(found ? before : spoilt)
      }
    },
  },
]
