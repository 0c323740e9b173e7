import { expect } from 'vitest'
import type { Source } from '../../../src/snapshots/model.ts'
import { refusal } from '../../snapshots/world.ts'
import {
  all,
  type Check,
  context,
  createRequest,
  elsewhere,
  everything,
  inPlace,
  restore,
  restoreRequest,
  type Subject,
  save,
  toNew,
  trash,
} from './subject.ts'

/** Makes a plan untrue in a way that the provider can see. */
const disturb = (s: Subject) => (s.disturb ?? s.mutate)()

/** What was there comes back, in the place where it was. */
export const restoring: Check[] = [
  {
    name: 'a plan to restore changes nothing, and its fingerprint follows the source',
    needs: inPlace,
    async run(s) {
      const saved = await save(s)
      s.mutate()
      const before = await everything(s)
      const plan = () => s.provider.planRestore(restoreRequest(s, saved), context())
      const first = await plan()
      expect(first).toMatchObject({ snapshot: { id: saved.id }, target: s.source })
      expect(first.summary).not.toBe('')
      expect((await plan()).fingerprint).toBe(first.fingerprint)
      expect(await everything(s)).toEqual(before)
      disturb(s)
      expect((await plan()).fingerprint).not.toBe(first.fingerprint)
    },
  },
  {
    name: 'a restore in place brings every byte back, and the safety snapshot what was there before',
    needs: inPlace,
    async run(s) {
      const before = await s.state(s.source)
      const saved = await save(s)
      s.mutate()
      const spoilt = await s.state(s.source)
      expect(spoilt, 'the subject must really change its source').not.toBe(before)

      const plan = await s.provider.planRestore(restoreRequest(s, saved), context())
      const recorded: { id: string; state: string }[] = []
      await s.tick()
      const result = await s.provider.restore(
        plan,
        context({
          record: async ({ safety_snapshot }) => {
            recorded.push({ id: safety_snapshot, state: await s.state(s.source) })
          },
        }),
      )
      expect(await s.state(s.source)).toBe(before)
      const { written, deleted } = result.changed ?? { written: 0, deleted: 0 }
      if (s.provider.capabilities.verifies) expect(written + deleted).toBeGreaterThan(0)
      if (trash(s)) expect(plan.reversible).toBe(result.safety_snapshot !== undefined)
      expect(plan.undo_until !== undefined).toBe(plan.reversible)
      if (plan.reversible) expect(result.safety_snapshot).toBeDefined()
      if (result.safety_snapshot === undefined) return

      // Recorded while the source still was as it had been: or a crash in between could not be undone.
      expect(recorded).toEqual([{ id: result.safety_snapshot, state: spoilt }])
      if (plan.reversible)
        expect(Date.parse(plan.undo_until ?? '')).toBeGreaterThan(Date.parse(saved.created_at))
      const safety = await s.provider.get(result.safety_snapshot, context())
      expect(safety).toMatchObject({ auto: true, state: 'ready', source: s.source })
      expect((await all(s)).map(({ id }) => id)).toEqual([saved.id])

      await restore(s, safety)
      expect(await s.state(s.source)).toBe(spoilt)
    },
  },
  {
    name: 'the verified digest is that of the restored state',
    needs: (s) => inPlace(s) && s.provider.capabilities.verifies,
    async run(s) {
      const one = await save(s)
      s.mutate()
      const two = await save(s)
      const first = await restore(s, one)
      const second = await restore(s, two)
      const again = await restore(s, one)
      expect(first.verified?.digest).not.toBe(second.verified?.digest)
      expect(again.verified).toEqual(first.verified)
    },
  },
  {
    name: 'a plan that is no longer true is refused, and nothing changes',
    needs: inPlace,
    async run(s) {
      const saved = await save(s)
      s.mutate()
      const plan = await s.provider.planRestore(restoreRequest(s, saved), context())
      disturb(s)
      const before = await everything(s)
      const problem = await refusal(s.provider.restore(plan, context()), 'PLAN_STALE')
      expect(problem.outcome).toBe('not_started')
      expect(await everything(s)).toEqual(before)
    },
  },
  {
    name: 'a restore of one path leaves the others as they are',
    needs: (s) => inPlace(s) && s.provider.capabilities.paths,
    async run(s) {
      const saved = await save(s)
      const kinds = [...s.mutate()]
      const [modified] = kinds.filter(([, kind]) => kind === 'modified').map(([path]) => path) as [string]
      const others = kinds.map(([path]) => path).filter((path) => path !== modified)
      const peek = (path: string) => s.peek?.(s.source, path)
      const now = peek(modified)
      const left = others.map(peek)
      await restore(s, saved, { paths: [modified] })
      expect(peek(modified)).not.toBe(now)
      expect(others.map(peek)).toEqual(left)
    },
  },
  {
    name: 'a way of restoring that there is not is refused, and nothing changes',
    needs: (s) => !inPlace(s) || !toNew(s),
    async run(s) {
      const saved = await save(s)
      const before = await everything(s)
      const other = restoreRequest(s, saved, { mode: inPlace(s) ? 'new' : 'in_place' })
      await refusal(s.provider.planRestore(other, context()), 'UNSUPPORTED')
      expect(await everything(s)).toEqual(before)
    },
  },
  {
    name: 'a restore in place that was cancelled before it began changes nothing',
    needs: inPlace,
    async run(s) {
      const saved = await save(s)
      s.mutate()
      const plan = await s.provider.planRestore(restoreRequest(s, saved), context())
      const before = await everything(s)
      await refusal(s.provider.restore(plan, context({ signal: AbortSignal.abort() })), 'CANCELLED')
      expect(await everything(s)).toEqual(before)
    },
  },
  {
    name: 'progress is told while it runs, and rises strictly',
    needs: (s) => 'bulky' in s,
    async run(s) {
      const collect = () => {
        const told: number[] = []
        return { told, ctx: context({ progress: (done) => void told.push(done) }) }
      }
      const risesStrictly = (told: number[]) => {
        expect(told.length).toBeGreaterThan(0)
        told.slice(1).forEach((done, n) => {
          expect(done).toBeGreaterThan(told[n] as number)
        })
      }
      const source = s.bulky as Source
      const creating = collect()
      const request = createRequest(s, { source, name: 'bulky' })
      const { snapshot } = await s.provider.create(request, creating.ctx)
      risesStrictly(creating.told)
      if (!toNew(s)) return
      const plan = await s.provider.planRestore(restoreRequest(s, snapshot, elsewhere(s)), context())
      const restoring = collect()
      await s.provider.restore(plan, restoring.ctx)
      risesStrictly(restoring.told)
    },
  },
]
