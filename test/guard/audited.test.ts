import { describe, expect, test } from 'vitest'
import { sparing } from '../../src/guard/audit/sparing.ts'
import type { AuditEvent } from '../../src/guard/audit.ts'
import { audited } from '../../src/guard/audited.ts'
import { planName } from '../../src/guard/plans.ts'
import { fail } from '../../src/snapshots/errors.ts'
import { caller, refusal, silent } from '../snapshots/world.ts'
import { aSnapshot, asked, createDesk, type DeskOptions, granted, replied } from './desk.ts'

/** A guard with a witness whose lines take a moment, and are lost where `loses` says so. */
function witnessed(options?: DeskOptions) {
  const desk = createDesk(options)
  const events: AuditEvent[] = []
  const order: string[] = []
  const disk = { loses: (_event: AuditEvent['event']) => false }
  const append = async (event: AuditEvent) => {
    await new Promise(setImmediate)
    if (disk.loses(event.event)) throw fail('NO_SPACE', 'The disk is full.', 'Make room.')
    events.push(event)
    order.push(event.event)
  }
  const guard = audited(desk.guard, { append }, silent)
  const planned = async () => {
    const { confirmation = '' } = replied(await guard.authorize(desk.request(), caller()))
    return confirmation
  }
  return { ...desk, guard, events, order, disk, planned }
}

describe('a call that runs', () => {
  test('is on the disk before it runs, and so is its end afterwards', async () => {
    const { guard, request, order, planned } = witnessed()
    const confirmation = await planned()
    const grant = granted(await guard.authorize(request({ confirmation }), caller()))
    order.push('runs')
    await grant.settle('done')
    expect(order).toEqual(['asked', 'allowed', 'runs', 'ended'])
  })

  test('does not run when its line cannot be written, and its confirmation is used up', async () => {
    const { guard, request, planned, disk, state } = witnessed()
    const confirmation = await planned()
    disk.loses = (event) => event === 'allowed'
    const { outcome } = await refusal(guard.authorize(request({ confirmation }), caller()), 'INTERNAL')
    expect(outcome).toBe('not_started')
    disk.loses = () => false
    const again = await refusal(guard.authorize(request({ confirmation }), caller()), 'PLAN_CONSUMED')
    expect(again.details).toMatchObject({ outcome: 'failed' })
    await (await state.lock('memory:snapshots', { wait_ms: 0 })).release()
  })

  test('and needs nobody to agree does not run without its line either', async () => {
    const { guard, request, disk } = witnessed()
    disk.loses = () => true
    await refusal(guard.authorize(request({ confirm: 'never' }), caller()), 'INTERNAL')
  })

  test('has ended, even if that cannot be written', async () => {
    const { guard, request, disk, state } = witnessed()
    const grant = granted(await guard.authorize(request({ confirm: 'never' }), caller()))
    disk.loses = () => true
    await grant.settle('done')
    await (await state.lock('memory:snapshots', { wait_ms: 0 })).release()
  })

  test('is told with who, what and what each layer said, and never with its confirmation', async () => {
    const { guard, request, events, planned } = witnessed()
    const confirmation = await planned()
    const call = request({ confirmation })
    const ann = caller({ client: 'claude 2.1' })
    await granted(await guard.authorize(call, ann)).settle('failed')
    const about = {
      principal: 'ann',
      client: 'claude 2.1',
      type: 'delete',
      provider: 'memory',
      targets: call.targets,
      operation: call.operation,
      args_digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    }
    expect(events.slice(1)).toEqual([
      {
        event: 'allowed',
        ...about,
        plan: planName(confirmation),
        layers: { policy: 'passed', way_back: 'yes', plan: 'claimed', person: 'not asked' },
      },
      { event: 'ended', ...about, outcome: 'failed' },
    ])
    expect(JSON.stringify(events)).not.toContain(confirmation)
  })

  test('is told with the person who agreed', async () => {
    const { guard, request, events, approvals } = witnessed({ mode: 'human' })
    const { confirmation, approval } = replied(await guard.authorize(request(), caller()))
    await approvals.approve(approval?.code as string, 'terminal:ada')
    granted(await guard.authorize(request({ confirmation }), caller()))
    expect(events.at(-1)).toMatchObject({ by: 'terminal:ada', layers: { person: 'approved' } })
  })
})

describe('what a delete takes', () => {
  const SOURCELESS = { type: 'prune' as const, targets: [] }

  test('is told by its snapshots, whatever the call named', async () => {
    const { guard, request, events } = witnessed()
    const { confirmation } = replied(await guard.authorize(request(SOURCELESS), caller()))
    await granted(await guard.authorize(request({ ...SOURCELESS, confirmation }), caller())).settle('done')
    const targets = ['memory:abc123456']
    expect(events.slice(1)).toMatchObject([
      { event: 'allowed', targets },
      { event: 'ended', targets },
    ])
  })

  test.each([
    [['memory:a', 'memory:b'], [], 'done'],
    [['memory:a'], ['memory:b'], 'partial'],
    [[], ['memory:a', 'memory:b'], 'failed'],
  ])('is told at its end: %j gone, %j left', async (gone, left, outcome) => {
    const { guard, request, events, planned } = witnessed()
    const confirmation = await planned()
    const { settle } = granted(await guard.authorize(request({ confirmation }), caller()))
    await settle('done', { gone, left })
    const failed = left.length > 0 ? { failed: left } : {}
    expect(events.at(-1)).toMatchObject({ event: 'ended', outcome, targets: gone, ...failed })
  })
})

describe('an expiry', () => {
  const expiry = { reversible: true, at: '2026-11-28T12:00:00.000Z', operation: 'op_00000007' }
  const snapshot = aSnapshot()

  test('is a delete later on, and therefore on record before it is set', async () => {
    const { guard, events } = witnessed()
    const settle = await guard.permitExpiry(snapshot, expiry, caller())
    const about = { type: 'update', targets: [snapshot.id], operation: 'op_00000007' }
    const allowed = { event: 'allowed', ...about, layers: { expires_at: expiry.at } }
    expect(events).toMatchObject([allowed])
    await settle('done')
    expect(events).toMatchObject([allowed, { event: 'ended', ...about, outcome: 'done' }])
  })

  test('is not set when its line cannot be written', async () => {
    const { guard, disk } = witnessed()
    disk.loses = () => true
    const { outcome } = await refusal(guard.permitExpiry(snapshot, expiry, caller()), 'INTERNAL')
    expect(outcome).toBe('not_started')
  })
})

describe('refusals without end', () => {
  test('are twenty lines a minute, and one that tells how many there were', async () => {
    const time = { now: Date.parse('2026-11-21T12:00:00Z') }
    const events: AuditEvent[] = []
    const audit = sparing({ append: async (event) => void events.push(event) }, () => time.now)
    const targets = Array.from({ length: 50 }, (_, n) => `local:invented${n}`)
    for (let n = 0; n < 300; n++) await audit.append({ event: 'refused', principal: 'ann', targets })
    await audit.append({ event: 'refused', principal: 'bob' })
    expect(events).toHaveLength(21)
    expect(events[0]).toMatchObject({ targets: targets.slice(0, 5), targets_omitted: 45 })
    await audit.append({ event: 'allowed', principal: 'ann', targets })
    expect(events.at(-1)).toEqual({ event: 'allowed', principal: 'ann', targets })

    time.now += 60_000
    await audit.append({ event: 'refused', principal: 'ann', code: 'NOT_FOUND' })
    expect(events.slice(22)).toEqual([
      { event: 'refused', principal: 'ann', outcome: '280 more in the minute of 2026-11-21T12:00Z' },
      { event: 'refused', principal: 'ann', code: 'NOT_FOUND' },
    ])
  })
})

describe('a call that does not run', () => {
  test.each([
    ['the policy', 'policy', { type: 'prune' as const }, 'POLICY_DENIED'],
    ['the plan', 'plan', { confirmation: 'cfm_unknown00' }, 'PLAN_NOT_FOUND'],
  ] as const)('is on record with the layer that refused it: %s', async (_what, layer, fields, code) => {
    const { guard, request, events, rules } = witnessed()
    if (layer === 'policy') rules.now = { ...rules.now, delete: 'never' }
    await refusal(guard.authorize(request(fields), caller()), code)
    expect(events).toMatchObject([{ event: 'refused', code, layers: { [layer]: 'refused' } }])
  })

  test('is on record when a person did not agree', async () => {
    const { guard, request, events } = witnessed({ mode: 'auto' })
    const ann = caller({ canAsk: true })
    const { confirmation } = asked(await guard.authorize(request(), ann))
    expect(events.at(-1)).toMatchObject({ event: 'asked', layers: { person: 'asked' } })
    const answer = { confirmation, action: 'decline' as const }
    await refusal(guard.authorize(request(), { ...ann, answer }), 'APPROVAL_DECLINED')
    expect(events.at(-1)).toMatchObject({ event: 'refused', layers: { person: 'refused' } })
  })

  test('is refused or shown for the same reason when that cannot be written', async () => {
    const { guard, request, rules, disk } = witnessed()
    disk.loses = () => true
    expect(replied(await guard.authorize(request(), caller())).status).toBe('confirmation_required')
    rules.now = { ...rules.now, read_only: true }
    await refusal(guard.authorize(request(), caller()), 'POLICY_DENIED')
    await refusal(guard.permit({ type: 'create', provider: 'memory' }, caller()), 'POLICY_DENIED')
  })

  test('and only adds is on record as well', async () => {
    const { guard, events, rules } = witnessed()
    rules.now = { ...rules.now, quotas: { creates_per_hour: { global: 0 } } }
    await refusal(
      guard.charge({ principal: 'ann', sources: ['memory:box:desk'] }, caller()),
      'QUOTA_EXCEEDED',
    )
    rules.now = { ...rules.now, read_only: true }
    await refusal(guard.permit({ type: 'update', provider: 'memory' }, caller()), 'POLICY_DENIED')
    expect(events).toMatchObject([
      { event: 'refused', type: 'create', code: 'QUOTA_EXCEEDED', layers: { policy: 'refused' } },
      { event: 'refused', type: 'update', code: 'POLICY_DENIED', layers: { policy: 'refused' } },
    ])
  })

  test('because it was a dry run leaves no line', async () => {
    const { guard, request, events } = witnessed()
    replied(await guard.authorize(request({ dry_run: true }), caller()))
    expect(events).toEqual([])
  })
})

test('what another process ends is told as recovered, and a repeat is told how', async () => {
  const { guard, request, events, planned } = witnessed()
  const confirmation = await planned()
  const call = request({ confirmation })
  granted(await guard.authorize(call, caller()))
  const ended = { operation: call.operation, principal: 'ann', outcome: 'done' as const }
  await guard.conclude({ plan: confirmation, ...ended })
  expect(events.at(-1)).toEqual({ event: 'ended', ...ended, plan: planName(confirmation), by: 'recovery' })
  const repeat = await refusal(guard.authorize(request({ confirmation }), caller()), 'PLAN_CONSUMED')
  expect(repeat).toMatchObject({ operation: call.operation, details: { outcome: 'done' } })
})
