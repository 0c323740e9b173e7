import { describe, expect, test } from 'vitest'
import { caller, NOON, refusal } from '../snapshots/world.ts'
import { aSnapshot, createDesk, type DeskOptions, granted, replied } from './desk.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A first call, made while the clock is so far ahead. */
async function plannedAhead(ms: number, options?: DeskOptions) {
  const desk = createDesk(options)
  desk.time.now = NOON + ms
  const reply = replied(await desk.guard.authorize(desk.request(), caller()))
  const { confirmation } = reply
  const repeat = () => desk.guard.authorize(desk.request({ confirmation }), caller())
  return { ...desk, reply, repeat }
}

describe('a clock that is set (G14)', () => {
  test('makes a plan of the future wait for its time, which is no longer than ever', async () => {
    const { time, repeat } = await plannedAhead(HOUR)
    for (const ms of [0, 10 * MINUTE, 59 * MINUTE - 1, HOUR + 3 * MINUTE]) {
      time.now = NOON + ms
      await refusal(repeat(), 'PLAN_EXPIRED')
    }
    time.now = NOON + 59 * MINUTE
    granted(await repeat())
  })

  test('lets nobody approve what was asked in the future, and an approval is worth nothing there', async () => {
    const { time, reply, repeat, approvals } = await plannedAhead(HOUR, { mode: 'human' })
    const code = reply.approval?.code as string
    time.now = NOON
    expect(await approvals.list()).toEqual([])
    expect(await approvals.find(code)).toBeUndefined()
    await refusal(approvals.approve(code, 'me'), 'NOT_FOUND')
    time.now = NOON + HOUR
    await approvals.approve(code, 'me')
    time.now = NOON
    await refusal(repeat(), 'PLAN_EXPIRED')
    time.now = NOON + HOUR + 10 * MINUTE
    await refusal(repeat(), 'PLAN_EXPIRED')
  })

  test('refills no quota: not by going back, and not by a visit to the future; and blocks it for no more than an hour', async () => {
    const { guard, request, rules, time, live } = createDesk()
    live.snapshots = ['a', 'b', 'c'].map((id) => aSnapshot({ id: `memory:${id}` }))
    rules.now = { ...rules.now, quotas: { deletes_per_hour: { global: 1 } } }
    const plan = async (id: string) =>
      replied(await guard.authorize(request({}, [id]), caller())).confirmation as string
    const remove = async (id: string) => {
      const confirmation = await plan(id)
      await granted(await guard.authorize(request({ confirmation }, [id]), caller())).settle('done')
    }
    time.now = NOON + 24 * HOUR
    await remove('memory:a')
    time.now = NOON
    await refusal(remove('memory:b'), 'QUOTA_EXCEEDED')
    time.now = NOON + 48 * HOUR
    await plan('memory:b')
    time.now = NOON + 59 * MINUTE
    await refusal(remove('memory:b'), 'QUOTA_EXCEEDED')
    time.now = NOON + 61 * MINUTE
    await remove('memory:b')
  })

  test('lets nobody guess more codes, and blocks the right one for ten minutes at most', async () => {
    const { time, reply, approvals } = await plannedAhead(0, { mode: 'human' })
    const code = reply.approval?.code as string
    time.now = NOON + HOUR
    for (let n = 0; n < 10; n++) await approvals.find(`WRNG${n}222`)
    time.now = NOON - 10 * MINUTE + 1
    await refusal(approvals.find(code), 'RATE_LIMITED')
    time.now = NOON
    await refusal(approvals.find(code), 'RATE_LIMITED')
    time.now = NOON + 1
    expect(await approvals.find(code)).toBeDefined()
  })

  test('makes nothing older than the policy wants: a snapshot of the future is too young', async () => {
    const { guard, request, rules, live } = createDesk()
    rules.now = { ...rules.now, min_age: '1h' }
    live.snapshots = [
      aSnapshot({ created_at: new Date(NOON + 24 * HOUR).toISOString() }),
      aSnapshot({ id: 'memory:other' }),
    ]
    await refusal(guard.authorize(request(), caller()), 'POLICY_DENIED')
    replied(await guard.authorize(request({}, ['memory:other']), caller()))
  })
})
