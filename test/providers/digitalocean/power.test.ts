import { describe, expect, test } from 'vitest'
import type { Facts } from '../../../src/snapshots/provider.ts'
import type { Fault } from '../../emulators/http.ts'
import { problemOf, type World, world } from './world.ts'

const options = { power_off: true }
const statusOf = ({ cloud }: World) => cloud.cloud.droplets.get(cloud.droplet.id)!.status
const unavailable = { answer: { status: 503, raw: 'busy' } }
const refused = (status: number, message: string) => ({
  answer: { status, body: { id: 'unprocessable_entity', message } },
})

describe('A Droplet that is switched off to be captured', () => {
  test('is down while its disk is copied, and on again afterwards', async () => {
    const w = await world()
    const statuses: string[] = []
    w.time.onSleep = () => statuses.push(statusOf(w))
    await w.create({ options })
    expect(w.actions()).toEqual(['shutdown', 'snapshot', 'power_on'])
    expect(statuses).toContain('off')
    expect(statusOf(w)).toBe('active')
  })

  test('is waited for until it shows as off, which is later than its action', async () => {
    const w = await world()
    w.cloud.cloud.statusLag = 5
    await w.create({ options })
    expect(w.actions()).toEqual(['shutdown', 'snapshot', 'power_on'])
    expect(statusOf(w)).toBe('active')
  })

  test('loses its power where it does not go down within two minutes', async () => {
    const w = await world()
    w.cloud.cloud.droplets.get(w.cloud.droplet.id)!.ignoresShutdown = true
    const began = w.time.now()
    let waited = 0
    w.time.onSleep = () => {
      if (w.actions().at(-1) === 'shutdown') waited = w.time.now() - began
    }
    await w.create({ options })
    expect(w.actions()).toEqual(['shutdown', 'power_off', 'snapshot', 'power_on'])
    expect(waited).toBeGreaterThan(100_000)
    expect(statusOf(w)).toBe('active')
  })

  test('is left as it is where it is off already', async () => {
    const w = await world()
    w.cloud.cloud.droplets.get(w.cloud.droplet.id)!.status = 'off'
    expect(await w.provider.planCreate!(w.request({ options }), w.call())).toBeUndefined()
    await w.create({ options })
    expect(w.actions()).toEqual(['snapshot'])
    expect(statusOf(w)).toBe('off')
  })

  test('is noted before anything is sent', async () => {
    const w = await world()
    const of = w.call({
      note: async (facts) => {
        if (w.actions().length === 0) expect(facts).toMatchObject({ stop: { own: [] } })
        throw new Error('the disk is full')
      },
    })
    await expect(w.provider.create(w.request({ options }), of)).rejects.toThrow('the disk is full')
    expect(w.actions()).toEqual([])
  })

  test('is not touched by a process that has lost the lock', async () => {
    const w = await world()
    const of = w.call({ stillHeld: () => Promise.reject(new Error('taken over')) })
    await expect(w.provider.create(w.request({ options }), of)).rejects.toThrow('taken over')
    expect(w.actions()).toEqual([])
  })
})

describe('The plan to switch it off', () => {
  test('says that it goes down, for how long, and that this is not taken back', async () => {
    const { provider, request, call, cloud } = await world()
    const plan = (await provider.planCreate!(request({ options }), call()))!
    expect(plan).toMatchObject({
      reversible: false,
      effects: {
        goes_down: true,
        minutes_down_at_most: 77,
        droplet: { id: cloud.droplet.id },
        snapshot: { cost_per_month_at_most: { amount: 1.5, currency: 'USD' } },
      },
    })
    expect(plan.summary).toMatch(/Shut down the Droplet "web-01".*at most 75 minutes/)
    expect(plan.warnings).toHaveLength(3)
    expect(plan.warnings[2]).toContain('1.50 USD a month')
    expect(await provider.planCreate!(request({ options }), call())).toEqual(plan)
    expect(cloud.requests.every(({ method }) => method === 'GET')).toBe(true)
  })

  test('is not needed for a capture that only reads', async () => {
    const { provider, request, call } = await world()
    expect(await provider.planCreate!(request(), call())).toBeUndefined()
    expect(await provider.planCreate!(request({ options: { power_off: false } }), call())).toBeUndefined()
  })
})

describe('An outage', () => {
  const outage = (w: World, ms: number, from: () => boolean, how: Fault['how'] = unavailable) => {
    let until: number | undefined
    w.cloud.faults.push({
      when: () => {
        if (until === undefined && from()) until = w.time.now() + ms
        return until !== undefined && w.time.now() < until
      },
      times: 1_000_000,
      at: 'before',
      how,
    })
  }

  test.each([4, 60, 180])('of %i minutes once the Droplet is off does not leave it so', async (minutes) => {
    const w = await world()
    outage(w, minutes * 60_000, () => statusOf(w) === 'off')
    const problem = await problemOf(w.provider.create(w.request({ options }), w.call()))
    expect(problem).toMatchObject({ code: 'PROVIDER_UNAVAILABLE', outcome: 'partial' })
    expect(problem.message).toContain(
      'No snapshot was made. The Droplet was shut down for it, and restarted.',
    )
    expect(w.actions()).toEqual(['shutdown', 'power_on'])
    expect(statusOf(w)).toBe('active')
  })

  test('while the disk is copied is sat out, and then that goes on being watched', async () => {
    const w = await world()
    const { pace } = w.cloud.cloud
    let copying = false
    const note = async (facts: Facts) => {
      const { capture } = facts as { capture?: { action?: number } }
      copying = capture?.action !== undefined
      Object.assign(pace, { polls: capture && !copying ? 60 : 2 })
    }
    outage(w, 100_000, () => copying)
    expect((await w.create({ options }, w.call({ note }))).state).toBe('ready')
    expect(w.actions()).toEqual(['shutdown', 'snapshot', 'power_on'])
    expect(statusOf(w)).toBe('active')
  })

  test('that answers with pages passes like any other', async () => {
    const w = await world()
    w.cloud.failNext('snapshot')
    const page = { answer: { status: 200, raw: '<html>', headers: { 'content-type': 'text/html' } } }
    const isOver = () => [...w.cloud.cloud.actions.values()].at(-1)?.status === 'errored'
    outage(w, 600_000, isOver, page)
    const problem = await problemOf(w.provider.create(w.request({ options }), w.call()))
    expect(problem).toMatchObject({ outcome: 'partial' })
    expect([w.actions(), statusOf(w)]).toEqual([['shutdown', 'snapshot', 'power_on'], 'active'])
  })

  test('is not sat out any longer once the caller has cancelled', async () => {
    const w = await world()
    const of = w.call()
    outage(w, 36_000_000, () => statusOf(w) === 'off')
    const began = w.time.now()
    w.time.onSleep = () => w.time.now() - began > 900_000 && of.cancel()
    const problem = await problemOf(w.provider.create(w.request({ options }), of))
    expect(problem).toMatchObject({ outcome: 'unknown', retryable: false })
    expect(w.time.now() - began).toBeLessThan(1_300_000)
    expect(statusOf(w)).toBe('off')
  })
})

describe('A Droplet that somebody else switches off meanwhile', () => {
  test('stays off', async () => {
    const w = await world()
    const droplet = w.cloud.cloud.droplets.get(w.cloud.droplet.id)!
    w.time.onSleep = () => {
      if (w.names().length === 0 || w.cloud.cloud.actions.size > 2) return
      const other = w.cloud.occupy(w.cloud.droplet, 'power_off')
      other.effect = () => Object.assign(droplet, { status: 'off' })
    }
    w.cloud.cloud.snapshotLag = 1
    expect((await w.create({ options })).state).toBe('ready')
    expect([w.actions(), statusOf(w)]).toEqual([['shutdown', 'snapshot'], 'off'])
  })
})

describe('A Droplet that was on is on again', () => {
  test.each(['shutdown', 'snapshot'])('when the action %s fails', async (type) => {
    const w = await world()
    w.cloud.failNext(type)
    const result = await w.provider.create(w.request({ options }), w.call()).catch((error) => error.problem)
    expect(statusOf(w)).toBe('active')
    if (type === 'snapshot')
      expect(result).toMatchObject({
        outcome: 'partial',
        message: expect.stringContaining('was shut down for it, and restarted'),
      })
    // A machine that does not go down for an action that failed loses its power.
    else expect(w.actions()).toEqual(['shutdown', 'power_off', 'snapshot', 'power_on'])
  })

  test('when the machine does not go down at all', async () => {
    const w = await world()
    w.cloud.cloud.droplets.get(w.cloud.droplet.id)!.ignoresShutdown = true
    w.cloud.failNext('power_off')
    const problem = await problemOf(w.provider.create(w.request({ options }), w.call()))
    expect(problem).toMatchObject({ code: 'TIMEOUT', outcome: 'not_started' })
    expect(problem.message).toContain('No snapshot was made')
    expect(w.actions()).toEqual(['shutdown', 'power_off'])
    expect(statusOf(w)).toBe('active')
  })

  test('and its power is not taken unless it was seen to be on to the end', async () => {
    const w = await world()
    const droplet = w.cloud.cloud.droplets.get(w.cloud.droplet.id)!
    droplet.ignoresShutdown = true
    const began = w.time.now()
    w.cloud.faults.push({
      when({ path }) {
        const late = path.endsWith(`/${droplet.id}`) && w.time.now() - began >= 120_000
        if (late) droplet.status = 'off'
        return late
      },
      at: 'before',
      how: refused(404, 'The resource you requested could not be found.'),
    })
    expect((await w.create({ options })).state).toBe('ready')
    expect(w.actions()).toEqual(['shutdown', 'snapshot', 'power_on'])
    expect([statusOf(w), w.cloud.faults]).toEqual(['active', []])
  })

  test('when the snapshot is refused', async () => {
    const w = await world()
    w.cloud.faults.push({
      when: ({ body }) => (body as { type?: string } | undefined)?.type === 'snapshot',
      at: 'before',
      how: refused(422, 'This cannot be captured.'),
    })
    const problem = await problemOf(w.provider.create(w.request({ options }), w.call()))
    expect(problem).toMatchObject({ code: 'INVALID_ARGUMENT', outcome: 'partial', status: 422 })
    expect(problem.message).not.toContain('Nothing was changed')
    expect(statusOf(w)).toBe('active')
  })

  test('when the snapshot is not listed', async () => {
    const w = await world()
    w.cloud.cloud.snapshotLag = 1000
    const problem = await problemOf(w.provider.create(w.request({ options }), w.call()))
    expect(problem).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' })
    expect(statusOf(w)).toBe('active')
  })

  test('when nobody can be asked how the snapshot is coming on', async () => {
    const w = await world()
    w.cloud.faults.push({
      when: ({ path }) => /\/actions\/\d+$/.test(path),
      times: 1_000_000,
      at: 'before',
      how: { answer: { status: 500, body: { id: 'server_error', message: 'Oh.' } } },
    })
    const problem = await problemOf(w.provider.create(w.request({ options }), w.call()))
    expect(problem).toMatchObject({ code: 'PROVIDER_UNAVAILABLE', outcome: 'unknown', retryable: false })
    expect(statusOf(w)).toBe('active')
  })

  test('when the shutdown was refused, and nothing is done to it', async () => {
    const w = await world()
    w.trouble('/actions', refused(403, 'You do not have access for the attempted action.'))
    const problem = await problemOf(w.provider.create(w.request({ options }), w.call()))
    expect(problem).toMatchObject({ code: 'FORBIDDEN', outcome: 'not_started' })
    expect(w.actions()).toEqual(['shutdown'])
    expect(w.time.slept).toEqual([])
  })

  test('when the answer to the shutdown is lost', async () => {
    const w = await world()
    w.trouble('/actions', 'reset', 'after')
    expect((await w.create({ options })).state).toBe('ready')
    expect(w.actions()).toEqual(['shutdown', 'snapshot', 'power_on'])
    expect(statusOf(w)).toBe('active')
  })

  test('also where events block the way back for a while', async () => {
    const w = await world()
    w.cloud.faults.push({
      when: ({ body }) => (body as { type?: string } | undefined)?.type === 'power_on',
      times: 3,
      at: 'before',
      how: refused(422, 'There are currently blocking events processing for one or more of the droplets.'),
    })
    await w.create({ options })
    expect(w.actions().filter((type) => type === 'power_on')).toHaveLength(4)
    expect(statusOf(w)).toBe('active')
  })

  test('unless it was destroyed meanwhile, which is no failure of the snapshot', async () => {
    const w = await world()
    w.time.onSleep = () => {
      if (w.names().length > 0) w.cloud.cloud.droplets.delete(w.cloud.droplet.id)
    }
    w.cloud.cloud.snapshotLag = 1
    expect((await w.create({ options })).state).toBe('ready')
    expect(w.actions()).toEqual(['shutdown', 'snapshot'])
  })

  test('also where nobody answers for a moment', async () => {
    const w = await world()
    w.cloud.failNext('snapshot')
    w.cloud.faults.push({
      when: ({ path }) => path.endsWith(`/${w.cloud.droplet.id}`) && w.actions().at(-1) === 'snapshot',
      times: 3,
      at: 'before',
      how: { answer: { status: 503, raw: 'busy' } },
    })
    const problem = await problemOf(w.provider.create(w.request({ options }), w.call()))
    expect([problem.outcome, statusOf(w), w.cloud.faults]).toEqual(['partial', 'active', []])
  })

  test('or, where nobody answers at all, when the operation is taken up', async () => {
    const w = await world()
    const of = w.call()
    const request = w.request({ options })
    w.cloud.failNext('snapshot')
    w.cloud.faults.push({
      when: () => w.actions().at(-1) === 'snapshot' && statusOf(w) === 'off',
      times: 1_000_000,
      at: 'before',
      how: 'reset',
    })
    const problem = await problemOf(w.provider.create(request, of))
    expect([problem.outcome, problem.retryable, statusOf(w)]).toEqual(['unknown', false, 'off'])

    w.cloud.faults.length = 0
    w.time.pass(60_000)
    const resumed = { operation: of.operation, started_at: 0, request, facts: of.notes.at(-1) }
    expect((await problemOf(w.provider.resume!.create(resumed, w.call()))).outcome).toBe('partial')
    expect(statusOf(w)).toBe('active')
  })

  test('or the error says that it is not', async () => {
    const w = await world()
    w.cloud.faults.push({
      when: ({ body }) => (body as { type?: string } | undefined)?.type === 'power_on',
      times: 1,
      at: 'before',
      how: refused(403, 'You do not have access for the attempted action.'),
    })
    const problem = await problemOf(w.provider.create(w.request({ options }), w.call()))
    expect(problem).toMatchObject({ code: 'FORBIDDEN', outcome: 'partial', retryable: false })
    expect(problem.message).toContain('could not be switched on again')
    expect(problem.hint).toContain('control panel')
  })

  test('when the caller cancels while it goes down', async () => {
    const w = await world()
    const of = w.call()
    w.time.onSleep = () => of.cancel()
    const problem = await problemOf(w.provider.create(w.request({ options }), of))
    expect(problem).toMatchObject({ code: 'CANCELLED', outcome: 'partial' })
    expect(w.actions()).not.toContain('snapshot')
    expect(statusOf(w)).toBe('active')
  })

  test('later, when the caller cancels while its disk is copied, which is not disturbed', async () => {
    const w = await world({ polls: 30 })
    const of = w.call()
    const request = w.request({ options })
    w.time.onSleep = () => {
      if (w.actions().includes('snapshot')) of.cancel()
    }
    const began = w.time.now()
    const problem = await problemOf(w.provider.create(request, of))
    expect(problem).toMatchObject({ code: 'CANCELLED', outcome: 'unknown', retryable: false })
    expect(problem.message).toContain('not known whether it is on again')
    expect(w.time.now() - began).toBeLessThan(600_000)
    expect(statusOf(w)).toBe('off')

    w.time.onSleep = () => {}
    const facts = of.notes.at(-1)
    const resumed = { operation: of.operation, started_at: began, request, facts }
    const { snapshot } = await w.provider.resume!.create(resumed, w.call())
    expect(snapshot.state).toBe('ready')
    expect(w.names()).toHaveLength(1)
    expect(statusOf(w)).toBe('active')
  })
})
