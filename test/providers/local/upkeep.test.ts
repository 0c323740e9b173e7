import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { LocalOptions } from '../../../src/providers/local/index.ts'
import { createLeases } from '../../../src/providers/local/store/leases.ts'
import { refusal } from '../../snapshots/world.ts'
import { differences, picture } from '../../support/oracle.ts'
import { content } from '../../support/trees.ts'
import { context, shelf, type Workbench, workbench } from './support.ts'

const HOUR = 3_600_000
const MB = 1_000_000

/** A store whose clocks go as they are told; deleted snapshots can be taken back for two hours. */
function timed(options: Partial<LocalOptions> = {}) {
  const time = { wall: Date.parse('2030-01-01T00:00:00Z'), up: 1000 * HOUR }
  const box = workbench({
    clock: () => time.wall,
    uptime: () => time.up,
    trashWindowMs: 2 * HOUR,
    ...options,
  })
  return {
    box,
    time,
    pass(ms: number) {
      time.wall += ms
      time.up += ms
    },
  }
}

const used = (box: Workbench) =>
  readdirSync(join(box.home, 'store/packs')).reduce(
    (sum, name) => sum + statSync(join(box.home, 'store/packs', name)).size,
    0,
  )

const forget = async (box: Workbench, ...ids: string[]) =>
  box.provider.delete(await box.provider.planDelete(ids, context()), context())

/** A snapshot of a large file that is deleted again, file and snapshot. */
async function deleted(box: Workbench, seed = 1): Promise<string> {
  box.write('large', content(5 * MB, seed))
  const { id } = await box.save()
  rmSync(box.at('large'))
  await forget(box, id)
  return id
}

const soon = { timeout: 10_000 }

describe('by itself', () => {
  test('a day after the last time, a create is followed by a pass that frees what has left the window', async () => {
    const { box, pass } = timed()
    await deleted(box)
    pass(23 * HOUR)
    await box.save()
    pass(2 * HOUR)
    const { id } = await box.save()
    await expect.poll(() => used(box), soon).toBeLessThan(0.1 * MB)
    expect(await shelf(box)).toHaveLength(2)
    await box.restore(id, { mode: 'new', to: join(box.dir, 'copy') })
    expect(differences(box.picture(), picture(join(box.dir, 'copy')))).toEqual([])
    await box.provider.close?.()
  })

  test('not before that, and never by reading', async () => {
    const { box, pass } = timed()
    const id = await deleted(box)
    pass(23 * HOUR)
    await box.save()
    pass(3 * HOUR)
    await box.provider.health(context())
    await box.provider.get(id, context())
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(used(box)).toBeGreaterThan(5 * MB)
    expect(await shelf(box)).toContain(id)
  })

  test('a clock that jumps ahead deletes nothing for good', async () => {
    const { box, time, pass } = timed()
    const id = await deleted(box)
    time.wall += 365 * 24 * HOUR
    await box.save()
    await expect.poll(() => lastPass(box), soon).toBe(time.wall)
    await box.provider.close?.()
    expect(await shelf(box)).toContain(id)
    // It is deleted when the window has really passed.
    const next = box.open()
    pass(25 * HOUR)
    const source = { kind: 'path', id: box.root, name: 'root' }
    await next.create({ source, name: 'x', labels: {}, auto: false, protected: false }, context())
    await expect.poll(() => shelf(box), soon).not.toContain(id)
    await next.close?.()
  })

  test('where nothing may be deleted, the trash stays', async () => {
    const { box, pass } = timed({ expirable: () => [] })
    const id = await deleted(box)
    const before = lastPass(box)
    pass(100 * HOUR)
    await box.save()
    await expect.poll(() => lastPass(box), soon).toBeGreaterThan(before)
    await box.provider.close?.()
    expect(await shelf(box)).toContain(id)
  })

  test('it gives way to whoever is at work, and comes back soon', async () => {
    const { box, pass, time } = timed()
    const id = await deleted(box)
    const leases = createLeases(join(box.home, 'store/leases'))
    const lease = await leases.share(new AbortController().signal)
    pass(25 * HOUR)
    await box.save()
    await expect.poll(() => time.wall - lastPass(box), soon).toBe(24 * HOUR - 10 * 60_000)
    expect(await shelf(box)).toContain(id)
    lease.release()
    pass(11 * 60_000)
    await box.save()
    await expect.poll(() => used(box), soon).toBeLessThan(0.1 * MB)
    await box.provider.close?.()
  })

  test('a server that closes does not wait for it', async () => {
    const { box, pass } = timed()
    await deleted(box)
    pass(25 * HOUR)
    await box.save()
    const start = performance.now()
    await box.provider.close?.()
    expect(performance.now() - start).toBeLessThan(500)
    expect(readdirSync(join(box.home, 'store/leases'))).toEqual([])
  })
})

const lastPass = (box: Workbench) => Math.round(statSync(join(box.home, 'store/cache/gc')).mtimeMs)

describe('a full store', () => {
  test('makes room with what nobody can take back any more', async () => {
    const { box, pass } = timed({ maxStoreBytes: 6 * MB })
    await deleted(box, 1)
    box.write('next', content(3 * MB, 2))
    const problem = await refusal(box.save(), 'QUOTA_EXCEEDED')
    expect(problem.hint).toContain('snapshot-mcp purge')
    expect(problem.details).toEqual({ max_store: 6 * MB })
    pass(3 * HOUR)
    const { id } = await box.save()
    expect(used(box)).toBeLessThan(3.1 * MB)
    expect(await shelf(box)).toEqual([id])
  })

  test('looks for room once, not at each call', async () => {
    const { box } = timed({ maxStoreBytes: 2 * MB })
    box.write('first', content(MB, 1))
    await box.save()
    box.write('second', content(3 * MB, 2))
    let passes = 0
    const info = (text: string) => {
      if (text.startsWith('freed space')) passes++
    }
    const log = { debug() {}, info, warn() {}, error() {} }
    const provider = box.open({ log })
    const source = { kind: 'path', id: box.root, name: 'root' }
    const request = { source, name: 'saved', labels: {}, auto: false, protected: false }
    for (const _ of [1, 2, 3]) await refusal(provider.create(request, context()), 'QUOTA_EXCEEDED')
    expect(passes).toBe(1)
  })
})

describe('what one source may take up', () => {
  const request = (from: string, auto = false) => ({
    source: { kind: 'path', id: from, name: 'x' },
    ...{ name: 'saved', labels: {}, auto, protected: false },
  })

  test('is the sum of what its snapshots brought, and what another one brings does not count', async () => {
    const { box } = timed({ maxSourceBytes: 2.5 * MB })
    box.write('a/one', content(MB, 1))
    box.write('b/one', content(2 * MB, 2))
    const { snapshot } = await box.provider.create(request(box.at('a')), context())
    box.write('a/two', content(MB, 3))
    await box.provider.create(request(box.at('a')), context())
    await box.provider.create(request(box.at('b')), context())
    // Nothing new: that always fits.
    await box.provider.create(request(box.at('a')), context())
    box.write('a/three', content(MB, 4))
    const before = used(box)
    const problem = await refusal(box.provider.create(request(box.at('a')), context()), 'QUOTA_EXCEEDED')
    expect(problem.message).toContain('2500000 bytes')
    expect(problem.hint).toContain('--max-source')
    expect(used(box)).toBe(before)
    // A safety snapshot is taken whatever it brings.
    await box.provider.create(request(box.at('a'), true), context())
    await forget(box, snapshot.id.slice('local:'.length))
    box.write('a/four', content(MB, 5))
    await box.provider.create(request(box.at('a')), context())
  })

  test('is looked at while the source is read, not at the end only', async () => {
    const { box } = timed({ maxSourceBytes: MB })
    for (let n = 0; n < 400; n++) box.write(`${n}`, content(100_000, n))
    let most = 0
    const progress = () => {
      most = Math.max(most, used(box))
    }
    await refusal(box.provider.create(request(box.root), context({ progress })), 'QUOTA_EXCEEDED')
    expect(most).toBeLessThan(30 * MB)
    expect(used(box)).toBe(0)
  })
})
