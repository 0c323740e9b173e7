import type { ServerContext } from '@modelcontextprotocol/server'
import { describe, expect, test, vi } from 'vitest'
import { createQuestions } from '../../src/mcp/question.ts'
import { byHand, envelope, legacy, modern, type Person } from './support/connect.ts'
import { fakeService, ID } from './support/fake-service.ts'

const call = { name: 'snapshot_delete', arguments: { snapshots: [ID] } }
const FORM = { elicitation: { form: {} } }
const YES = { approval: { action: 'accept', content: { confirm: true } } }

const clients = [
  ['2026-07-28', modern],
  ['2025-11-25', legacy],
] as const

describe.each(clients)('a question to a person, %s', (_era, connect) => {
  const answered = async (person: Person, typed?: { label: string; length: number }) => {
    const service = fakeService({}, typed)
    const client = await connect(service, { person })
    const { structuredContent } = await client.callTool(call)
    return { service, reply: structuredContent as Record<string, unknown> }
  }

  test('a yes with the box ticked runs it, once', async () => {
    const person = vi.fn<Person>(() => ({ action: 'accept', content: { confirm: true } }))
    const { service, reply } = await answered(person)
    expect(reply.status).toBe('done')
    expect(service.executed).toBe(1)
    expect(person).toHaveBeenCalledOnce()
    const [question] = person.mock.calls[0]!
    expect(question.message).toBe('Delete it?')
    expect(question.requestedSchema).toMatchObject({
      properties: { confirm: { type: 'boolean' } },
      required: ['confirm'],
    })
    expect(service.calls.at(-1)?.caller.answer).toEqual({
      confirmation: 'cfm_abcdefgh',
      action: 'accept',
      content: { confirm: true },
    })
  })

  test.each(['decline', 'cancel'] as const)('%s runs nothing', async (action) => {
    const { service, reply } = await answered(() => ({ action }))
    expect(reply.code).toBe('APPROVAL_DECLINED')
    expect(service.executed).toBe(0)
    expect(service.calls.at(-1)?.caller.answer).toEqual({ confirmation: 'cfm_abcdefgh', action })
  })

  test.each([{ confirm: false }, { confirm: 'true' }, {}])('accepting with %j is a no', async (content) => {
    const { service, reply } = await answered(() => ({ action: 'accept', content }))
    expect(reply.code).toBe('APPROVAL_DECLINED')
    expect(service.executed).toBe(0)
  })

  test('what cannot be undone asks for typed characters, and a ticked box is a no', async () => {
    const typed = { label: 'the last 6 characters of the id', length: 6 }
    const good = await answered(() => ({ action: 'accept', content: { typed: 'ababab' } }), typed)
    expect(good.service.calls.at(-1)?.caller.answer?.content).toEqual({ typed: 'ababab' })
    const bad = await answered(() => ({ action: 'accept', content: { confirm: true } }), typed)
    expect(bad.reply.code).toBe('APPROVAL_DECLINED')
  })

  test('a client that cannot ask gets a token instead', async () => {
    const service = fakeService()
    const client = await connect(service)
    const { structuredContent, content } = await client.callTool(call)
    expect(structuredContent).toMatchObject({ status: 'confirmation_required' })
    expect((content as { text: string }[])[0]?.text).toContain('"confirmation":"cfm_abcdefgh"')
    expect(service.calls[0]?.caller.canAsk).toBe(false)
  })
})

test('2025: a client that fails to ask is a cancel, not a yes', async () => {
  const service = fakeService()
  const client = await legacy(service, {
    person: () => {
      throw new Error('no window')
    },
  })
  const { structuredContent } = await client.callTool(call)
  expect(structuredContent).toMatchObject({ code: 'APPROVAL_DECLINED' })
  expect(service.calls.at(-1)?.caller.answer?.action).toBe('cancel')
})

describe('answers that nobody asked for', () => {
  const ask = { ...call, ...envelope(FORM) }

  test('in a first call, without a state: it stays a first call', async () => {
    const service = fakeService()
    const { request } = await byHand(service)
    const { result } = await request('tools/call', { ...ask, inputResponses: YES })
    expect(result).toMatchObject({ resultType: 'input_required' })
    expect(service.executed).toBe(0)
    expect(service.calls[0]?.caller.answer).toBeUndefined()
  })

  test('from a client that did not say it can ask: never looked at', async () => {
    const service = fakeService()
    const { request } = await byHand(service)
    const { result: question } = await request('tools/call', ask)
    const { requestState } = question!
    const { result } = await request('tools/call', {
      ...call,
      ...envelope(),
      inputResponses: YES,
      requestState,
    })
    expect(result?.structuredContent).toMatchObject({ status: 'confirmation_required' })
    expect(service.calls.at(-1)?.caller.answer).toBeUndefined()
    expect(service.executed).toBe(0)
  })

  test('over a 2025 connection, where answers never travel with a call', async () => {
    const service = fakeService()
    const other = await byHand(service)
    const { requestState } = (await other.request('tools/call', ask)).result!

    const { request, notifications } = await byHand(service)
    await request('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: { elicitation: {} },
      clientInfo: { name: 'by-hand', version: '1' },
    })
    for (const state of [{}, { requestState }])
      void request('tools/call', { ...call, inputResponses: YES, ...state })
    // The person is asked all the same, and nobody has answered yet.
    await vi.waitFor(() =>
      expect(notifications.map(({ method }) => method)).toEqual(['elicitation/create', 'elicitation/create']),
    )
    expect(service.calls.every(({ caller }) => caller.answer === undefined)).toBe(true)
    expect(service.executed).toBe(0)
  })

  test('with a state that is made up, changed or signed for somebody else: refused by the protocol', async () => {
    const service = fakeService()
    const { request } = await byHand(service)
    const foreign = await byHand(service, { principal: 'local:1001' })
    const { requestState: own } = (await request('tools/call', ask)).result!
    const { requestState: others } = (await foreign.request('tools/call', { ...ask })).result!
    for (const requestState of ['made-up', `${own!.slice(0, -2)}AA`, others]) {
      const { error } = await request('tools/call', { ...ask, inputResponses: YES, requestState })
      expect(error).toMatchObject({ code: -32602 })
    }
    expect(service.executed).toBe(0)
  })

  test('with the state of another call: PLAN_MISMATCH', async () => {
    const service = fakeService()
    const { request } = await byHand(service)
    const { requestState } = (await request('tools/call', ask)).result!
    const other = `local:${'cd'.repeat(32)}`
    for (const wrong of [
      { ...ask, arguments: { snapshots: [other] } },
      { ...ask, arguments: { snapshots: [ID, other] } },
      { ...ask, name: 'snapshot_restore', arguments: { snapshot: ID } },
    ]) {
      const { result } = await request('tools/call', { ...wrong, inputResponses: YES, requestState })
      expect(result).toMatchObject({ isError: true, structuredContent: { code: 'PLAN_MISMATCH' } })
    }
    expect(service.executed).toBe(0)
  })

  test('a state without an answer is asked about again', async () => {
    const service = fakeService()
    const { request } = await byHand(service)
    const { requestState } = (await request('tools/call', ask)).result!
    const { result } = await request('tools/call', { ...ask, requestState })
    expect(result).toMatchObject({ resultType: 'input_required' })
    expect(service.executed).toBe(0)
  })

  test('the same arguments in another order are the same call; a replay meets the plan, with the same id', async () => {
    const service = fakeService()
    const { request } = await byHand(service)
    const first = { ...ask, arguments: { dry_run: false, snapshots: [ID] } }
    const { requestState } = (await request('tools/call', first)).result!
    for (let round = 0; round < 2; round++) {
      const { result } = await request('tools/call', { ...ask, inputResponses: YES, requestState })
      expect(result?.structuredContent).toMatchObject({ status: 'done' })
    }
    const confirmations = service.calls.slice(1).map(({ caller }) => caller.answer?.confirmation)
    expect(confirmations).toEqual(['cfm_abcdefgh', 'cfm_abcdefgh'])
  })
})

test('an answer belongs to its tool even where another takes the same arguments', async () => {
  const questions = createQuestions('local:1000', async () => new Uint8Array(32))
  const args = { snapshots: [ID] }
  const { requestState } = await questions.embed(
    { status: 'question', confirmation: 'cfm_abcdefgh', message: 'Delete it?' },
    'snapshot_delete',
    args,
  )
  const pending = await questions.verify(requestState!, {} as ServerContext)
  const ctx = { mcpReq: { requestState: () => pending, inputResponses: YES } } as unknown as ServerContext
  expect(await questions.answerIn(ctx, 'snapshot_delete', args)).toMatchObject({ action: 'accept' })
  await expect(questions.answerIn(ctx, 'snapshot_other', args)).rejects.toMatchObject({
    code: 'PLAN_MISMATCH',
  })
})

test('with another key open questions die, and what is asked from then on does not (G19)', async () => {
  const question = { status: 'question' as const, confirmation: 'cfm_abcdefgh', message: 'Delete it?' }
  const start = (key: number) => createQuestions('local:1000', async () => new Uint8Array(32).fill(key))
  const ctx = {} as ServerContext
  const [before, after] = [start(1), start(2)]
  const { requestState: open } = await before.embed(question, 'snapshot_delete', {})
  await expect(after.verify(open!, ctx)).rejects.toThrow()
  const { requestState: anew } = await after.embed(question, 'snapshot_delete', {})
  expect(await after.verify(anew!, ctx)).toMatchObject({ confirmation: 'cfm_abcdefgh' })
  await expect(before.verify(anew!, ctx)).rejects.toThrow()
})

test('a key that could not be read is asked for again', async () => {
  let tries = 0
  const questions = createQuestions('local:1000', async () => {
    if (++tries === 1) throw new Error('not yet')
    return new Uint8Array(32)
  })
  const ask = () =>
    questions.embed(
      { status: 'question', confirmation: 'cfm_abcdefgh', message: 'Sure?' },
      'snapshot_delete',
      {},
    )
  await expect(ask()).rejects.toThrow('not yet')
  expect(await ask()).toHaveProperty('requestState')
})
