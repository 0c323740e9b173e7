import { expect } from 'vitest'
import { Receipt, Snapshot } from '../../../src/snapshots/model.ts'
import { refusal } from '../../snapshots/world.ts'
import {
  all,
  type Check,
  canUpdate,
  context,
  createRequest,
  everything,
  inPlace,
  native,
  save,
} from './subject.ts'

export const saving: Check[] = [
  {
    name: 'create gives a ready snapshot that says what was asked for, and leaves the source alone',
    async run(s) {
      const before = await everything(s)
      const request = createRequest(s, { name: 'first', note: 'why', labels: { team: 'blue' } })
      const saved = await save(s, request)
      expect(Snapshot.parse(saved)).toEqual(saved)
      expect(saved.id.startsWith(`${s.provider.name}:`)).toBe(true)
      expect(saved).toMatchObject({
        provider: s.provider.name,
        ...request,
        state: 'ready',
        auto: false,
        protected: false,
      })
      expect(saved.captures.length).toBeGreaterThan(0)
      for (const capture of saved.captures) expect(s.provider.capabilities.captures).toContain(capture)
      expect(await s.provider.get(native(saved), context())).toEqual(saved)
      expect(await all(s)).toEqual([saved])
      const { states, places } = await everything(s)
      expect({ states, places }).toEqual({ states: before.states, places: before.places })
    },
  },
  {
    name: 'a receipt, when there is one, counts what was captured',
    async run(s) {
      const { receipt } = await s.provider.create(createRequest(s, { name: 'counted' }), context())
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
      expect(new Set(saved.map(({ id }) => id)).size).toBe(3)
    },
  },
  {
    name: 'what is asked to be kept is marked so, and what the server made for safety is shown on request',
    needs: (s) => canUpdate('protected')(s) && inPlace(s),
    async run(s) {
      const auto = await save(s, { name: 'safety', auto: true })
      const kept = await save(s, { name: 'kept', protected: true })
      expect([auto.auto, auto.protected]).toEqual([true, false])
      expect([kept.auto, kept.protected]).toEqual([false, true])
      expect(await all(s)).toEqual([kept])
      expect(await all(s, { include_auto: true })).toEqual([kept, auto])
    },
  },
  {
    name: 'a plan to create changes nothing, and what it needs agreement to has a reason',
    needs: ({ provider }) => provider.planCreate !== undefined,
    async run(s) {
      const before = await everything(s)
      const plan = await s.provider.planCreate?.(createRequest(s), context())
      if (plan) expect(plan.summary).not.toBe('')
      expect(await everything(s)).toEqual(before)
    },
  },
  {
    name: 'a healthy provider says so, and its optional methods are exactly its capabilities',
    async run({ provider }) {
      expect(await provider.health(context())).toMatchObject({ healthy: true })
      const { deletion, diff, update, consistency, restore_modes, captures } = provider.capabilities
      const { names, recipes, source_kinds } = provider.capabilities
      expect(provider.contract).toBe(1)
      expect(provider.undelete !== undefined).toBe(deletion === 'trash')
      expect(provider.diff !== undefined).toBe(diff)
      expect(provider.update !== undefined).toBe(update.length > 0)
      expect(restore_modes.length).toBeGreaterThan(0)
      expect(captures.length).toBeGreaterThan(0)
      expect(source_kinds).toEqual(expect.arrayContaining([...recipes]))
      expect(consistency).toMatch(/\w+ .*\.$/)
      if (names) expect('').not.toMatch(new RegExp(`^(?:${names.pattern})$`))
    },
  },
  {
    name: 'a create that was cancelled before it began leaves nothing behind',
    async run(s) {
      const before = await everything(s)
      const create = s.provider.create(
        createRequest(s, { name: 'never' }),
        context({ signal: AbortSignal.abort() }),
      )
      const problem = await refusal(create, 'CANCELLED')
      expect(problem.outcome).toBe('not_started')
      expect(await everything(s)).toEqual(before)
    },
  },
]
