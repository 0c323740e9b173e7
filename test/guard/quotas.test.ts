import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Policy } from '../../src/guard/policy.ts'
import { createQuotas } from '../../src/guard/quotas.ts'
import { createFileStore } from '../../src/state/file-store.ts'
import { caller, NOON, refusal, temporaryDirectory } from '../snapshots/world.ts'
import { aSnapshot, createDesk, granted, replied } from './desk.ts'
import { createLocklessStore } from './lockless-store.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const limited = (quotas: NonNullable<Policy['quotas']>): Policy => ({
  read_only: false,
  delete: 'permanent',
  quotas,
})

function ledger(directory = temporaryDirectory()) {
  const time = { now: NOON }
  const clock = () => time.now
  const start = () => createQuotas({ state: createFileStore({ directory, clock }), clock })
  const spend = (
    policy: Policy,
    principal = 'ann',
    sources = ['desk'],
    type = 'delete' as 'create' | 'delete',
  ) => start().spend(policy, { type, principal, sources })
  return { time, start, spend, directory }
}

describe('a quota', () => {
  test('survives a restart: nothing refills it but time (G25)', async () => {
    const policy = limited({ deletes_per_hour: { global: 3 } })
    const { time, spend } = ledger()
    for (const principal of ['ann', 'bob', 'eve']) await spend(policy, principal)
    const problem = await refusal(spend(policy, 'dan'), 'QUOTA_EXCEEDED')
    expect(problem.message).toContain('allows 3 deletes of all callers in an hour, and 3 were made')
    time.now += problem.retry_after_ms as number
    await spend(policy)
  })

  test('says when there is room again, not a moment too early', async () => {
    const policy = limited({ deletes_per_hour: { principal: 4 } })
    const { time, spend } = ledger()
    await spend(policy, 'ann', ['desk', 'desk'])
    time.now += 10 * MINUTE
    await spend(policy, 'ann', ['desk', 'desk'])
    const two = await refusal(spend(policy, 'ann', ['desk', 'desk']), 'QUOTA_EXCEEDED')
    const three = await refusal(spend(policy, 'ann', ['desk', 'desk', 'desk']), 'QUOTA_EXCEEDED')
    expect((three.retry_after_ms as number) - (two.retry_after_ms as number)).toBe(10 * MINUTE)
    time.now += (two.retry_after_ms as number) - 1
    await refusal(spend(policy, 'ann', ['desk', 'desk']), 'QUOTA_EXCEEDED')
    time.now += 1
    await spend(policy, 'ann', ['desk', 'desk'])
  })

  test('of a caller and of a source leave others their own', async () => {
    const policy = limited({ deletes_per_hour: { principal: 2, source: 3 } })
    const { spend } = ledger()
    await spend(policy, 'ann', ['desk', 'desk'])
    await refusal(spend(policy, 'ann', ['shelf']), 'QUOTA_EXCEEDED')
    await spend(policy, 'bob', ['desk'])
    await refusal(spend(policy, 'bob', ['desk']), 'QUOTA_EXCEEDED')
    await spend(policy, 'bob', ['shelf'])
  })

  test('for creates is another than for deletes', async () => {
    const policy = limited({ deletes_per_hour: { global: 1 }, creates_per_hour: { global: 1 } })
    const { spend } = ledger()
    await spend(policy)
    await spend(policy, 'ann', ['desk'], 'create')
    await refusal(spend(policy, 'ann', ['desk'], 'create'), 'QUOTA_EXCEEDED')
  })

  test('that is smaller than the call says so, and that waiting does not help', async () => {
    const problem = await refusal(
      ledger().spend(limited({ deletes_per_hour: { global: 2 } }), 'ann', ['a', 'b', 'c']),
      'QUOTA_EXCEEDED',
    )
    expect(problem.message).toContain('this would be 3 at once')
    expect(problem.retry_after_ms).toBeUndefined()
  })

  test('is not refilled by a clock that is set, and not blocked by it for more than an hour (G14)', async () => {
    const policy = limited({ deletes_per_hour: { global: 1 } })
    const { time, spend } = ledger()
    time.now += 1000 * HOUR
    await spend(policy)
    time.now = NOON
    await refusal(spend(policy), 'QUOTA_EXCEEDED')
    const wide = limited({ deletes_per_hour: { global: 2 } })
    await spend(wide)
    time.now += HOUR + MINUTE
    await spend(policy)
  })

  test('that is not set writes nothing', async () => {
    const { start, spend, directory } = ledger()
    await spend(limited({}))
    await start().check(limited({}), { type: 'create', principal: 'ann', sources: ['desk'] })
    expect(await createFileStore({ directory, clock: Date.now }).list('counter')).toEqual([])
  })

  test('whose ledger is damaged denies', async () => {
    const { spend, directory } = ledger()
    const state = createFileStore({ directory, clock: Date.now })
    await state.write('counter', 'ledger', { v: 1, entries: 'none' }, 0)
    const denied = () => refusal(spend(limited({ deletes_per_hour: { global: 9 } })), 'CORRUPT')
    expect((await denied()).hint).toContain('"counter/ledger"')
    await spend(limited({}))
    writeFileSync(join(directory, 'counter/ledger/2.json'), '{"v":1,"entr')
    expect((await denied()).hint).toContain('"counter/ledger"')
  })

  test('is never overspent, whatever the order of the steps of those who spend at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 0, max: 4 }), async (scheduler, most) => {
        const state = createLocklessStore(scheduler)
        const quotas = createQuotas({ state, clock: () => NOON })
        const policy = limited({ deletes_per_hour: { global: most } })
        const tries = ['ann', 'bob', 'eve'].map((principal) =>
          quotas.spend(policy, { type: 'delete', principal, sources: ['desk'] }),
        )
        const outcomes = await scheduler.waitFor(Promise.allSettled(tries))
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(Math.min(most, 3))
      }),
      { numRuns: 200, seed: 11 },
    )
  })
})

describe('at the guard', () => {
  test('a plan beyond the quota is not made; of two plans within it the second is refused at the end', async () => {
    const { guard, request, rules, live } = createDesk()
    live.snapshots = ['a', 'b', 'c'].map((id) => aSnapshot({ id: `memory:${id}` }))
    rules.now = { ...rules.now, quotas: { deletes_per_hour: { principal: 1 } } }
    const plan = async (id: string) => {
      const first = replied(await guard.authorize(request({}, [id]), caller()))
      return request({ confirmation: first.confirmation }, [id])
    }
    const [one, two] = [await plan('memory:a'), await plan('memory:b')]
    await granted(await guard.authorize(one, caller())).settle('done')
    await refusal(guard.authorize(two, caller()), 'QUOTA_EXCEEDED')
    await refusal(plan('memory:c'), 'QUOTA_EXCEEDED')
  })

  test('what failed, and what was refused after the plan, is paid once or not at all', async () => {
    const { guard, request, rules, state } = createDesk()
    rules.now = { ...rules.now, quotas: { deletes_per_hour: { principal: 2 } } }
    const { confirmation } = replied(await guard.authorize(request(), caller()))
    await granted(await guard.authorize(request({ confirmation }), caller())).settle('failed')
    await refusal(guard.authorize(request({ confirmation }), caller()), 'PLAN_CONSUMED')
    const [ledgerRecord] = await state.list('counter')
    expect(ledgerRecord?.value).toMatchObject({ entries: [{ type: 'delete', principal: 'ann', count: 1 }] })
  })
})
