import { describe, expect, onTestFinished, test } from 'vitest'
import { createSecret } from '../../../src/providers/http/secret.ts'
import { createHttp } from '../../../src/providers/http.ts'
import type { Fault } from '../../emulators/http.ts'
import { thingDialect } from './things.ts'
import { CANARY, Thing, type World, world } from './world.ts'

/** Resolves when so many requests have come in at the vendor. */
async function arrived({ things }: World, count: number): Promise<void> {
  while (things.requests.length < count) await new Promise((resolve) => setImmediate(resolve))
}

const hang = async (at: Fault['at'] = 'before') => {
  const its = await world()
  its.things.all.set('t1', { id: 't1', name: 'one' })
  its.trouble('hang', 9, at)
  return its
}

describe('a caller who goes away', () => {
  test('before anything was sent has changed nothing', async () => {
    const its = await world()
    its.cancel()
    for (const call of [its.make(), its.read('t1'), its.remove('t1')])
      expect(await its.problemOf(call, 'CANCELLED')).toMatchObject({ outcome: 'not_started' })
    expect(its.things.requests).toEqual([])
  })

  test('while the vendor is at work cannot know, unless it only reads', async () => {
    for (const [call, outcome] of [
      ['make', 'unknown'],
      ['remove', 'unknown'],
      ['read', 'not_started'],
    ] as const) {
      const its = await hang()
      const problem = its.problemOf(its[call]('t1'), 'CANCELLED')
      await arrived(its, 1)
      its.cancel()
      expect(await problem).toMatchObject({ outcome, retryable: false })
      expect(its.things.requests).toHaveLength(1)
    }
  })

  test('while a connection is being made is not sent for when there is one', async () => {
    const its = await world()
    const { after } = its.time
    const leaving = new AbortController()
    its.time.after = (ms, ring) => {
      // The alarm for the connection is the last thing before it is asked for.
      if (ms === 5_000) queueMicrotask(() => leaving.abort())
      return after(ms, ring)
    }
    const call = { method: 'POST', path: ['things'], body: { name: 'unwanted' }, schema: Thing } as const
    const gone = its.http.json(call, { ...its.ctx, signal: leaving.signal })
    expect(await its.problemOf(gone, 'CANCELLED')).toMatchObject({ outcome: 'not_started' })
    await its.make('wanted')
    expect(its.things.requests).toMatchObject([{ body: { name: 'wanted' } }])
  })

  test('during a pause ends it, and what came before counts', async () => {
    for (const [call, outcome] of [
      ['remove', 'unknown'],
      ['read', 'not_started'],
    ] as const) {
      const its = await world()
      its.trouble({ answer: { status: 503, body: { message: 'later' } } })
      its.time.onSleep = its.cancel
      expect(await its.problemOf(its[call]('t1'), 'CANCELLED')).toMatchObject({ outcome })
      expect(its.things.requests).toHaveLength(1)
    }
  })

  test('while nobody answers the door has changed nothing', async () => {
    const its = await world()
    await its.proxy.refuse()
    its.time.onSleep = its.cancel
    expect(await its.problemOf(its.make(), 'CANCELLED')).toMatchObject({ outcome: 'not_started' })
  })
})

describe('the end of the server', () => {
  test('ends what is under way, and sends nothing any more', async () => {
    const its = await hang()
    its.time.onSleep = () => expect.unreachable('nothing is to be repeated')
    const ends = [its.problemOf(its.make(), 'CANCELLED'), its.problemOf(its.read('t1'), 'CANCELLED')]
    await arrived(its, 2)
    await its.http.close()
    expect(await Promise.all(ends)).toMatchObject([{ outcome: 'unknown' }, { outcome: 'not_started' }])
    expect(await its.problemOf(its.make(), 'CANCELLED')).toMatchObject({ outcome: 'not_started' })
    expect(its.things.requests).toHaveLength(2)
  })
})

describe('a vendor that is silent', () => {
  test('or not: when a call is over, no alarm is left', async () => {
    const its = await world()
    await its.read((await its.make()).id)
    await its.problemOf(its.read('t9'))
    expect(its.time.alarms()).toBe(0)
  })

  test('for half a minute is asked again by what may ask again', async () => {
    const its = await hang()
    const read = its.read('t1')
    await arrived(its, 1)
    its.things.faults.length = 0
    its.time.pass(30_000)
    expect(await read).toMatchObject({ id: 't1' })
    expect(its.things.requests).toHaveLength(2)
  })

  test('has perhaps made what it was asked for', async () => {
    const its = await hang('after')
    const problem = its.problemOf(its.make(), 'TIMEOUT')
    await arrived(its, 1)
    its.time.pass(29_999)
    its.time.pass(1)
    expect(await problem).toMatchObject({
      message: 'Things did not answer in time. It is not known whether it took effect.',
      outcome: 'unknown',
      retryable: false,
    })
    expect(its.things.made()).toBe(1)
  })

  test('may be given more time, up to that of the whole call', async () => {
    const its = await hang()
    const body = { name: 'slow' }
    const times = { timeoutMs: 900_000, firstByteMs: 900_000 }
    const call = its.http.json({ method: 'POST', path: ['things'], body, schema: Thing, ...times }, its.ctx)
    let over = false
    const problem = its.problemOf(call, 'TIMEOUT').finally(() => (over = true))
    await arrived(its, 1)
    its.time.pass(899_999)
    await new Promise((resolve) => setImmediate(resolve))
    expect(over).toBe(false)
    its.time.pass(1)
    expect(await problem).toMatchObject({ outcome: 'unknown' })
  })

  test('for a minute in all ends the call, however it went before', async () => {
    const its = await hang()
    const problem = its.problemOf(its.read('t1'), 'TIMEOUT')
    await arrived(its, 1)
    its.time.pass(30_000)
    await arrived(its, 2)
    its.time.pass(30_000)
    expect(await problem).toMatchObject({ outcome: 'not_started', retryable: true })
  })

  test('in the middle of an answer ends the call with its time', async () => {
    for (const [call, outcome] of [
      ['make', 'unknown'],
      ['read', 'not_started'],
    ] as const) {
      const its = await world()
      its.things.all.set('t1', { id: 't1', name: 'one' })
      const stream = async function* () {
        yield '{"id":'
        await new Promise(() => {})
      }
      its.trouble({ answer: { status: 200, stream: stream() } })
      const problem = its.problemOf(its[call]('t1'), 'TIMEOUT')
      await arrived(its, 1)
      // Only that of the whole call is left when the answer has begun.
      while (its.time.alarms() > 1) await new Promise((resolve) => setImmediate(resolve))
      its.time.pass(59_999)
      its.time.pass(1)
      expect(await problem).toMatchObject({ outcome })
    }
  })
})

describe('a secure connection', () => {
  /** The same address, spoken to in TLS. */
  const secure = async () => {
    const its = await world()
    const http = createHttp({
      provider: 'things',
      baseUrl: its.proxy.url.replace('http:', 'https:'),
      key: createSecret(CANARY),
      dialect: thingDialect,
      time: its.time,
      random: () => 0,
    })
    onTestFinished(() => http.close())
    const make = () => http.json({ method: 'POST', path: ['things'], body: {}, schema: Thing }, its.ctx)
    return { its, make }
  }

  test('that is not made within five seconds is tried again, for a create as well', async () => {
    const { its, make } = await secure()
    its.proxy.troubles.push(...Array(9).fill({ how: 'blackhole' }))
    const problem = its.problemOf(make(), 'TIMEOUT')
    for (let tries = 1; tries <= 5; tries++) {
      while (its.proxy.exchanges.length < tries) await new Promise((resolve) => setImmediate(resolve))
      its.time.pass(5_000)
    }
    expect(await problem).toMatchObject({ outcome: 'not_started', retryable: true })
    expect(its.proxy.exchanges).toEqual(Array(5).fill({ asked: 0, answered: 0 }))
  })

  test('to somebody who does not speak it is not tried twice', async () => {
    const { its, make } = await secure()
    const problem = await its.problemOf(make(), 'NETWORK')
    expect(problem).toMatchObject({ outcome: 'not_started' })
    expect(problem.message).toMatch(
      /^Things has no valid certificate \(ERR_SSL_[A-Z_]+\)\. Nothing was changed\.$/,
    )
    expect(its.time.slept).toEqual([])
    expect(its.things.requests).toEqual([])
  })

  test('that a caller does not wait for has changed nothing', async () => {
    const { its, make } = await secure()
    its.proxy.troubles.push({ how: 'blackhole' })
    const problem = its.problemOf(make(), 'CANCELLED')
    while (its.proxy.exchanges.length === 0) await new Promise((resolve) => setImmediate(resolve))
    its.cancel()
    expect(await problem).toMatchObject({ outcome: 'not_started' })
  })
})
