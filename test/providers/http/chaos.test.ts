import { describe, expect, test } from 'vitest'
import { SnapshotError } from '../../../src/snapshots/errors.ts'
import type { Trouble } from '../../support/chaos-proxy.ts'
import { Thing, type World, world } from './world.ts'

/** A call, and how often the vendor has done what it asks for. Each is about a name of its own. */
const CALLS = {
  GET: { call: (its: World, name: string) => its.read(prepared(its, name)), done: () => 0 },
  POST: {
    call: (its: World, name: string) => its.make(name),
    done: ({ things }: World, name: string) =>
      [...things.all.values()].filter((thing) => thing.name === name).length,
  },
  PUT: {
    call: (its: World, name: string) =>
      its.http.json(
        { method: 'PUT', path: ['things', prepared(its, name)], body: { name: 'renamed' }, schema: Thing },
        its.ctx,
      ),
    done: ({ things }: World, name: string) => Number(things.all.get(name)?.name === 'renamed'),
  },
  DELETE: {
    call: (its: World, name: string) => its.remove(prepared(its, name)),
    done: ({ things }: World, name: string) => Number(!things.all.has(name)),
  },
} as const
type Method = keyof typeof CALLS
const METHODS = Object.keys(CALLS) as Method[]

function prepared({ things }: World, name: string): string {
  things.all.set(name, { id: name, name })
  return name
}

/** Makes the call under this trouble, and holds it to what is always true. */
async function suffer(
  its: World,
  method: Method,
  name: string,
  trouble: Trouble,
): Promise<'well' | SnapshotError> {
  const { call, done } = CALLS[method]
  its.proxy.troubles.push(trouble)
  const end = await its.settle<unknown>(call(its, name))
  const times = done(its, name)
  const context = `${method} ${JSON.stringify(trouble)}`
  if (trouble.how !== 'duplicate') expect(times, context).toBeLessThanOrEqual(1)
  if (!(end instanceof SnapshotError)) {
    if (method !== 'GET') expect(times, context).toBeGreaterThan(0)
    return 'well'
  }
  expect(['NETWORK', 'TIMEOUT'], context).toContain(end.code)
  if (end.problem.outcome === 'not_started') expect(times, context).toBe(0)
  if (end.problem.outcome === 'unknown') expect(end.problem.retryable, context).toBe(false)
  return end
}

/** How many bytes a request of this kind has, and its answer. */
async function lengths(its: World, method: Method): Promise<{ asked: number; answered: number }> {
  await CALLS[method].call(its, 'sample')
  return its.proxy.exchanges.at(-1)!
}

describe.for(METHODS)('a %s', (method) => {
  const repeated = method === 'GET' || method === 'DELETE'

  test('whose connection is reset at any byte of the request', async () => {
    const its = await world()
    const { asked } = await lengths(its, method)
    expect(asked).toBeGreaterThan(100)
    for (let after = 0; after <= asked; after++) {
      const end = await suffer(its, method, `name${after}`, { how: 'reset request', after })
      if (repeated) expect(end).toBe('well')
      else expect(end).toMatchObject({ code: 'NETWORK', problem: { outcome: 'unknown' } })
      await its.read(prepared(its, 'other'))
    }
  })

  test.for(['reset answer', 'truncate'] as const)('at any byte of whose answer comes a %s', async (how) => {
    const its = await world()
    const { answered } = await lengths(its, method)
    expect(answered).toBeGreaterThan(50)
    for (let after = 0; after < answered; after++) {
      const name = `name${after}`
      const end = await suffer(its, method, name, { how, after })
      if (repeated) expect(end).toBe('well')
      else {
        expect(end).toMatchObject({ code: 'NETWORK', problem: { outcome: 'unknown' } })
        expect(CALLS[method].done(its, name)).toBe(1)
      }
      await its.read(prepared(its, 'other'))
    }
  })

  test.for(['blackhole', 'lose answer'] as const)('that goes into a %s', async (how) => {
    const its = await world()
    const end = suffer(its, method, 'name', { how })
    const seen = how === 'blackhole' ? its.proxy.exchanges : its.things.requests
    while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve))
    its.time.pass(30_000)
    if (repeated) expect(await end).toBe('well')
    else expect(await end).toMatchObject({ code: 'TIMEOUT', problem: { outcome: 'unknown' } })
    expect(its.proxy.exchanges).toHaveLength(repeated ? 2 : 1)
  })

  test('that is late, comes in drops or comes twice is one call', async () => {
    const its = await world()
    let arrive = () => {}
    const until = new Promise<void>((resolve) => (arrive = resolve))
    const late = suffer(its, method, 'late', { how: 'delay', until })
    while (its.proxy.exchanges.length === 0) await new Promise((resolve) => setImmediate(resolve))
    its.time.pass(29_999)
    expect(its.things.requests).toEqual([])
    arrive()
    expect(await late).toBe('well')
    expect(await suffer(its, method, 'drops', { how: 'drip' })).toBe('well')
    expect(await suffer(its, method, 'twice', { how: 'duplicate' })).toBe('well')
    expect(its.proxy.exchanges).toHaveLength(3)
    expect(its.things.requests).toHaveLength(4)
  })
})

describe('a connection that was kept', () => {
  test('and is closed meanwhile costs a read one more try, and a create nothing', async () => {
    const its = await world()
    const end = async (method: Method) => {
      await its.read(prepared(its, 'kept'))
      await its.proxy.refuse()
      await its.proxy.accept()
      return suffer(its, method, `after ${method}`, { how: 'drip' })
    }
    for (const method of METHODS) expect(await end(method)).toBe('well')
  })
})
