import { describe, expect, test } from 'vitest'
import { type Method, repeatable } from '../../../src/providers/http/wire.ts'
import type { Fault } from '../../emulators/http.ts'
import { Thing, type World, world } from './world.ts'

const METHODS = ['GET', 'POST', 'PUT', 'DELETE'] as const
type Call = Promise<unknown>

/** One call of each kind, about a thing that is there. */
function callOf({ http, ctx, things }: World, method: Method): Call {
  things.all.set('t0', { id: 't0', name: 'old' })
  if (method === 'DELETE') return http.remove({ path: ['things', 't0'] }, ctx)
  const path = method === 'POST' ? ['things'] : ['things', 't0']
  return http.json({ method, path, schema: Thing, ...(method !== 'GET' && { body: { name: 'new' } }) }, ctx)
}

const answer = (status: number, headers = {}): Fault['how'] => ({
  answer: { status, body: { message: 'not now' }, headers },
})

/** What each answer and each accident means for a repeatable call and for one that is not. */
const TABLE: [what: string, how: Fault['how'], reads: 'again' | 'fails', creates: 'again' | 'fails'][] = [
  ['429', answer(429), 'again', 'again'],
  ['500', answer(500), 'again', 'fails'],
  ['502', answer(502), 'again', 'fails'],
  ['503', answer(503), 'again', 'fails'],
  ['504', answer(504), 'again', 'fails'],
  ['a reset', 'reset', 'again', 'fails'],
  ['half an answer', 'truncate', 'again', 'fails'],
  ['400', answer(400), 'fails', 'fails'],
  ['401', answer(401), 'fails', 'fails'],
  ['404', answer(404), 'fails', 'fails'],
  ['408', answer(408), 'fails', 'fails'],
  ['409', answer(409), 'fails', 'fails'],
  ['501', answer(501), 'fails', 'fails'],
]

describe.for(METHODS)('%s', (method) => {
  test.for(TABLE)('after %s', async ([, how, reads, creates]) => {
    const its = await world()
    its.trouble(how)
    const again = (repeatable(method) ? reads : creates) === 'again'
    if (again) await callOf(its, method)
    else await its.problemOf(callOf(its, method))
    expect(its.things.requests).toHaveLength(again ? 2 : 1)
    expect(its.time.slept).toEqual(again ? [1000] : [])
  })

  test('is sent as soon as somebody is listening, and once', async () => {
    const its = await world()
    await its.proxy.refuse()
    its.time.onSleep = () => its.time.slept.length === 3 && its.proxy.accept()
    await callOf(its, method)
    expect(its.things.requests).toHaveLength(1)
    expect(its.time.slept).toEqual([1000, 2000, 4000])
  })

  test('that nobody ever listens to has changed nothing', async () => {
    const its = await world()
    await its.proxy.refuse()
    const problem = await its.problemOf(callOf(its, method), 'NETWORK')
    expect(problem).toMatchObject({ outcome: 'not_started', retryable: true })
    expect(problem.message).toBe('Things could not be reached (ECONNREFUSED) (5 tries). Nothing was changed.')
    expect(its.time.slept).toEqual([1000, 2000, 4000, 8000])
  })
})

describe('the outcome of a failed call', () => {
  const outcomes: [what: string, how: Fault['how'], outcome: string][] = [
    ['a refusal', answer(409), 'not_started'],
    ['a refusal for its number', answer(429, { 'retry-after': '3600' }), 'not_started'],
    ['a failure of the vendor', answer(500), 'unknown'],
    ['a gateway that lost patience', answer(504), 'unknown'],
    ['a request that took too long', answer(408), 'unknown'],
    ['a reset', 'reset', 'unknown'],
    ['half an answer', 'truncate', 'unknown'],
  ]
  test.for(outcomes)('is, after %s: as it has to be', async ([, how, outcome]) => {
    for (const method of ['POST', 'PUT'] as const) {
      const its = await world()
      its.trouble(how)
      expect(await its.problemOf(callOf(its, method))).toMatchObject({ outcome })
    }
    const its = await world()
    its.trouble(how, 9)
    expect(await its.problemOf(callOf(its, 'GET'))).toMatchObject({ outcome: 'not_started' })
  })

  test('remembers what an earlier try may have done', async () => {
    const { things, trouble, remove, problemOf } = await world()
    things.all.set('t1', { id: 't1', name: 'one' })
    trouble(answer(503))
    trouble(answer(401))
    expect(await problemOf(remove('t1'), 'UNAUTHENTICATED')).toMatchObject({ outcome: 'unknown' })
  })
})

describe('a delete', () => {
  test('of what is not there is an error', async () => {
    const { remove, problemOf } = await world()
    expect(await problemOf(remove('t9'), 'NOT_FOUND')).toMatchObject({ outcome: 'not_started' })
  })

  test('that finds nothing any more after a lost answer has succeeded', async () => {
    const { things, trouble, remove } = await world()
    for (const how of ['reset', 'truncate', answer(502)] as const) {
      things.all.set('t1', { id: 't1', name: 'one' })
      trouble(how, 1, 'after')
      expect(await remove('t1')).toBe(404)
    }
    expect(things.all.size).toBe(0)
  })

  test('that was never carried out before is not taken for one', async () => {
    const { trouble, remove, problemOf } = await world()
    trouble(answer(429))
    await problemOf(remove('t9'), 'NOT_FOUND')
  })

  test('believes no page that says that it is gone', async () => {
    const { trouble, remove, problemOf } = await world()
    trouble(answer(503))
    trouble({ answer: { status: 404, raw: '<html>', headers: { 'content-type': 'text/html' } } })
    expect(await problemOf(remove('t1'), 'PROVIDER_BUG')).toMatchObject({ outcome: 'unknown' })
  })
})

describe('the pause before a retry', () => {
  test('doubles up to half a minute, and chance takes up to a half of it', async () => {
    const draws = [0, 0.5, 1, 0.25]
    const its = await world({ random: () => draws.shift()! })
    its.trouble(answer(503), 4)
    await callOf(its, 'GET')
    expect(its.time.slept).toEqual([1000, 1500, 2000, 7000])
  })

  const NOON = Date.UTC(2026, 10, 20, 12)
  test.for([
    ['seconds', '7', [7000]],
    ['less than our own pause', '0', [1000]],
    ['a date', new Date(NOON + 20_000).toUTCString(), [20_000]],
    ['a date that has passed', new Date(NOON - 20_000).toUTCString(), [1000]],
    ['a negative number', '-7', [1000]],
    ['no number', 'soon', [1000]],
    ['nothing', '', [1000]],
  ] as const)('is what the vendor asks for: %s', async ([, header, slept]) => {
    for (const status of [429, 503]) {
      const its = await world()
      its.trouble(answer(status, { 'retry-after': header }))
      await callOf(its, 'GET')
      expect(its.time.slept).toEqual(slept)
    }
  })

  test.for([
    ['61', 61_000],
    ['600', 600_000],
    ['1000000000', 86_400_000],
  ] as const)(
    'is not made when the vendor asks for more than the call has left: %s s',
    async ([header, ms]) => {
      for (const method of ['GET', 'POST'] as const) {
        const its = await world()
        its.trouble(answer(429, { 'retry-after': header }))
        const problem = await its.problemOf(callOf(its, method), 'RATE_LIMITED')
        expect(problem).toMatchObject({ retry_after_ms: ms, retryable: true, outcome: 'not_started' })
        expect(its.time.slept).toEqual([])
      }
    },
  )

  test('ends with the call: four retries, or fewer in a shorter time', async () => {
    const its = await world()
    its.trouble(answer(503), 99)
    await its.problemOf(callOf(its, 'GET'), 'PROVIDER_UNAVAILABLE')
    expect(its.things.requests).toHaveLength(5)

    const other = await world()
    other.trouble(answer(503), 99)
    const call = { method: 'GET', path: ['things'], schema: Thing, timeoutMs: 3500 } as const
    await other.problemOf(other.http.json(call, other.ctx), 'PROVIDER_UNAVAILABLE')
    expect(other.things.requests).toHaveLength(3)
  })
})
