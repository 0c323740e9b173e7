import { describe, expect, test } from 'vitest'
import { inPlace, native, problemOf, toNew, type World, world } from './world.ts'

const disk = ({ cloud }: World) => cloud.cloud.droplets.get(cloud.droplet.id)!
const FIRST = 'the first state of web-01'

/** A snapshot of the first state, and a disk that has been spoilt since. */
async function spoilt(w: World) {
  const saved = await w.create({ name: 'good' })
  disk(w).content = 'spoilt'
  return saved
}

describe('A restore in place', () => {
  test('overwrites the disk after it has saved what was on it', async () => {
    const w = await world()
    const saved = await spoilt(w)
    const plan = await w.provider.planRestore(inPlace(saved), w.call())
    const recorded: string[] = []
    const of = w.call({
      record: async ({ safety_snapshot }) => void recorded.push(`${safety_snapshot} ${disk(w).content}`),
    })
    const result = await w.provider.restore(plan, of)
    expect(disk(w).content).toBe(FIRST)
    expect(recorded).toEqual([`${result.safety_snapshot} spoilt`])
    expect(result).not.toHaveProperty('fingerprint')
    const safety = await w.provider.get(result.safety_snapshot!, w.call())
    expect(safety).toMatchObject({ auto: true, name: 'before the restore of good', source: w.source })
    expect(w.actions().slice(0, 4)).toEqual(['snapshot', 'shutdown', 'snapshot', 'restore'])
    expect(disk(w).status).toBe('active')
    expect(of.told).toEqual([...new Set(of.told)].sort((a, b) => a - b))

    await w.provider.restore(await w.provider.planRestore(inPlace(safety), w.call()), w.call())
    expect(disk(w).content).toBe('spoilt')
  })

  test('has a plan that says what goes away, what it costs and how long it takes, and changes nothing', async () => {
    const w = await world()
    const saved = await spoilt(w)
    const asked = w.cloud.requests.length
    const plan = await w.provider.planRestore(inPlace(saved), w.call())
    expect(plan).toMatchObject({
      reversible: false,
      target: w.source,
      effects: {
        mode: 'in_place',
        action: 'restore',
        overwrites: 'the whole disk',
        droplet: { name: 'web-01', status: 'active', disk_gb: 25 },
        goes_down: true,
        safety_snapshot: { cost_per_month_at_most: { amount: 1.5, currency: 'USD' } },
        minutes_at_most: 152,
      },
    })
    expect(plan.summary).toContain('whole disk of 25 GB is overwritten')
    expect(plan.summary).toContain('A safety snapshot of it is taken first, for which it is shut down')
    expect(plan.summary).toContain('1.50 USD a month')
    expect(plan.warnings.join(' ')).toContain('stays down while its disk is saved and then overwritten')
    expect(plan.warnings.join(' ')).toContain('Volumes that are attached to the Droplet are not touched.')
    expect(plan.warnings.join(' ')).toContain('1 to 3 minutes for each GB')
    expect(await w.provider.planRestore(inPlace(saved), w.call())).toEqual(plan)
    expect(w.cloud.requests.slice(asked).every(({ method }) => method === 'GET')).toBe(true)
  })

  test('without a safety snapshot, where the operator does not want any, says so', async () => {
    const w = await world({ safetySnapshots: false })
    const saved = await spoilt(w)
    const plan = await w.provider.planRestore(inPlace(saved), w.call())
    expect(plan.warnings.join(' ')).toContain('no way back')
    expect(plan.effects).not.toHaveProperty('safety_snapshot')
    const result = await w.provider.restore(plan, w.call())
    expect(result).not.toHaveProperty('safety_snapshot')
    expect(result.warnings).toEqual([expect.stringContaining('No safety snapshot')])
    expect(disk(w).content).toBe(FIRST)
    expect(w.names()).toHaveLength(1)
  })

  test('saves what is on the disk when nobody writes to it any more', async () => {
    const w = await world()
    const saved = await spoilt(w)
    const plan = await w.provider.planRestore(inPlace(saved), w.call())
    w.time.onSleep = () => {
      if (disk(w).status === 'active' && !w.actions().includes('restore')) disk(w).content += ', more'
    }
    const { safety_snapshot } = await w.provider.restore(plan, w.call())
    const last = w.cloud.cloud.images.get(Number(safety_snapshot))!.content
    expect(last).toContain('more')
    expect([disk(w).content, disk(w).status]).toEqual([FIRST, 'active'])
  })

  test('of a Droplet that is off neither shuts it down nor has it on afterwards for that', async () => {
    const w = await world()
    const saved = await spoilt(w)
    disk(w).status = 'off'
    const plan = await w.provider.planRestore(inPlace(saved), w.call())
    expect(plan.effects).not.toHaveProperty('goes_down')
    await w.provider.restore(plan, w.call())
    expect(w.actions()).toEqual(['snapshot', 'snapshot', 'restore'])
  })

  test.each([
    ['fails', (w: World) => w.cloud.failNext('snapshot'), 'partial', true],
    ['does not show', (w: World) => Object.assign(w.cloud.cloud, { snapshotLag: 1000 }), 'unknown', false],
  ] as const)('whose safety snapshot %s leaves the disk alone', async (_, spoil, outcome, retryable) => {
    const w = await world()
    const saved = await spoilt(w)
    const plan = await w.provider.planRestore(inPlace(saved), w.call())
    spoil(w)
    const problem = await problemOf(w.provider.restore(plan, w.call()))
    expect(problem).toMatchObject({ code: 'SAFETY_SNAPSHOT_FAILED', outcome, retryable })
    expect(problem.message).toContain('The disk of the Droplet was not overwritten')
    expect([disk(w).content, disk(w).status]).toEqual(['spoilt', 'active'])
    expect(w.actions()).toEqual(['snapshot', 'shutdown', 'snapshot', 'power_on'])
  })

  test('of a Droplet that cannot be shut down does not begin', async () => {
    for (const spoil of [
      (w: World) => w.trouble('/actions', 'reset', 'before'),
      (w: World) => Object.assign(disk(w), { blocked: 1000 }),
    ]) {
      const w = await world()
      const saved = await spoilt(w)
      const plan = await w.provider.planRestore(inPlace(saved), w.call())
      spoil(w)
      const problem = await problemOf(w.provider.restore(plan, w.call()))
      expect(problem).toMatchObject({ outcome: 'not_started', retryable: true })
      expect([disk(w).content, disk(w).status, w.names().length]).toEqual(['spoilt', 'active', 1])
    }
  })

  test.each([
    ['switched it on', (w: World) => Object.assign(disk(w), { status: 'active' })],
    ['worked on it', (w: World) => w.cloud.occupy(w.cloud.droplet, 'password_reset')],
  ])('overwrites nothing where somebody has %s while it was saved', async (_, act) => {
    const w = await world()
    const saved = await spoilt(w)
    const plan = await w.provider.planRestore(inPlace(saved), w.call())
    let acted = false
    w.time.onSleep = () => {
      if (w.names().length < 2 || acted) return
      acted = true
      act(w)
    }
    w.cloud.cloud.snapshotLag = 1
    const of = w.call({ record: () => expect.unreachable('there is nothing to take back') })
    const problem = await problemOf(w.provider.restore(plan, of))
    expect(problem).toMatchObject({ code: 'PLAN_STALE', outcome: 'partial' })
    expect(problem.message).toMatch(/The disk as it was before is in digitalocean:\d+/)
    expect(problem.message).not.toContain('Nothing was changed')
    expect([disk(w).content, disk(w).status]).toEqual(['spoilt', 'active'])
    expect(w.actions()).not.toContain('restore')
  })

  test('is refused when the Droplet was worked on since the plan', async () => {
    const w = await world()
    const saved = await spoilt(w)
    const plan = await w.provider.planRestore(inPlace(saved), w.call())
    w.cloud.occupy(w.cloud.droplet, 'reboot')
    expect(await problemOf(w.provider.restore(plan, w.call()))).toMatchObject({
      code: 'PLAN_STALE',
      outcome: 'not_started',
    })
    expect([disk(w).content, w.names().length]).toEqual(['spoilt', 1])
  })

  test.each([
    [1, 'before the shutdown', ['snapshot']],
    [2, 'before the disk is written', ['snapshot', 'shutdown', 'snapshot', 'power_on']],
  ])('does nothing where the lock is lost at look %i, %s', async (nth, _, sent) => {
    const w = await world()
    const saved = await spoilt(w)
    const plan = await w.provider.planRestore(inPlace(saved), w.call())
    let looks = 0
    const stillHeld = async () => {
      if (++looks === nth) throw new Error('taken over')
    }
    await expect(w.provider.restore(plan, w.call({ stillHeld }))).rejects.toThrow('taken over')
    expect([w.actions(), disk(w).content, disk(w).status]).toEqual([sent, 'spoilt', 'active'])
  })

  test('that is refused names the rebuild, which does the same in another way', async () => {
    const w = await world()
    const saved = await spoilt(w)
    w.cloud.faults.push({
      when: ({ body }) => (body as { type?: string } | undefined)?.type === 'restore',
      at: 'before',
      how: { answer: { status: 422, body: { id: 'unprocessable_entity', message: 'Not a backup.' } } },
    })
    const plan = await w.provider.planRestore(inPlace(saved), w.call())
    const problem = await problemOf(w.provider.restore(plan, w.call()))
    expect(problem).toMatchObject({ code: 'CONFLICT', outcome: 'partial' })
    expect(problem.hint).toContain('digitalocean:{"rebuild":true}')
    expect(problem.message).toMatch(
      /is in digitalocean:\d+\. The Droplet was shut down for it, and restarted/,
    )
    expect([disk(w).content, disk(w).status]).toEqual(['spoilt', 'active'])

    const rebuild = inPlace(saved, { options: { rebuild: true } })
    const other = await w.provider.planRestore(rebuild, w.call())
    expect(other.summary).toMatch(/^Rebuild the Droplet/)
    expect(other.fingerprint).not.toBe(plan.fingerprint)
    await w.provider.restore(other, w.call())
    expect(disk(w).content).toBe(FIRST)
    expect(w.sent('POST', '/actions').map(({ body }) => body)).toContainEqual({
      type: 'rebuild',
      image: Number(native(saved)),
    })
  })

  test('whose action fails may have written in part, and says where the rest is', async () => {
    const w = await world()
    const saved = await spoilt(w)
    const plan = await w.provider.planRestore(inPlace(saved), w.call())
    w.cloud.failNext('restore')
    const problem = await problemOf(w.provider.restore(plan, w.call()))
    expect(problem).toMatchObject({ code: 'PROVIDER_UNAVAILABLE', outcome: 'partial', retryable: false })
    expect(problem.message).toMatch(/digitalocean:\d+/)
    expect(disk(w).status).toBe('active')
  })

  test('goes onto its own Droplet only, as long as that exists, and fits', async () => {
    const w = await world()
    const saved = await spoilt(w)
    const plan = () => problemOf(w.provider.planRestore(inPlace(saved), w.call()))
    const image = w.cloud.cloud.images.get(Number(native(saved)))!
    image.minDiskSize = 50
    expect(await plan()).toMatchObject({ code: 'CONFLICT', hint: expect.stringContaining('mode:"new"') })
    image.minDiskSize = 25
    image.regions = ['fra1']
    expect(await plan()).toMatchObject({ code: 'CONFLICT', hint: expect.stringContaining('add_regions') })
    w.cloud.cloud.droplets.delete(w.cloud.droplet.id)
    expect(await plan()).toMatchObject({ code: 'CONFLICT', hint: expect.stringContaining('mode:"new"') })
  })

  test('cannot be done to a volume', async () => {
    const w = await world()
    const saved = await w.create({ source: w.volume })
    expect(await problemOf(w.provider.planRestore(inPlace(saved), w.call()))).toMatchObject({
      code: 'UNSUPPORTED',
      hint: expect.stringContaining('mode:"new"'),
    })
  })

  test('that is cancelled before it began sends nothing', async () => {
    const w = await world()
    const saved = await spoilt(w)
    const plan = await w.provider.planRestore(inPlace(saved), w.call())
    const of = w.call()
    of.cancel()
    expect(await problemOf(w.provider.restore(plan, of))).toMatchObject({
      code: 'CANCELLED',
      outcome: 'not_started',
    })
    expect([disk(w).content, w.actions()]).toEqual(['spoilt', ['snapshot']])
  })

  test.each([
    ['shutdown', 'partial'],
    ['snapshot', 'unknown'],
  ])('that is cancelled during the %s leaves the disk alone', async (during, outcome) => {
    const w = await world()
    const saved = await spoilt(w)
    const plan = await w.provider.planRestore(inPlace(saved), w.call())
    const of = w.call()
    w.time.onSleep = () => {
      if (w.actions().at(-1) === during) of.cancel()
    }
    expect(await problemOf(w.provider.restore(plan, of))).toMatchObject({ code: 'CANCELLED', outcome })
    expect([disk(w).content, disk(w).status]).toEqual(['spoilt', 'active'])
    expect(w.actions()).not.toContain('restore')
  })

  test('that is cancelled while the disk is written leaves that alone', async () => {
    const w = await world({ safetySnapshots: false })
    const saved = await spoilt(w)
    const plan = await w.provider.planRestore(inPlace(saved), w.call())
    const of = w.call()
    w.time.onSleep = () => of.cancel()
    expect(await problemOf(w.provider.restore(plan, of))).toMatchObject({
      code: 'CANCELLED',
      outcome: 'unknown',
    })
    expect(w.actions()).toEqual(['snapshot', 'restore'])
  })
})

describe('Options that mean nothing where they are given', () => {
  test('are refused', async () => {
    const w = await world()
    const [droplet, volume] = [await w.create(), await w.create({ source: w.volume })]
    const plan = (request: Parameters<typeof w.provider.planRestore>[0]) =>
      problemOf(w.provider.planRestore(request, w.call()))
    for (const request of [
      inPlace(droplet, { options: { size: 's-1vcpu-1gb' } }),
      toNew(droplet, { options: { rebuild: true } }),
      toNew(droplet, { options: { size_gb: 20 } }),
      toNew(volume, { options: { ssh_keys: [1] } }),
    ])
      expect(await plan(request)).toMatchObject({ code: 'INVALID_ARGUMENT', outcome: 'not_started' })
  })
})
