import { readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createLeases } from '../../../src/providers/local/store/leases.ts'
import { refusal, silent } from '../../snapshots/world.ts'
import { differences } from '../../support/oracle.ts'
import { intercept, systemFault } from './faults.ts'
import { context, native, shelf, type Workbench, workbench } from './support.ts'

const HOUR = 3_600_000
const START = Date.parse('2030-01-01T00:00:00Z')
const iso = (ms: number) => new Date(ms).toISOString()

function timed(): { box: Workbench; time: { now: number } } {
  const time = { now: START }
  return { box: workbench({ clock: () => time.now, trashWindowMs: 2 * HOUR }), time }
}

const visible = async ({ provider }: Workbench) => {
  const { items } = await provider.list(
    { include_auto: false, include_trashed: false, limit: 100 },
    context(),
  )
  return items.map(native)
}

test('reading never moves an expired snapshot; the next create does, and it is kept for the whole window', async () => {
  const { box, time } = timed()
  const { id } = await box.save({ expires_at: iso(START + HOUR) })
  time.now = START + HOUR - 1
  const { id: early } = await box.save()
  time.now = START + HOUR
  expect(await visible(box)).toEqual([early, id])
  const { id: late } = await box.save()
  expect(await visible(box)).toEqual([late, early])
  const trashed = await box.provider.get(id, context())
  expect(trashed).toMatchObject({ state: 'trashed', native: { kept_until: iso(START + 3 * HOUR) } })
})

test('an expired snapshot comes back with a new expiry, or with none', async () => {
  const { box, time } = timed()
  const { id } = await box.save({ expires_at: iso(START + HOUR) })
  time.now = START + HOUR
  await box.save()
  const problem = await refusal(box.plan(id), 'CONFLICT')
  expect(problem.hint).toContain('snapshot_update')
  await box.provider.update?.(id, { name: 'still in the trash' }, context())
  expect(await visible(box)).not.toContain(id)
  await box.provider.update?.(id, { expires_at: null }, context())
  await box.save()
  expect(await visible(box)).toContain(id)
  await box.plan(id)
})

test('what was deleted does not come back by an update', async () => {
  const { box } = timed()
  const { id } = await box.save()
  await box.provider.delete(await box.provider.planDelete([id], context()), context())
  await box.provider.update?.(id, { expires_at: null }, context())
  expect(await visible(box)).not.toContain(id)
})

test('where nothing may be deleted, nothing expires', async () => {
  const time = { now: START }
  const box = workbench({ clock: () => time.now, expirable: () => [] })
  const { id } = await box.save({ expires_at: iso(START + HOUR) })
  time.now = START + 2 * HOUR
  await box.save()
  expect(await visible(box)).toContain(id)
})

test('an expired snapshot that was taken out of the trash stays out', async () => {
  const { box, time } = timed()
  box.write('file', 'saved')
  const before = box.picture()
  const { id } = await box.save({ expires_at: iso(START + HOUR) })
  time.now = START + HOUR
  await box.save()
  await box.provider.undelete?.([id], context())
  await box.save()
  expect(await visible(box)).toContain(id)
  box.write('file', 'broken')
  await box.restore(id)
  expect(differences(before, box.picture())).toEqual([])
})

test('a protected snapshot does not expire', async () => {
  const { box, time } = timed()
  const { id } = await box.save({ expires_at: iso(START + HOUR), protected: true })
  time.now = START + 24 * HOUR
  await box.save()
  expect(await visible(box)).toContain(id)
})

test('a safety snapshot is protected for a week, and goes when that is over', async () => {
  const { box, time } = timed()
  box.write('file', 'saved')
  const { id } = await box.save()
  box.write('file', 'broken')
  const { safety_snapshot: safety } = (await box.restore(id)) as { safety_snapshot: string }
  expect(await box.provider.get(safety, context())).toMatchObject({ auto: true, protected: true })
  await refusal(box.provider.planDelete([safety], context()), 'PROTECTED')
  time.now = START + 7 * 24 * HOUR - 1
  await refusal(box.provider.planDelete([safety], context()), 'PROTECTED')
  time.now = START + 7 * 24 * HOUR
  await box.save()
  expect(await box.provider.get(safety, context())).toMatchObject({ state: 'trashed' })
})

test('what is in the trash is neither deleted again nor restored', async () => {
  const { box } = timed()
  const { id } = await box.save()
  await box.provider.delete(await box.provider.planDelete([id], context()), context())
  await refusal(box.provider.planDelete([id], context()), 'CONFLICT')
  await refusal(box.plan(id), 'CONFLICT')
  await refusal(box.plan(id, { mode: 'new', to: `${box.dir}/copy` }), 'CONFLICT')
  expect(await shelf(box)).toEqual([id])
})

test('a cursor that nobody gave out is refused', async () => {
  const { box } = timed()
  const { id } = await box.save()
  box.write('file', 'new')
  for (const cursor of ['nonsense', '!', Buffer.from('x').toString('base64url'), 'AAAA']) {
    const query = { include_auto: false, include_trashed: false, limit: 1, cursor }
    await refusal(box.provider.list(query, context()), 'INVALID_ARGUMENT')
  }
  const request = { from: id, limit: 1, content: false, cursor: '!' }
  await refusal(box.provider.diff?.(request, context()) as Promise<unknown>, 'INVALID_ARGUMENT')
})

test('an expired snapshot that another process was quicker to move does not fail a create', async () => {
  const { box, time } = timed()
  const expires_at = iso(START + HOUR)
  for (const _ of [1, 2]) await box.save({ expires_at })
  time.now += 2 * HOUR
  const live = join(box.home, 'store/snapshots')
  let moved = 0
  const info = () => {
    for (const name of moved++ === 0 ? readdirSync(live) : []) {
      renameSync(join(live, name), join(box.home, 'store/trash', name))
    }
  }
  const request = { source: { kind: 'path', id: box.root, name: 'root' }, name: 'saved', labels: {} }
  const provider = box.open({ log: { ...silent, info } })
  const { snapshot } = await provider.create({ ...request, auto: false, protected: false }, context())
  expect(moved).toBe(1)
  expect(await visible(box)).toEqual([native(snapshot)])
})

describe('several that are taken out of the trash together', () => {
  async function trashed() {
    const { box } = timed()
    const ids = [(await box.save()).id, (await box.save()).id] as const
    await box.provider.delete(await box.provider.planDelete(ids, context()), context())
    return { box, ids, manifest: (n: 0 | 1) => join(box.home, 'store/trash', `${ids[n]}.json`) }
  }

  test('all stay where one of them is gone, by a purge that was waited for', async () => {
    const { box, ids, manifest } = await trashed()
    const turn = createLeases(join(box.home, 'store/leases')).exclude()
    const undelete = refusal(box.provider.undelete!(ids, context()), 'NOT_FOUND')
    rmSync(manifest(1))
    turn?.release()
    expect((await undelete).outcome).toBe('not_started')
    expect(await visible(box)).toEqual([])
  })

  test('and of which the second one fails: it is said that some are out', async () => {
    const { box, ids, manifest } = await trashed()
    intercept('renameSync', (path) => {
      if (path === manifest(1)) throw systemFault('EIO')
    })
    const problem = await refusal(box.provider.undelete!(ids, context()), 'INTERNAL')
    expect(problem).toMatchObject({ outcome: 'partial', message: expect.not.stringContaining('Nothing') })
    expect(await visible(box)).toEqual([ids[0]])
  })
})

test('an update that cannot take its snapshot out of the trash changes nothing else either', async () => {
  const { box, time } = timed()
  const { id } = await box.save({ expires_at: iso(START + HOUR) })
  time.now = START + HOUR
  await box.save()
  const turn = createLeases(join(box.home, 'store/leases')).exclude()
  const cancel = new AbortController()
  const change = { name: 'renamed', expires_at: null }
  const update = refusal(box.provider.update!(id, change, context({ signal: cancel.signal })), 'CANCELLED')
  cancel.abort()
  expect((await update).outcome).toBe('not_started')
  turn?.release()
  expect(await box.provider.get(id, context())).toMatchObject({ name: 'saved', state: 'trashed' })
})
