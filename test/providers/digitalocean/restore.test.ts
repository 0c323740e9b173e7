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
    expect(w.actions()).toEqual(['snapshot', 'snapshot', 'restore'])
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
        safety_snapshot: { cost_per_month_at_most: { amount: 1.5, currency: 'USD' } },
        minutes_at_most: 150,
      },
    })
    expect(plan.summary).toContain('whole disk of 25 GB is overwritten')
    expect(plan.summary).toContain('1.50 USD a month')
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

  test('whose safety snapshot fails leaves the Droplet alone', async () => {
    for (const spoil of [
      (w: World) => w.cloud.failNext('snapshot'),
      (w: World) => w.trouble('/actions', 'reset', 'before'),
      (w: World) => Object.assign(w.cloud.cloud, { snapshotLag: 1000 }),
      (w: World) => Object.assign(disk(w), { blocked: 1000 }),
    ]) {
      const w = await world()
      const saved = await spoilt(w)
      const plan = await w.provider.planRestore(inPlace(saved), w.call())
      spoil(w)
      const problem = await problemOf(w.provider.restore(plan, w.call()))
      expect(problem).toMatchObject({ code: 'SAFETY_SNAPSHOT_FAILED', outcome: 'not_started' })
      expect(problem.message).toContain('The Droplet was not touched')
      expect([disk(w).content, w.actions().includes('restore')]).toEqual(['spoilt', false])
    }
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

  test('does nothing where the lock is lost at the last moment', async () => {
    const w = await world()
    const saved = await spoilt(w)
    const plan = await w.provider.planRestore(inPlace(saved), w.call())
    const of = w.call({ stillHeld: () => Promise.reject(new Error('taken over')) })
    await expect(w.provider.restore(plan, of)).rejects.toThrow('taken over')
    expect(w.actions()).toEqual(['snapshot', 'snapshot'])
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
    expect(problem).toMatchObject({ code: 'CONFLICT', outcome: 'not_started' })
    expect(problem.hint).toContain('digitalocean:{"rebuild":true}')
    expect(disk(w).content).toBe('spoilt')

    const rebuild = inPlace(saved, { options: { rebuild: true } })
    const other = await w.provider.planRestore(rebuild, w.call())
    expect(other.summary).toMatch(/^Rebuild the Droplet/)
    expect(other.fingerprint).not.toBe(plan.fingerprint)
    await w.provider.restore(other, w.call())
    expect(disk(w).content).toBe(FIRST)
    expect(w.actions().at(-1)).toBe('rebuild')
    expect(w.sent('POST', '/actions').at(-1)!.body).toEqual({ type: 'rebuild', image: Number(native(saved)) })
  })

  test('whose action fails may have written in part, and says where the rest is', async () => {
    const w = await world()
    const saved = await spoilt(w)
    const plan = await w.provider.planRestore(inPlace(saved), w.call())
    w.cloud.failNext('restore')
    const problem = await problemOf(w.provider.restore(plan, w.call()))
    expect(problem).toMatchObject({ code: 'PROVIDER_UNAVAILABLE', outcome: 'partial', retryable: false })
    expect(problem.hint).toMatch(/digitalocean:\d+/)
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

  test('that is cancelled before it began, or while the safety snapshot is taken, leaves the Droplet alone', async () => {
    const w = await world()
    const saved = await spoilt(w)
    const plan = await w.provider.planRestore(inPlace(saved), w.call())
    const of = w.call()
    w.time.onSleep = () => of.cancel()
    expect(await problemOf(w.provider.restore(plan, of))).toMatchObject({
      code: 'CANCELLED',
      outcome: 'not_started',
    })
    expect(await problemOf(w.provider.restore(plan, of))).toMatchObject({ code: 'CANCELLED' })
    expect([disk(w).content, w.actions()]).toEqual(['spoilt', ['snapshot', 'snapshot']])
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
