import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { GuardRequest } from '../../src/guard/guard-api.ts'
import { fail } from '../../src/snapshots/errors.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { caller, NOON, refusal } from '../snapshots/world.ts'
import { aSnapshot, asked, createDesk, type DeskOptions, granted, replied } from './desk.ts'
import { createLocklessStore } from './lockless-store.ts'

/** The first call: shows a plan and returns its token. */
async function planned(options?: DeskOptions) {
  const desk = createDesk(options)
  const reply = replied(await desk.guard.authorize(desk.request(), caller()))
  expect(reply.status).toBe('confirmation_required')
  const confirmation = reply.confirmation as string
  return { ...desk, confirmation }
}

describe('a plan', () => {
  test('is shown, and runs once it is confirmed', async () => {
    const { guard, request, confirmation } = await planned()
    const grant = granted(await guard.authorize(request({ confirmation }), caller()))
    const { planned: plan, passed, settle } = grant
    expect(plan.what).toBe('the plan of the provider')
    expect(passed).toEqual({ plan: confirmation, doors: ['token'] })
    await settle('done')
  })

  test('has a token that cannot be guessed and says when it ends', async () => {
    const { guard, request } = createDesk()
    const reply = replied(await guard.authorize(request(), caller()))
    expect(reply.confirmation).toMatch(/^cfm_[A-Za-z0-9_-]{22}$/)
    expect(reply.expires_at).toBe('2026-11-21T12:03:00.000Z')
    expect(reply.plan.summary).toBe('Delete "my snapshot"')
  })

  test('of a dry run has no token and leaves no trace', async () => {
    const { guard, request, state } = createDesk()
    const reply = replied(await guard.authorize(request({ dry_run: true }), caller()))
    expect(reply).toEqual({ status: 'dry_run', plan: reply.plan })
    expect(await state.list('plan')).toEqual([])
  })

  test('of a dry run is not executed by a confirmation either', async () => {
    const { guard, request, confirmation } = await planned()
    const verdict = await guard.authorize(request({ confirmation, dry_run: true }), caller())
    expect(replied(verdict).status).toBe('dry_run')
    granted(await guard.authorize(request({ confirmation }), caller()))
  })

  test('is the fifty-first that one caller may not have open at once', async () => {
    const { guard, request, time, state } = createDesk()
    for (let n = 0; n < 50; n++) await guard.authorize(request(), caller())
    await refusal(guard.authorize(request(), caller()), 'RATE_LIMITED')
    expect(await state.list('plan')).toHaveLength(50)
    expect(await state.list('approval')).toEqual([])
    await guard.authorize(request(), caller({ principal: 'bob' }))
    time.now += 180_000
    await guard.authorize(request(), caller())
    // What nobody used is forgotten an hour after its end.
    time.now += 3_600_001
    await guard.authorize(request(), caller())
    expect(await state.list('plan')).toHaveLength(2)
  })

  test('survives a restart (G15)', async () => {
    const { start, request, confirmation } = await planned()
    granted(await start().authorize(request({ confirmation }), caller()))
  })
})

describe('a confirmation', () => {
  test.each(['done', 'failed'] as const)('is used up when the operation is %s (G1, G2)', async (outcome) => {
    const { guard, request, confirmation } = await planned()
    const first = request({ confirmation })
    await granted(await guard.authorize(first, caller())).settle(outcome)
    const problem = await refusal(guard.authorize(request({ confirmation }), caller()), 'PLAN_CONSUMED')
    expect(problem).toMatchObject({ operation: first.operation, details: { outcome } })
    expect(problem.message).toContain('Nothing was done now')
  })

  test('is used up while the operation runs, and when its process dies in it', async () => {
    const { guard, start, request, confirmation } = await planned()
    const first = request({ confirmation })
    await guard.authorize(first, caller())
    for (const each of [guard, start()]) {
      const problem = await refusal(each.authorize(request({ confirmation }), caller()), 'PLAN_CONSUMED')
      expect(problem).toMatchObject({ operation: first.operation, details: { outcome: 'claimed' } })
    }
  })

  test('runs one of several concurrent calls, whatever the order of their steps (G3)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const { guard, request } = createDesk({ state: () => createLocklessStore(scheduler) })
        const first = await scheduler.waitFor(guard.authorize(request(), caller()))
        const { confirmation } = replied(first)
        const calls = [1, 2, 3].map(async () => {
          const grant = granted(await guard.authorize(request({ confirmation }), caller()))
          await grant.settle('done')
        })
        const outcomes = await scheduler.waitFor(Promise.allSettled(calls))
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
        for (const each of outcomes) {
          if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'PLAN_CONSUMED' })
        }
      }),
      { numRuns: 200, seed: 7 },
    )
  })

  test('runs one of several concurrent calls on a real store (G3)', async () => {
    const { start, request, confirmation } = await planned()
    const calls = [1, 2, 3, 4].map(async () => {
      const grant = granted(await start().authorize(request({ confirmation }), caller()))
      await grant.settle('done')
    })
    const outcomes = await Promise.allSettled(calls)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('that is unknown and one of somebody else are told apart by nobody (G7)', async () => {
    const { guard, request, confirmation } = await planned()
    const unknown = await refusal(
      guard.authorize(request({ confirmation: 'cfm_unknown00' }), caller()),
      'PLAN_NOT_FOUND',
    )
    const others = guard.authorize(request({ confirmation }), caller({ principal: 'bob' }))
    expect(await refusal(others, 'PLAN_NOT_FOUND')).toEqual(unknown)
    granted(await guard.authorize(request({ confirmation }), caller()))
  })

  test.each<[string, Partial<GuardRequest<string>>]>([
    ['another target (G9)', { targets: ['memory:other'] }],
    ['one more target', { targets: ['memory:abc123456', 'memory:other'] }],
    ['another operation (G10)', { type: 'restore' }],
    ['another provider', { provider: 'other' }],
    ['one changed argument (G11)', { args: { snapshots: ['memory:abc123456'], paths: ['a'] } }],
  ])('does not fit %s', async (_what, change) => {
    const { guard, request, confirmation } = await planned()
    await refusal(guard.authorize(request({ confirmation, ...change }), caller()), 'PLAN_MISMATCH')
    granted(await guard.authorize(request({ confirmation }), caller()))
  })

  test('fits whatever the order of keys (G12), and with the confirmation among the arguments', async () => {
    const { guard, request } = createDesk()
    const { confirmation } = replied(
      await guard.authorize(request({ args: { a: 1, b: { c: 2, d: 3 } } }), caller()),
    )
    const args = { b: { d: 3, c: 2 }, dry_run: false, confirmation, a: 1 }
    granted(await guard.authorize(request({ confirmation, args }), caller()))
  })

  test.each([
    ['just before it ends', 179_999, undefined],
    ['at exactly its end (G13)', 180_000, 'PLAN_EXPIRED'],
    ['with the clock set back a little', -60_000, undefined],
    ['with the clock set back by more than a minute (G14)', -60_001, 'PLAN_EXPIRED'],
  ] as const)('%s', async (_what, ms, code) => {
    const { guard, request, confirmation, time } = await planned()
    time.now = NOON + ms
    const call = guard.authorize(request({ confirmation }), caller())
    if (code) await refusal(call, code)
    else granted(await call)
  })

  test('is stale when the live state moved: burned, with a fresh plan that works (G20, G21)', async () => {
    const { guard, request, confirmation, live } = await planned()
    live.fingerprint = 'edited meanwhile'
    const { fresh, retryable } = await refusal(
      guard.authorize(request({ confirmation }), caller()),
      'PLAN_STALE',
    )
    expect(retryable).toBe(true)
    expect(fresh).toMatchObject({
      status: 'confirmation_required',
      confirmation: expect.stringMatching(/^cfm_/),
    })
    live.fingerprint = 'as shown'
    await refusal(guard.authorize(request({ confirmation }), caller()), 'PLAN_CONSUMED')
    live.fingerprint = 'edited meanwhile'
    const next = (fresh as { confirmation: string }).confirmation
    granted(await guard.authorize(request({ confirmation: next }), caller()))
  })

  test('is stale when what could be undone no longer can', async () => {
    const { guard, request, confirmation, live } = await planned()
    live.reversible = false
    await refusal(guard.authorize(request({ confirmation }), caller()), 'PLAN_STALE')
  })

  test('does not outlive a protection (G22)', async () => {
    const { guard, request, confirmation, live } = await planned()
    live.snapshots = [aSnapshot({ protected: true })]
    await refusal(guard.authorize(request({ confirmation }), caller()), 'PROTECTED')
  })

  test.each([
    { read_only: true, delete: 'permanent' as const },
    { read_only: false, delete: 'never' as const },
    { read_only: false, delete: 'permanent' as const, providers: ['other'] },
  ])('does not outlive a tightened policy (G23): %j', async (policy) => {
    const { guard, request, confirmation, rules } = await planned()
    rules.now = policy
    await refusal(guard.authorize(request({ confirmation }), caller()), 'POLICY_DENIED')
  })

  test('of another policy that would still allow it is stale', async () => {
    const { guard, request, confirmation, rules } = await planned()
    rules.now = { read_only: false, delete: 'trash' }
    await refusal(guard.authorize(request({ confirmation }), caller()), 'PLAN_STALE')
  })

  test('waits for the target, and is still good when that is busy for too long', async () => {
    const { guard, request, confirmation, state } = await planned()
    const hasty: typeof state = { ...state, lock: (name) => state.lock(name, { wait_ms: 5 }) }
    const lock = await state.lock('memory:snapshots')
    const call = createDesk({ state: () => hasty }).guard.authorize(request({ confirmation }), caller())
    await refusal(call, 'BUSY')
    await lock.release()
    granted(await guard.authorize(request({ confirmation }), caller()))
  })

  test('that gets too old while it waits for the target is too old', async () => {
    const { request, confirmation, state, time } = await planned()
    const slow: typeof state = {
      ...state,
      lock(name) {
        time.now += 180_000
        return state.lock(name)
      },
    }
    const { guard, time: later } = createDesk({ state: () => slow })
    Object.defineProperty(later, 'now', { get: () => time.now })
    await refusal(guard.authorize(request({ confirmation }), caller()), 'PLAN_EXPIRED')
  })

  test('gives the target back, whether it runs or is refused', async () => {
    const { guard, request, confirmation, live, state } = await planned()
    live.fingerprint = 'moved'
    const { fresh } = await refusal(guard.authorize(request({ confirmation }), caller()), 'PLAN_STALE')
    await (await state.lock('memory:snapshots', { wait_ms: 0 })).release()
    const next = (fresh as { confirmation: string }).confirmation
    const grant = granted(await guard.authorize(request({ confirmation: next }), caller()))
    await refusal(state.lock('memory:snapshots', { wait_ms: 0 }), 'BUSY')
    await grant.settle('done')
    await state.lock('memory:snapshots', { wait_ms: 0 })
  })
})

describe('a plan that says how much it needs', () => {
  const undo = { type: 'undo', confirm: 'if_irreversible' } as const
  const looking = (confirm: 'always' | 'never', { plan, ...request }: GuardRequest<string>) => ({
    ...request,
    plan: async () => ({ ...(await plan()), confirm }),
  })

  test('needs it whatever the request thought', async () => {
    const { guard, request } = createDesk()
    await granted(await guard.authorize(looking('never', request(undo)), caller())).settle('done')
    const { confirmation } = replied(await guard.authorize(looking('always', request(undo)), caller()))
    granted(await guard.authorize(looking('always', request({ ...undo, confirmation })), caller()))
  })

  test('needs it again when it went stale', async () => {
    const { guard, request, live } = createDesk()
    const { confirmation } = replied(await guard.authorize(looking('always', request(undo)), caller()))
    live.fingerprint = 'moved'
    const call = guard.authorize(looking('always', request({ ...undo, confirmation })), caller())
    expect((await refusal(call, 'PLAN_STALE')).fresh).toMatchObject({ status: 'confirmation_required' })
  })
})

describe('an expiry', () => {
  const TOMORROW = { at: '2026-11-22T12:00:00.000Z', operation: 'op_00000001' }

  test.each([
    ['token', { delete: 'permanent' }, undefined],
    ['auto', { delete: 'trash' }, undefined],
    ['human', { delete: 'permanent' }, 'snapshot_delete'],
    ['token', { delete: 'never' }, 'operator'],
    ['token', { delete: 'permanent', read_only: true }, 'operator'],
  ] as const)('with guard %s under %j', async (mode, policy, hint) => {
    const { start, rules } = createDesk()
    rules.now = { ...rules.now, ...policy }
    const ask = start(mode).permitExpiry(aSnapshot(), { ...TOMORROW, reversible: true }, caller())
    if (hint === undefined) return void (await ask)
    expect((await refusal(ask, 'POLICY_DENIED')).hint).toContain(hint)
  })

  test('is counted as the delete that it is', async () => {
    const { guard, rules } = createDesk()
    rules.now = { ...rules.now, quotas: { deletes_per_hour: { global: 1 } } }
    const ask = () => guard.permitExpiry(aSnapshot(), { ...TOMORROW, reversible: true }, caller())
    await ask()
    await refusal(ask(), 'QUOTA_EXCEEDED')
  })

  test('is a delete that cannot be undone where the provider has no trash', async () => {
    const { guard, rules } = createDesk()
    rules.now = { ...rules.now, delete: 'trash' }
    const ask = guard.permitExpiry(aSnapshot(), { ...TOMORROW, reversible: false }, caller())
    expect((await refusal(ask, 'POLICY_DENIED')).message).toContain('can be undone')
  })
})

test('the rules are told also where they cannot be read', () => {
  const { guard, rules } = createDesk({ mode: 'human' })
  Object.defineProperty(rules, 'now', {
    get() {
      throw fail('POLICY_DENIED', 'The policy file cannot be read.', 'Ask.')
    },
  })
  expect(guard.describe()).toEqual({ guard: 'human', error: 'The policy file cannot be read.' })
})

test('a grant whose target was taken over is BUSY', async () => {
  const { guard, request, confirmation, state } = await planned()
  const grant = granted(await guard.authorize(request({ confirmation }), caller()))
  await expect(grant.stillHeld()).resolves.toBeUndefined()
  await state.write('lock', 'memory:snapshots', {}, 1)
  const problem = await refusal(grant.stillHeld(), 'BUSY')
  expect(problem.outcome).toBe('not_started')
})

describe('nothing runs', () => {
  const broken = (fails: 'read' | 'write' | 'lock', error: Error) => (store: StateStore) => ({
    ...store,
    [fails]: () => Promise.reject(error),
  })

  test.each(['read', 'write', 'lock'] as const)('when the state cannot %s', async (fails) => {
    const { request, confirmation, state } = await planned()
    const { guard } = createDesk({ state: () => broken(fails, new Error('EIO /secret/path'))(state) })
    const problem = await refusal(guard.authorize(request({ confirmation }), caller()), 'INTERNAL')
    expect(problem.outcome).toBe('not_started')
    expect(JSON.stringify(problem)).not.toContain('secret')
  })

  test('when the policy cannot be read', async () => {
    const { guard, request, confirmation, rules } = await planned()
    Object.defineProperty(rules, 'now', {
      get() {
        throw new Error('unreadable')
      },
    })
    await refusal(guard.authorize(request({ confirmation }), caller()), 'INTERNAL')
  })

  test('when the plan on disk is not one', async () => {
    const { guard, request, confirmation, state } = await planned()
    await state.write('plan', confirmation, { v: 1, status: 'issued', principal: 'ann' }, 1)
    await refusal(guard.authorize(request({ confirmation }), caller()), 'CORRUPT')
  })

  test('not even a look at the provider, when the policy forbids the operation as such', async () => {
    const { guard, request, rules, live } = createDesk()
    rules.now = { read_only: true, delete: 'permanent' }
    await refusal(guard.authorize(request(), caller()), 'POLICY_DENIED')
    await refusal(guard.authorize(request({ confirmation: 'cfm_unknown00' }), caller()), 'POLICY_DENIED')
    expect(live.plans).toBe(0)
  })

  test('when the provider cannot plan', async () => {
    const { guard, request, confirmation } = await planned()
    const plan = () => Promise.reject(fail('NETWORK', 'Down.', 'Try again.'))
    await refusal(guard.authorize(request({ confirmation, plan }), caller()), 'NETWORK')
    granted(await guard.authorize(request({ confirmation }), caller()))
  })

  test('when only deletes that can be undone are allowed and this one cannot', async () => {
    const { guard, request, rules } = createDesk({ reversible: false })
    rules.now = { read_only: false, delete: 'trash' }
    await refusal(guard.authorize(request({ dry_run: true }), caller()), 'POLICY_DENIED')
  })
})

describe('a question', () => {
  const ann = caller({ canAsk: true })
  const answering = (
    confirmation: string,
    action: 'accept' | 'decline' | 'cancel',
    content?: Record<string, unknown>,
  ) => caller({ canAsk: true, answer: { confirmation, action, ...(content && { content }) } })

  async function questioned(reversible: boolean) {
    const desk = createDesk({ mode: 'auto', reversible })
    const question = asked(await desk.guard.authorize(desk.request(), ann))
    return { ...desk, question, id: question.confirmation }
  }

  test.each([
    [true, { confirm: true }],
    [false, { typed: '123456' }],
  ])('answered with yes lets it run once (reversible %s)', async (reversible, content) => {
    const { guard, request, id } = await questioned(reversible)
    granted(await guard.authorize(request(), answering(id, 'accept', content)))
    await refusal(guard.authorize(request(), answering(id, 'accept', content)), 'PLAN_CONSUMED')
  })

  test.each<
    [reversible: boolean, action: 'accept' | 'decline' | 'cancel', content?: Record<string, unknown>]
  >([
    [true, 'decline'],
    [true, 'cancel'],
    [true, 'decline', { confirm: true }],
    [true, 'accept'],
    [true, 'accept', { confirm: false }],
    [true, 'accept', { confirm: 'true' }],
    [true, 'accept', { confirm: true, extra: 1 }],
    [true, 'accept', { typed: '123456' }],
    [false, 'accept', { confirm: true }],
    [false, 'accept', { typed: '' }],
    [false, 'accept', { typed: '123457' }],
    [false, 'accept', { typed: ' 123456' }],
    [false, 'accept', { typed: 'memory:abc123456' }],
    [false, 'accept', { typed: '123456', confirm: true }],
  ])(
    'with any other answer burns the plan (G27): reversible %s, %s %j',
    async (reversible, action, content) => {
      const { guard, request, id } = await questioned(reversible)
      const problem = await refusal(
        guard.authorize(request(), answering(id, action, content)),
        'APPROVAL_DECLINED',
      )
      expect(problem.message).toContain('Nothing was changed')
      expect(problem.hint).toContain('Do not retry')
      const nobody = action === 'cancel'
      expect(problem.message).toContain(nobody ? 'Nobody answered' : 'did not agree')
      expect(problem.hint.includes('--guard token')).toBe(nobody)
      const yes = reversible ? { confirm: true } : { typed: '123456' }
      const late = guard.authorize(request(), answering(id, 'accept', yes))
      expect(await refusal(late, 'APPROVAL_DECLINED')).toEqual({ ...problem, details: { repeated: true } })
    },
  )

  test('waits ten minutes for its yes, and a no that comes later is a no as well', async () => {
    const { guard, request, id, time } = await questioned(true)
    time.now += 599_999
    granted(await guard.authorize(request(), answering(id, 'accept', { confirm: true })))
    for (const action of ['decline', 'cancel'] as const) {
      const late = await questioned(true)
      late.time.now += 600_000
      const yes = answering(late.id, 'accept', { confirm: true })
      await refusal(late.guard.authorize(late.request(), yes), 'PLAN_EXPIRED')
      const no = late.guard.authorize(late.request(), answering(late.id, action))
      expect((await refusal(no, 'APPROVAL_DECLINED')).hint).toContain('Do not retry')
    }
  })

  test('that belongs to another call is not burned by an answer to that', async () => {
    const { guard, request, id } = await questioned(true)
    const other = request({}, ['memory:def789012'])
    await refusal(guard.authorize(other, answering(id, 'decline')), 'PLAN_MISMATCH')
    granted(await guard.authorize(request(), answering(id, 'accept', { confirm: true })))
  })

  test.each(['auto', 'human'] as const)(
    'is not asked again after three in ten minutes that nobody agreed to (T4): %s',
    async (mode) => {
      const { start, request, time, approvals } = createDesk({ mode })
      const guard = start(mode)
      const refuse = async (action: 'decline' | 'cancel') => {
        const { confirmation } = asked(await guard.authorize(request(), ann))
        await refusal(guard.authorize(request(), answering(confirmation, action)), 'APPROVAL_DECLINED')
      }
      await refuse('decline')
      await refuse('cancel')
      time.now += 60_000
      const { confirmation } = asked(await guard.authorize(request(), ann))
      await refuse('decline')
      for (const call of [request(), request({ confirmation })]) {
        const problem = await refusal(guard.authorize(call, ann), 'RATE_LIMITED')
        expect(problem).toMatchObject({ outcome: 'not_started', retry_after_ms: 540_000 })
      }
      asked(await guard.authorize(request(), caller({ principal: 'bob', canAsk: true })))
      // Who carries a token asks nobody.
      replied(await start('token').authorize(request(), caller()))
      time.now += 540_000
      asked(await start(mode).authorize(request(), ann))
      expect(await approvals.list()).toEqual([])
    },
  )

  test('and an approval in a terminal are declined by the same people (T4)', async () => {
    const { guard, request, approvals } = createDesk({ mode: 'human' })
    for (let n = 0; n < 3; n++) {
      const { approval } = replied(await guard.authorize(request(), caller()))
      await approvals.decline(approval?.code as string, 'terminal:ada')
    }
    await refusal(guard.authorize(request(), caller()), 'RATE_LIMITED')
    await refusal(guard.authorize(request(), ann), 'RATE_LIMITED')
  })

  test('answered by a client that cannot ask is a forgery (G26)', async () => {
    const { guard, request, id } = await questioned(true)
    const forged = { ...answering(id, 'accept', { confirm: true }), canAsk: false }
    await refusal(guard.authorize(request(), forged), 'APPROVAL_DECLINED')
  })

  test('that nobody asked has no answer (G26)', async () => {
    const { guard, request } = createDesk({ mode: 'auto' })
    await refusal(
      guard.authorize(request(), answering('cfm_madeup000', 'accept', { confirm: true })),
      'PLAN_NOT_FOUND',
    )
  })

  test('is not replaced by a token, nor a token by an answer', async () => {
    const { guard, request, id } = await questioned(true)
    expect(asked(await guard.authorize(request({ confirmation: id }), ann)).confirmation).toBe(id)
    const tokens = await planned()
    const answered = answering(tokens.confirmation, 'accept', { confirm: true })
    await refusal(tokens.guard.authorize(tokens.request(), answered), 'APPROVAL_DECLINED')
  })

  test('cannot be answered for another plan than the confirmation', async () => {
    const { guard, request, id } = await questioned(true)
    const call = request({ confirmation: 'cfm_another00' })
    await refusal(guard.authorize(call, answering(id, 'accept', { confirm: true })), 'PLAN_MISMATCH')
  })

  test('about a state that has moved is not acted on, and the new state is only shown', async () => {
    const { guard, request, id, live } = await questioned(true)
    live.fingerprint = 'moved'
    const call = guard.authorize(request(), answering(id, 'accept', { confirm: true }))
    const { fresh, hint } = await refusal(call, 'PLAN_STALE')
    expect(fresh).toEqual({ status: 'dry_run', plan: expect.anything() })
    expect(hint).toContain('asked anew')
  })
})
