import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { refusal } from '../../snapshots/world.ts'
import { differences, digest } from '../../support/oracle.ts'
import { context, makeMany, shelf, type Workbench, workbench } from './support.ts'

const FILES = 3000

function breakMany(box: Workbench): void {
  for (let n = 0; n < FILES; n++) box.write(`part-${n % 40}/file-${n}`, 'broken')
}

test('what is cancelled half way leaves nothing behind', async () => {
  const box = workbench()
  makeMany(box.root, FILES)
  const { id } = await box.save()
  const before = { dir: readdirSync(box.dir).sort(), root: digest(box.picture()), shelf: await shelf(box) }
  const plan = await box.plan(id, { mode: 'new', to: join(box.dir, 'copy') })
  const cancel = new AbortController()
  let partial: string[] = []
  const progress = () => {
    partial = readdirSync(box.dir).filter((name) => !before.dir.includes(name))
    cancel.abort()
  }
  await refusal(box.provider.restore(plan, context({ signal: cancel.signal, progress })), 'CANCELLED')
  expect(partial, 'it was cancelled while it was writing').toHaveLength(1)
  expect({ dir: readdirSync(box.dir).sort(), root: digest(box.picture()), shelf: await shelf(box) }).toEqual(
    before,
  )
})

test('a create that is cancelled half way leaves nothing behind', async () => {
  const box = workbench()
  makeMany(box.root, FILES)
  const packs = () => readdirSync(join(box.home, 'store/packs'))
  const cancel = new AbortController()
  const source = { kind: 'path', id: box.root, name: 'root' }
  const request = { source, name: 'never', labels: {}, auto: false, protected: false }
  const ctx = context({ signal: cancel.signal, progress: () => cancel.abort() })
  await refusal(box.provider.create(request, ctx), 'CANCELLED')
  expect(packs()).toEqual([])
  expect(await shelf(box)).toEqual([])
  expect((await box.save()).receipt?.files).toBe(FILES)
})

test('a restore in place that is cancelled once it writes is finished, not torn', async () => {
  const box = workbench()
  makeMany(box.root, FILES)
  const before = box.picture()
  const { id } = await box.save()
  breakMany(box)
  const cancel = new AbortController()
  let recorded = false
  const record = async () => {
    recorded = true
  }
  const progress = () => recorded && cancel.abort()
  await box.restore(id, {}, { signal: cancel.signal, record, progress })
  expect(cancel.signal.aborted).toBe(true)
  expect(differences(before, box.picture())).toEqual([])
})

test('progress rises strictly from the safety snapshot to the last file written', async () => {
  const box = workbench()
  makeMany(box.root, FILES)
  const { id } = await box.save()
  breakMany(box)
  const told: number[] = []
  await box.restore(id, {}, { progress: (done) => void told.push(done) })
  expect(told.length).toBeGreaterThan(2)
  expect(told).toEqual([...new Set(told)].sort((a, b) => a - b))
})

test('progress of one large file rises strictly', async () => {
  const box = workbench()
  box.write('large.bin', Buffer.alloc(100_000_000, 'text'))
  const told: number[] = []
  const source = { kind: 'path', id: box.root, name: 'root' }
  const request = { source, name: 'large', labels: {}, auto: false, protected: false }
  await box.provider.create(request, context({ progress: (done) => void told.push(done) }))
  expect(told).toEqual([...new Set(told)].sort((a, b) => a - b))
})
