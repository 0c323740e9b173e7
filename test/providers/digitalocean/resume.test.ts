import { describe, expect, test } from 'vitest'
import type {
  Context,
  CreateRequest,
  Facts,
  Provider,
  RestoreRequest,
} from '../../../src/snapshots/provider.ts'
import { dyingAt, inPlace, problemOf, toNew, type World, world } from './world.ts'

const options = { power_off: true }
const dropletOf = ({ cloud }: World) => cloud.cloud.droplets.get(cloud.droplet.id)!

/** A create in another process that dies at its nth note. */
const dyingCreate = (w: World, nth: number, request: CreateRequest, of: Context) =>
  dyingAt(nth, (note) => w.process().create(request, { ...of, note }))

/** The same, when a request has arrived whose answer never does. */
async function dyingUnanswered(w: World, request: CreateRequest, of: Context): Promise<Facts | undefined> {
  const notes: Facts[] = []
  const other = w.process()
  void other.create(request, { ...of, note: async (facts) => void notes.push(facts) }).catch(() => {})
  await expect.poll(() => w.cloud.faults.length).toBe(0)
  return notes.at(-1)
}

const dyingRestore = (w: World, nth: number, request: RestoreRequest, of: Context) =>
  dyingAt(nth, async (note) => {
    const other = w.process()
    return other.restore(await other.planRestore(request, of), { ...of, note })
  })

const left = <R>(of: Context, request: R, facts: Facts | undefined) => ({
  operation: of.operation,
  started_at: 0,
  request,
  facts,
})

/** Lets everything that is under way come to its end. */
async function settled({ cloud, provider, call }: World): Promise<void> {
  for (let looks = 0; looks < 5; looks++) await provider.sources({ limit: 10 }, call())
  expect([...cloud.cloud.actions.values()].every(({ status }) => status !== 'in-progress')).toBe(true)
}

/** What the owner does in the control panel. */
function byOthers(w: World, type: string, change: Partial<ReturnType<typeof dropletOf>>) {
  const action = w.cloud.occupy(w.cloud.droplet, type)
  action.effect = () => Object.assign(dropletOf(w), change)
  return action
}

const resumeOf = ({ provider }: World) => provider.resume as NonNullable<Provider['resume']>

describe('A create whose process died', () => {
  test('before anything was noted has not begun', async () => {
    const w = await world()
    const problem = await problemOf(resumeOf(w).create(left(w.call(), w.request(), undefined), w.call()))
    expect(problem).toMatchObject({ outcome: 'not_started', retryable: true })
    expect(w.cloud.requests).toEqual([])
  })

  test('right before the snapshot was asked for has made nothing', async () => {
    const w = await world()
    const of = w.call()
    const facts = await dyingCreate(w, 1, w.request(), of)
    const problem = await problemOf(resumeOf(w).create(left(of, w.request(), facts), w.call()))
    expect(problem).toMatchObject({ outcome: 'not_started', retryable: true })
    expect(problem.message).toContain('No snapshot was made')
    expect(w.names()).toEqual([])
  })

  test('right after it was asked for is found by its name, with its labels', async () => {
    const w = await world()
    const of = w.call()
    const request = w.request({ labels: { env: 'prod' } })
    w.trouble('/actions', 'hang', 'after')
    const facts = await dyingUnanswered(w, request, of)
    const { snapshot } = await resumeOf(w).create(left(of, request, facts), w.call())
    expect(snapshot).toMatchObject({ name: request.name, labels: { env: 'prod' } })
    expect(w.names()).toEqual([`${request.name}~${of.operation}`])
    expect(w.actions()).toEqual(['snapshot'])
  })

  test('after the action was known is followed to its end', async () => {
    const w = await world()
    const of = w.call()
    const facts = await dyingCreate(w, 2, w.request(), of)
    expect(facts).toMatchObject({ capture: { action: expect.any(Number) } })
    const { snapshot } = await resumeOf(w).create(left(of, w.request(), facts), w.call())
    expect(snapshot.state).toBe('ready')
    expect(w.names()).toHaveLength(1)
    expect(w.actions()).toEqual(['snapshot'])
    // Once more is the same.
    const again = await resumeOf(w).create(left(of, w.request(), facts), w.call())
    expect(again.snapshot).toEqual(snapshot)
  })

  test('and whose action failed meanwhile has made nothing', async () => {
    const w = await world()
    w.cloud.failNext('snapshot')
    const of = w.call()
    const facts = await dyingCreate(w, 2, w.request(), of)
    const problem = await problemOf(resumeOf(w).create(left(of, w.request(), facts), w.call()))
    expect(problem).toMatchObject({ outcome: 'not_started' })
  })

  test('whose snapshot never shows has made nothing', async () => {
    const w = await world()
    const of = w.call()
    const facts = await dyingCreate(w, 2, w.request(), of)
    w.cloud.cloud.snapshotLag = 1000
    const problem = await problemOf(resumeOf(w).create(left(of, w.request(), facts), w.call()))
    expect(problem).toMatchObject({ outcome: 'not_started' })
  })

  test('of a volume is found by its name, or was never begun', async () => {
    const w = await world()
    const of = w.call()
    const request = w.request({ source: w.volume })
    const facts = await dyingCreate(w, 1, request, of)
    const problem = await problemOf(resumeOf(w).create(left(of, request, facts), w.call()))
    expect(problem).toMatchObject({ outcome: 'not_started', retryable: true })

    const again = w.call()
    await w.provider.create(request, again)
    const { snapshot } = await resumeOf(w).create(left(again, request, again.notes.at(-1)), w.call())
    expect(snapshot.name).toBe(request.name)
    expect(w.cloud.cloud.volumeSnapshots.size).toBe(1)
  })

  test('cannot be told while nobody answers', async () => {
    const w = await world()
    const of = w.call()
    const facts = await dyingCreate(w, 2, w.request(), of)
    w.cloud.faults.push({ when: () => true, times: 1000, at: 'before', how: 'reset' })
    const problem = await problemOf(resumeOf(w).create(left(of, w.request(), facts), w.call()))
    expect(problem.outcome).not.toBe('partial')
    expect(w.names().length).toBeLessThanOrEqual(1)
    expect(problem).toMatchObject({ outcome: 'unknown', retryable: false })
  })
})

describe('A create whose end cannot be seen', () => {
  test('stays open while the lists of snapshots are not answered', async () => {
    const w = await world()
    const of = w.call()
    const facts = await dyingCreate(w, 2, w.request(), of)
    let looks = 0
    w.cloud.faults.push({
      // The first look is answered: before the action is over it is not there.
      when: ({ method, path }) => method === 'GET' && path.endsWith('/snapshots') && ++looks > 1,
      times: 1000,
      at: 'before',
      how: 'reset',
    })
    const problem = await problemOf(resumeOf(w).create(left(of, w.request(), facts), w.call()))
    expect(problem).toMatchObject({ outcome: 'unknown', retryable: false })
    expect(w.names()).toHaveLength(1)
  })
})

describe('A Droplet whose process died while it was switched off for it', () => {
  test.each([
    [1, 'before the shutdown', 0, 'not_started'],
    [2, 'before the snapshot', 0, 'partial'],
    [3, 'before the snapshot', 0, 'partial'],
    [4, 'while the disk is copied', 1, undefined],
  ])('is on again: at note %i, %s', async (nth, _, snapshots, outcome) => {
    const w = await world()
    const of = w.call()
    const request = w.request({ options })
    const facts = await dyingCreate(w, nth, request, of)
    expect(facts).toHaveProperty('stop')
    if (nth !== 2) expect(dropletOf(w).status).toBe(nth === 1 ? 'active' : 'off')
    const end = await resumeOf(w)
      .create(left(of, request, facts), w.call())
      .catch((error) => error.problem)
    expect(end.outcome).toBe(outcome)
    expect(w.names()).toHaveLength(snapshots)
    expect(dropletOf(w).status).toBe('active')
  })

  test.each([1, 2])('stays off where somebody else has switched it off since: at note %i', async (nth) => {
    const w = await world()
    const of = w.call()
    const request = w.request({ options })
    const facts = await dyingCreate(w, nth, request, of)
    await settled(w)
    w.time.pass(20 * 3_600_000)
    byOthers(w, 'power_off', { status: 'off' })
    await problemOf(resumeOf(w).create(left(of, request, facts), w.call()))
    expect(dropletOf(w).status).toBe('off')
    expect(w.actions()).not.toContain('power_on')
  })

  test('stays off where it was switched on since, and then went off', async () => {
    const w = await world()
    const of = w.call()
    const request = w.request({ options })
    const facts = await dyingCreate(w, 2, request, of)
    await settled(w)
    byOthers(w, 'power_on', { status: 'off' })
    const problem = await problemOf(resumeOf(w).create(left(of, request, facts), w.call()))
    expect([problem.outcome, dropletOf(w).status]).toEqual(['partial', 'off'])
  })

  test('is on again: right after the shutdown was sent', async () => {
    const w = await world({ polls: 5 })
    const of = w.call()
    const request = w.request({ options })
    w.trouble('/actions', 'hang', 'after')
    const facts = await dyingUnanswered(w, request, of)
    const problem = await problemOf(resumeOf(w).create(left(of, request, facts), w.call()))
    expect(problem).toMatchObject({ outcome: 'partial' })
    expect(problem.message).toContain(
      'No snapshot was made. The Droplet was shut down for it, and restarted.',
    )
    expect(w.actions()).toEqual(['shutdown', 'power_on'])
    expect(dropletOf(w).status).toBe('active')
  })
})

describe('A restore whose process died', () => {
  test('before anything was noted has not begun', async () => {
    const w = await world()
    const saved = await w.create()
    const problem = await problemOf(resumeOf(w).restore(left(w.call(), inPlace(saved), undefined), w.call()))
    expect(problem).toMatchObject({ outcome: 'not_started' })
  })

  test.each([
    [1, 'before the shutdown', 'not_started', 0],
    [2, 'after the shutdown', 'partial', 0],
    [3, 'before the safety snapshot', 'partial', 0],
    [4, 'in the safety snapshot', 'partial', 1],
    [5, 'right after the way back was recorded', 'partial', 1],
    [6, 'right before the disk was to be written', 'partial', 1],
  ])('at note %i, %s, has left the disk alone, and the Droplet is on', async (nth, _, outcome, safeties) => {
    const w = await world()
    const saved = await w.create()
    dropletOf(w).content = 'spoilt'
    const of = w.call()
    const facts = await dyingRestore(w, nth, inPlace(saved), of)
    const problem = await problemOf(resumeOf(w).restore(left(of, inPlace(saved), facts), w.call()))
    expect(problem).toMatchObject({ outcome, retryable: true, hint: 'Call snapshot_restore again.' })
    const [, safety] = [...w.cloud.cloud.images.values()].filter(({ type }) => type === 'snapshot')
    expect(w.names()).toHaveLength(1 + safeties)
    if (safety) expect(problem.message).toContain(`is in digitalocean:${safety.id}`)
    expect([dropletOf(w).content, dropletOf(w).status]).toEqual(['spoilt', 'active'])
    expect(w.actions()).not.toContain('restore')
  })

  test('between the record of the way back and the next note names it as well', async () => {
    const w = await world()
    const saved = await w.create()
    const of = w.call()
    const other = w.process()
    const plan = await other.planRestore(inPlace(saved), of)
    const recorded = await new Promise<string>((resolve) => {
      const record = ({ safety_snapshot }: { safety_snapshot: string }) => {
        resolve(safety_snapshot)
        return new Promise<never>(() => {})
      }
      void other.restore(plan, { ...of, record })
    })
    const problem = await problemOf(resumeOf(w).restore(left(of, inPlace(saved), of.notes.at(-1)), w.call()))
    // With this outcome the service keeps the way back.
    expect(problem).toMatchObject({ outcome: 'partial' })
    expect(problem.message).toContain(`is in digitalocean:${recorded}`)
  })

  test('while the disk is written is followed to its end, and keeps the way back', async () => {
    const w = await world()
    const saved = await w.create()
    dropletOf(w).content = 'spoilt'
    const of = w.call()
    const facts = await dyingRestore(w, 7, inPlace(saved), of)
    const { safety_snapshot } = await resumeOf(w).restore(left(of, inPlace(saved), facts), w.call())
    expect([dropletOf(w).content, dropletOf(w).status]).toEqual(['the first state of web-01', 'active'])
    expect(await w.provider.get(safety_snapshot!, w.call())).toMatchObject({ auto: true })
    expect(w.actions().filter((type) => type === 'restore')).toHaveLength(1)
  })

  test('does not take the restore of somebody else for its own', async () => {
    const w = await world({ safetySnapshots: false })
    const saved = await w.create()
    const of = w.call()
    const facts = await dyingRestore(w, 1, inPlace(saved), of)
    w.time.pass(3_600_000)
    byOthers(w, 'restore', {})
    const problem = await problemOf(resumeOf(w).restore(left(of, inPlace(saved), facts), w.call()))
    expect(problem).toMatchObject({ code: 'CONFLICT', outcome: 'partial', retryable: false })
    expect(problem.message).toContain("somebody else's")
    expect(problem.hint).toContain('Look at the Droplet')
  })

  test('takes for its own what began about when it asked, also where the clocks differ', async () => {
    const w = await world({ safetySnapshots: false })
    const saved = await w.create()
    const of = w.call()
    const facts = await dyingRestore(w, 1, inPlace(saved), of)
    byOthers(w, 'restore', {}).startedAt -= 120_000
    expect(await resumeOf(w).restore(left(of, inPlace(saved), facts), w.call())).toMatchObject({
      warnings: [expect.stringContaining('No safety snapshot')],
    })
  })

  test.each([
    [1, 'before it was asked for', 0],
    [2, 'while it starts', 1],
  ])('new Droplet, note %i, %s', async (nth, _, droplets) => {
    const w = await world()
    const saved = await w.create()
    const of = w.call()
    const request = toNew(saved, { to: 'web-02' })
    const facts = await dyingRestore(w, nth, request, of)
    const end = await resumeOf(w)
      .restore(left(of, request, facts), w.call())
      .catch((error) => error.problem)
    const made = [...w.cloud.cloud.droplets.values()].filter(({ name }) => name === 'web-02')
    expect(made).toHaveLength(droplets)
    if (droplets === 0) expect(end).toMatchObject({ outcome: 'not_started' })
    else expect(end.targets).toEqual([{ kind: 'droplet', id: String(made[0]!.id), name: 'web-02' }])
  })

  test('new volume: found by its name and its tag, or never asked for', async () => {
    const w = await world()
    const saved = await w.create({ source: w.volume })
    const of = w.call()
    const request = toNew(saved, { to: 'data-02' })
    const facts = await dyingRestore(w, 1, request, of)
    const problem = await problemOf(resumeOf(w).restore(left(of, request, facts), w.call()))
    expect(problem).toMatchObject({ outcome: 'not_started' })
    // One of that name that somebody else has made meanwhile is not ours.
    w.cloud.addVolume({ name: 'data-02' })
    expect(await problemOf(resumeOf(w).restore(left(of, request, facts), w.call()))).toMatchObject({
      outcome: 'not_started',
    })
    w.cloud.addVolume({ name: 'data-03', tags: [`snapshot-mcp:${of.operation}`] })
    const other = { ...facts, volume: { name: 'data-03', region: 'nyc3', size_gb: 10 } }
    const { targets } = await resumeOf(w).restore(left(of, request, other), w.call())
    expect(targets).toMatchObject([{ kind: 'volume', name: 'data-03' }])
  })
})
