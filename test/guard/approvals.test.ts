import { describe, expect, test } from 'vitest'
import { caller, refusal } from '../snapshots/world.ts'
import { asked, createDesk, granted, replied } from './desk.ts'

/** An irreversible operation from a client that cannot ask: a person has to come to a terminal. */
async function waiting() {
  const desk = createDesk({ mode: 'auto', reversible: false })
  const reply = replied(await desk.guard.authorize(desk.request(), caller()))
  const code = reply.approval?.code as string
  const again = () => desk.guard.authorize(desk.request({ confirmation: reply.confirmation }), caller())
  return { ...desk, reply, code, again }
}

describe('an approval', () => {
  test('is asked for with a short code and what to do, where the client cannot ask (G29)', async () => {
    const { reply, code } = await waiting()
    expect(code).toMatch(/^[2-9A-HJKMNP-TV-Z]{4}-[2-9A-HJKMNP-TV-Z]{4}$/)
    expect(reply).toMatchObject({
      status: 'approval_required',
      confirmation: expect.stringMatching(/^cfm_/),
      expires_at: '2026-11-21T12:10:00.000Z',
      approval: { how: expect.stringContaining(`snapshot-mcp approve ${code}`) },
    })
  })

  test('lets the repeated call run, once, and the grant says who gave it', async () => {
    const { approvals, code, again, reply } = await waiting()
    expect(replied(await again())).toMatchObject({ status: 'approval_required', approval: { code } })
    await approvals.approve(code, 'terminal:root')
    expect(granted(await again()).passed).toEqual({
      plan: reply.confirmation,
      doors: ['approval'],
      approved_by: 'terminal:root',
    })
    await refusal(again(), 'PLAN_CONSUMED')
  })

  test('is given with the command that the server was started with', async () => {
    const { start, request } = createDesk({ mode: 'human' })
    const guard = start('human', (code) => `/opt/x approve ${code} --home /y`)
    const { approval } = replied(await guard.authorize(request(), caller()))
    expect(approval?.how).toContain(`/opt/x approve ${approval?.code} --home /y`)
  })

  test('is found by its code as people type it, and listed with the plan', async () => {
    const { approvals, code } = await waiting()
    const [first] = await approvals.list()
    expect(first).toMatchObject({ approval: { view: { summary: 'Delete "my snapshot"' }, principal: 'ann' } })
    expect(await approvals.find(` ${code.toLowerCase().replace('-', ' ')} `)).toEqual(first)
    expect(await approvals.find('2222-2222')).toBeUndefined()
  })

  test('lives ten minutes, and so does its plan', async () => {
    const { approvals, code, again, time } = await waiting()
    time.now += 599_999
    await approvals.approve(code, 'me')
    granted(await again())
    const late = await waiting()
    late.time.now += 600_000
    await refusal(late.approvals.approve(late.code, 'me'), 'NOT_FOUND')
    expect(await late.approvals.list()).toEqual([])
    await refusal(late.again(), 'PLAN_EXPIRED')
  })

  test('declined burns the plan', async () => {
    const { approvals, code, again } = await waiting()
    await approvals.decline(code, 'me')
    await refusal(again(), 'APPROVAL_DECLINED')
    await refusal(approvals.approve(code, 'me'), 'NOT_FOUND')
  })

  test('is decided once, by the first of two people', async () => {
    const { approvals, code } = await waiting()
    const decisions = await Promise.allSettled([
      approvals.approve(code, 'yes'),
      approvals.decline(code, 'no'),
    ])
    expect(decisions.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('is for one plan: the next call needs its own', async () => {
    const { approvals, code, guard, request } = await waiting()
    await approvals.approve(code, 'me')
    const second = replied(await guard.authorize(request(), caller()))
    expect(second.status).toBe('approval_required')
    const again = guard.authorize(request({ confirmation: second.confirmation }), caller())
    expect(replied(await again).approval?.code).not.toBe(code)
  })

  test('of a state that has moved does not count, and the fresh plan needs a fresh one', async () => {
    const { approvals, code, again, live } = await waiting()
    await approvals.approve(code, 'me')
    live.fingerprint = 'moved'
    const { fresh } = await refusal(again(), 'PLAN_STALE')
    expect(fresh).toMatchObject({ status: 'approval_required' })
    expect((fresh as { approval: { code: string } }).approval.code).not.toBe(code)
  })

  test('record that belongs to another plan does not count', async () => {
    const { approvals, code, again, state } = await waiting()
    await approvals.approve(code, 'me')
    const id = code.replace('-', '')
    const found = await state.read('approval', id)
    await state.write('approval', id, { ...(found?.value as object), plan: 'cfm_another00' }, 2)
    expect(replied(await again()).status).toBe('approval_required')
  })

  test('cannot be had for a plan that was shown as a question', async () => {
    const { guard, request } = createDesk({ mode: 'auto', reversible: false })
    const { confirmation } = asked(await guard.authorize(request(), caller({ canAsk: true })))
    await refusal(guard.authorize(request({ confirmation }), caller()), 'PLAN_MISMATCH')
  })
})

describe('guessing and flooding', () => {
  test('ten wrong codes in ten minutes, by whomever, and none is looked at', async () => {
    const { approvals, code, time } = await waiting()
    for (let n = 0; n < 10; n++) expect(await approvals.find(`WRNG${n}222`)).toBeUndefined()
    const problem = await refusal(approvals.find(code), 'RATE_LIMITED')
    time.now += problem.retry_after_ms as number
    expect(await approvals.find('WRNG2222')).toBeUndefined()
  })

  test('a code that is right is no guess', async () => {
    const { approvals, code } = await waiting()
    for (let n = 0; n < 30; n++) expect(await approvals.find(code)).toBeDefined()
  })

  test('eleven calls do not wait for one person', async () => {
    const { guard, request, approvals, time } = createDesk({ mode: 'auto', reversible: false })
    for (let n = 0; n < 10; n++) replied(await guard.authorize(request(), caller()))
    await refusal(guard.authorize(request(), caller()), 'RATE_LIMITED')
    expect(await approvals.list()).toHaveLength(10)
    replied(await guard.authorize(request(), caller({ principal: 'bob' })))
    time.now += 10 * 60_000
    replied(await guard.authorize(request(), caller()))
  })
})

describe('a call that may be repeated as it was', () => {
  const undo = {
    type: 'undo',
    repeatable: true,
    confirm: 'if_irreversible',
    args: { operation: 'op_1' },
  } as const

  test('runs with its confirmation as well', async () => {
    const { guard, request, approvals } = createDesk({ mode: 'human' })
    const { confirmation, approval } = replied(await guard.authorize(request(undo), caller()))
    await approvals.approve(approval?.code as string, 'me')
    granted(await guard.authorize(request({ ...undo, confirmation }), caller()))
  })

  test('hears once that a person declined it, and may then be asked about anew', async () => {
    const { guard, request, approvals, time } = createDesk({ mode: 'human' })
    const call = () => guard.authorize(request(undo), caller())
    const decline = async () => approvals.decline(replied(await call()).approval?.code as string, 'me')
    const { plan } = await decline()
    await refusal(call(), 'APPROVAL_DECLINED')
    expect(replied(await call())).toMatchObject({ status: 'approval_required' })
    expect(replied(await call()).confirmation).not.toBe(plan)
    await decline()
    time.now += 600_000
    expect(replied(await call())).toMatchObject({ status: 'approval_required' })
  })

  test('is simply repeated after the approval', async () => {
    const { guard, request, approvals } = createDesk({ mode: 'human' })
    const call = (principal = 'ann') =>
      guard.authorize(request({ ...undo, lock: 'known' }), caller({ principal }))
    const first = replied(await call())
    expect(first.confirmation).toMatch(/^cfm_/)
    expect(replied(await call()).approval?.code).toBe(first.approval?.code)
    await approvals.approve(first.approval?.code as string, 'me')
    expect(replied(await call('bob')).status).toBe('approval_required')
    await granted(await call()).settle('done')
    expect(replied(await call()).approval?.code).not.toBe(first.approval?.code)
  })
})

describe('human mode without a way back', () => {
  test('takes the approval and then the answer', async () => {
    const { guard, request, approvals } = createDesk({ mode: 'human', reversible: false })
    const ann = caller({ canAsk: true })
    const { confirmation, approval } = replied(await guard.authorize(request(), ann))
    const again = (answer?: object) =>
      guard.authorize(request({ confirmation }), {
        ...ann,
        ...(answer && {
          answer: { confirmation: confirmation as string, action: 'accept', content: { ...answer } },
        }),
      })
    // The answer alone does not do.
    expect(replied(await again({ typed: '123456' })).status).toBe('approval_required')
    await approvals.approve(approval?.code as string, 'me')
    // The approval alone does not do either.
    expect(asked(await again()).typed).toEqual({ label: expect.any(String), length: 6 })
    granted(await again({ typed: '123456' }))
  })

  test('takes no answer from a client that cannot ask, approved or not', async () => {
    const { guard, request, approvals } = createDesk({ mode: 'human', reversible: false })
    const { confirmation, approval } = replied(await guard.authorize(request(), caller({ canAsk: true })))
    await approvals.approve(approval?.code as string, 'me')
    const answer = {
      confirmation: confirmation as string,
      action: 'accept' as const,
      content: { typed: '123456' },
    }
    await refusal(guard.authorize(request({ confirmation }), caller({ answer })), 'APPROVAL_DECLINED')
  })
})
