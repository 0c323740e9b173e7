import { describe, expect, test } from 'vitest'
import type { Question } from '../../src/snapshots/caller.ts'
import { fail } from '../../src/snapshots/errors.ts'
import type { CreatePlan, Provider } from '../../src/snapshots/provider.ts'
import type { CreateReply } from '../../src/snapshots/replies.ts'
import { args, caller, createWorld, refusal, type WorldOptions } from './world.ts'

/** A world in which a capture switches the desk off, as long as it is on. */
function switching(options: WorldOptions = {}) {
  const world = createWorld(options)
  const desk = { on: true, turn: 1 }
  const plan = (): CreatePlan => ({
    summary: 'Switch the desk off, capture it and switch it on again.',
    effects: { switches_off: 'desk' },
    reversible: false,
    warnings: [],
    fingerprint: `turn ${desk.turn}`,
  })
  const planCreate: Provider['planCreate'] = async () => (desk.on ? plan() : undefined)
  Object.assign(world.provider, { planCreate })
  const create = (fields: object = {}, as = {}) =>
    world.service.create(args.create(fields), caller(as)) as Promise<CreateReply | Question>
  return { ...world, desk, create }
}

describe('a create that does something to its source', () => {
  test('tells its plan, changes nothing, and runs with the confirmation, once', async () => {
    const { create, provider } = switching({ mode: 'token' })
    const first = (await create({ name: 'cold' })) as CreateReply
    expect(first).toMatchObject({
      status: 'confirmation_required',
      plan: { summary: expect.stringContaining('Switch the desk off'), reversible: false },
    })
    expect(provider.shelf.size).toBe(0)
    const { confirmation } = first
    expect(await create({ name: 'cold', confirmation })).toMatchObject({
      status: 'done',
      snapshot: { name: 'cold', state: 'ready' },
    })
    await refusal(create({ name: 'cold', confirmation }), 'PLAN_CONSUMED')
    expect(provider.shelf.size).toBe(1)
  })

  test('a confirmation for another name does not count', async () => {
    const { create, provider } = switching({ mode: 'token' })
    const { confirmation } = (await create({ name: 'cold' })) as CreateReply
    await refusal(create({ name: 'other', confirmation }), 'PLAN_MISMATCH')
    expect(provider.shelf.size).toBe(0)
  })

  test('what changed after the plan was shown is shown again', async () => {
    const { create, desk } = switching({ mode: 'token' })
    const { confirmation } = (await create({ name: 'cold' })) as CreateReply
    desk.turn++
    await refusal(create({ name: 'cold', confirmation }), 'PLAN_STALE')
  })

  test('without a way back it is a person who agrees: in the client where it can ask', async () => {
    const { create, provider } = switching({ mode: 'auto' })
    const question = (await create({ name: 'cold' }, { canAsk: true })) as Question
    expect(question).toMatchObject({
      status: 'question',
      message: expect.stringContaining('Switch the desk off'),
    })
    expect(provider.shelf.size).toBe(0)
    const answer = { confirmation: question.confirmation, action: 'accept', content: { typed: 'desk' } }
    const done = await create({ name: 'cold' }, { canAsk: true, answer })
    expect(done).toMatchObject({ status: 'done', snapshot: { name: 'cold' } })
  })

  test('else outside of the chat, and the same call then runs', async () => {
    const { create, approvals, provider } = switching({ mode: 'auto' })
    const asked = (await create({ name: 'cold' })) as CreateReply
    expect(asked).toMatchObject({ status: 'approval_required', approval: { code: expect.any(String) } })
    await refusal(create({ name: 'cold', confirmation: 'cfm_madeupmadeup' }), 'PLAN_NOT_FOUND')
    const code = asked.approval?.code as string
    await approvals.approve(code, 'ann')
    expect(await create({ name: 'cold' })).toMatchObject({ status: 'done' })
    expect(provider.shelf.size).toBe(1)
  })

  test('with an idempotency_key it runs once, and repeats tell its result without a plan', async () => {
    const { create, provider } = switching({ mode: 'token' })
    const call = { name: 'cold', idempotency_key: 'k' }
    const { confirmation } = (await create(call)) as CreateReply
    const done = (await create({ ...call, confirmation })) as CreateReply
    expect(done.status).toBe('done')
    expect(await create(call)).toMatchObject({
      operation: done.operation,
      snapshot: { id: done.snapshot?.id },
    })
    expect(provider.shelf.size).toBe(1)
  })

  test('asks nobody once the source is off anyway', async () => {
    const { create, desk } = switching({ mode: 'human' })
    desk.on = false
    expect(await create()).toMatchObject({ status: 'done' })
  })

  test('is refused when there is something to agree to only once its turn has come', async () => {
    const world = createWorld({ mode: 'human' })
    const desk = { on: false }
    const planCreate: Provider['planCreate'] = async () =>
      desk.on
        ? { summary: 'Switch it off.', effects: {}, reversible: false, warnings: [], fingerprint: 'on' }
        : undefined
    Object.assign(world.provider, { planCreate })
    const lock = await world.state.lock('memory:box:desk')
    const call = world.service.create(args.create(), caller())
    call.catch(() => {})
    // While it waits for the desk, somebody switches that on.
    await new Promise((resolve) => setTimeout(resolve, 50))
    desk.on = true
    await lock.release()
    await refusal(call, 'PLAN_STALE')
    expect(world.provider.shelf.size).toBe(0)
  })

  test('a no is a no, also where nobody need be asked any more', async () => {
    const { create, desk, provider } = switching({ mode: 'auto' })
    const question = (await create({ name: 'cold' }, { canAsk: true })) as Question
    desk.on = false
    const answer = { confirmation: question.confirmation, action: 'decline' }
    await refusal(create({ name: 'cold' }, { canAsk: true, answer }), 'APPROVAL_DECLINED')
    await refusal(create({ confirmation: 'cfm_madeupmadeup' }), 'PLAN_NOT_FOUND')
    expect(provider.shelf.size).toBe(0)
  })

  test('a repeat of a call that came to nothing meanwhile has to be agreed to like any other', async () => {
    let meanwhile: (() => Promise<unknown>) | undefined
    const { create, desk, provider } = switching({
      mode: 'auto',
      state: (store) => ({
        ...store,
        async write(kind, id, value, after) {
          // The second call took itself for a repeat, and is about to be put on record.
          const then = kind === 'operation' && after === 0 ? meanwhile : undefined
          if (then) meanwhile = undefined
          await then?.()
          return store.write(kind, id, value, after)
        },
      }),
    })
    desk.on = false
    const make = provider.create
    let fails = () => {}
    const began = new Promise<void>((resolve) => {
      provider.create = () =>
        new Promise((_, reject) => {
          fails = () => reject(fail('BUSY', 'It is busy. Nothing was done.', 'Call again.'))
          resolve()
        })
    })
    const first = refusal(create({ idempotency_key: 'k' }), 'BUSY')
    await began
    provider.create = make
    desk.on = true
    meanwhile = () => {
      fails()
      return first
    }
    expect(await create({ idempotency_key: 'k' })).toMatchObject({ status: 'approval_required' })
    expect(provider.shelf.size).toBe(0)
  })

  test('that comes when the server is closing is cancelled, and leaves no lock behind', async () => {
    const { create, service, state, provider } = switching({ mode: 'token' })
    const { confirmation } = (await create({ name: 'cold' })) as CreateReply
    await service.close()
    await refusal(create({ name: 'cold', confirmation }), 'CANCELLED')
    expect(provider.shelf.size).toBe(0)
    await (await state.lock('memory:box:desk', { wait_ms: 0 })).release()
  })
})
