import { describe, expect, test } from 'vitest'
import type { Fault } from '../../emulators/http.ts'
import { Thing, type World, world } from './world.ts'

const DOWN: Fault['how'] = { answer: { status: 503, body: { message: 'down' } } }
const REFUSED: Fault['how'] = { answer: { status: 400, body: { message: 'no' } } }

async function withThing(options = {}): Promise<World> {
  const its = await world(options)
  its.things.all.set('t1', { id: 't1', name: 'one' })
  return its
}

describe('five failures in a row', () => {
  test('keep everybody away for half a minute, and then one call looks', async () => {
    const { trouble, make, read, problemOf, time, things } = await withThing()
    trouble(DOWN, 6)
    for (let n = 0; n < 5; n++) await problemOf(make(), 'PROVIDER_UNAVAILABLE')
    expect(await problemOf(read('t1'))).toEqual({
      code: 'PROVIDER_UNAVAILABLE',
      message:
        'Things has failed several times in a row and is left alone for a moment. Nothing was changed.',
      hint: 'Call again in 30 seconds.',
      outcome: 'not_started',
      retryable: true,
      retry_after_ms: 30_000,
      provider: 'things',
    })
    time.pass(29_999)
    await problemOf(make(), 'PROVIDER_UNAVAILABLE')
    expect(things.requests).toHaveLength(5)

    time.pass(1)
    await problemOf(make(), 'PROVIDER_UNAVAILABLE')
    expect(things.requests).toHaveLength(6)
    time.pass(29_999)
    await problemOf(read('t1'), 'PROVIDER_UNAVAILABLE')
    expect(things.requests).toHaveLength(6)

    time.pass(1)
    await read('t1')
    await make()
    expect(things.requests).toHaveLength(8)
  })

  test('count over all calls, and retries with them', async () => {
    const { trouble, make, read, problemOf, things } = await withThing()
    trouble(DOWN, 99)
    await problemOf(make(), 'PROVIDER_UNAVAILABLE')
    await problemOf(read('t1'), 'PROVIDER_UNAVAILABLE')
    expect(things.requests).toHaveLength(5)
  })

  test('are no five when an answer comes between, and a refusal is an answer', async () => {
    const { trouble, make, read, problemOf, things } = await withThing()
    for (let n = 0; n < 3; n++) {
      trouble(DOWN, 4)
      for (let m = 0; m < 4; m++) await problemOf(make(), 'PROVIDER_UNAVAILABLE')
      trouble(REFUSED)
      await problemOf(make(), 'INVALID_ARGUMENT')
    }
    await read('t1')
    expect(things.requests).toHaveLength(16)
  })

  test('let in one call at a time afterwards, and none is lost that was cancelled meanwhile', async () => {
    const { trouble, make, read, problemOf, time, things, http, ctx } = await withThing()
    trouble(DOWN, 5)
    for (let n = 0; n < 5; n++) await problemOf(make(), 'PROVIDER_UNAVAILABLE')
    time.pass(30_000)
    trouble('hang')
    const patience = new AbortController()
    const arrived = untilRequests(things, 6)
    const looking = http.json(
      { method: 'GET', path: ['things', 't1'], schema: Thing },
      { ...ctx, signal: patience.signal },
    )
    const looked = problemOf(looking, 'CANCELLED')
    await arrived
    expect(await problemOf(make(), 'PROVIDER_UNAVAILABLE')).toMatchObject({ retry_after_ms: 1000 })
    patience.abort()
    await looked
    await read('t1')
  })

  test('are not counted from a future that a clock was in', async () => {
    const { trouble, make, read, problemOf, time } = await withThing()
    trouble(DOWN, 5)
    for (let n = 0; n < 5; n++) await problemOf(make(), 'PROVIDER_UNAVAILABLE')
    time.pass(-3_600_000)
    await problemOf(read('t1'), 'PROVIDER_UNAVAILABLE')
    time.pass(30_000)
    await read('t1')
  })
})

/** One of the event loop. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Resolves when the vendor has seen so many requests. */
async function untilRequests(things: World['things'], count: number): Promise<void> {
  while (things.requests.length < count) await turn()
}

describe('calls at the same time', () => {
  test('are four at most', async () => {
    const { read, proxy } = await withThing()
    for (let round = 0; round < 2; round++) {
      proxy.exchanges.length = 0
      let open = () => {}
      const until = new Promise<void>((resolve) => (open = resolve))
      proxy.troubles.push(...Array(12).fill({ how: 'delay', until }))
      const reads = Promise.all(Array.from({ length: 12 }, () => read('t1')))
      while (proxy.exchanges.length < 4) await turn()
      for (let n = 0; n < 50; n++) await turn()
      expect(proxy.exchanges).toHaveLength(4)
      open()
      expect(await reads).toHaveLength(12)
      expect(proxy.exchanges).toHaveLength(12)
    }
  })

  test('wait their turn, and may give up waiting', async () => {
    const { read, things, trouble, http, ctx, problemOf } = await withThing()
    const get = ({ signal }: AbortController) =>
      problemOf(
        http.json({ method: 'GET', path: ['things', 't1'], schema: Thing }, { ...ctx, signal }),
        'CANCELLED',
      )
    const four = (caller: AbortController) => Promise.all(Array.from({ length: 4 }, () => get(caller)))
    trouble('hang', 4)
    const patience = new AbortController()
    const impatience = new AbortController()
    const held = four(patience)
    await untilRequests(things, 4)
    const waiting = four(impatience)
    const last = read('t1')
    impatience.abort()
    expect(await waiting).toMatchObject(Array(4).fill({ outcome: 'not_started' }))
    patience.abort()
    await held
    await last
    expect(things.requests).toHaveLength(5)
  })
})

describe('the retries of all calls', () => {
  test('have a budget, which good calls fill again', async () => {
    const { read, problemOf, trouble, time, things } = await withThing()
    const outage = async () => {
      const before = things.requests.length
      trouble(DOWN, 99)
      await problemOf(read('t1'), 'PROVIDER_UNAVAILABLE')
      const tries = things.requests.length - before
      things.faults.length = 0
      time.pass(30_000)
      trouble(REFUSED)
      await problemOf(read('t1'), 'INVALID_ARGUMENT')
      return tries
    }
    const tries = []
    for (let n = 0; n < 8; n++) tries.push(await outage())
    expect(tries).toEqual([5, 5, 5, 5, 5, 1, 1, 1])
    for (let n = 0; n < 4; n++) await read('t1')
    expect(await outage()).toBe(3)
  })
})

describe('what the vendor allows in a time', () => {
  const rate = { calls: 3, perMs: 50_000 }

  test('is kept to: the next call waits until the first is old enough', async () => {
    const { read, time } = await withThing({ rate })
    for (const ms of [0, 10_000, 10_000]) {
      time.pass(ms)
      await read('t1')
    }
    expect(time.slept).toEqual([])
    await read('t1')
    await read('t1')
    expect(time.slept).toEqual([30_000, 10_000])
    time.pass(120_000)
    for (let n = 0; n < 3; n++) await read('t1')
    expect(time.slept).toHaveLength(2)
  })

  test('is not waited for by a call that has less time, and nothing is sent or counted', async () => {
    const { read, http, ctx, problemOf, things } = await withThing({ rate })
    for (let n = 0; n < 3; n++) await read('t1')
    const hasty = { method: 'POST', path: ['things'], body: {}, schema: Thing, timeoutMs: 50_000 } as const
    for (let n = 0; n < 3; n++)
      expect(await problemOf(http.json(hasty, ctx), 'RATE_LIMITED')).toMatchObject({
        retry_after_ms: 50_000,
        retryable: true,
        outcome: 'not_started',
      })
    expect(things.requests).toHaveLength(3)
    await read('t1')
  })

  test('is no longer when a clock was set back', async () => {
    const { read, time } = await withThing({ rate })
    for (let n = 0; n < 3; n++) await read('t1')
    time.pass(-3_600_000)
    await read('t1')
    expect(time.slept).toEqual([50_000])
  })
})
