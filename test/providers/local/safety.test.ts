import { linkSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fail } from '../../../src/snapshots/errors.ts'
import { refusal } from '../../snapshots/world.ts'
import { differences } from '../../support/oracle.ts'
import { content } from '../../support/trees.ts'
import { intercept, shortWrites, systemFault } from './faults.ts'
import { journalsOf, leftoversIn } from './interrupted.ts'
import { spoilObject } from './store-files.ts'
import { context, shelf, type Workbench, workbench } from './support.ts'

/** Noise, so that it is found in its pack as it is. */
const NOISE = content(200_000, 1)

/** Two saved states. The second one is live, so that the safety snapshot of a restore has little to store. */
async function twice() {
  const box = workbench()
  box.write('file', 'the first state')
  const { id } = await box.save()
  box.write('file', NOISE)
  box.write('later', 'the second state')
  await box.save()
  return { box, id, before: box.picture() }
}

test('a safety snapshot brings back what was there before (G31)', async () => {
  const { box, id, before } = await twice()
  const { safety_snapshot: safety = '' } = await box.restore(id)
  expect(differences(before, box.picture())).not.toEqual([])
  await box.restore(safety)
  expect(differences(before, box.picture())).toEqual([])
})

describe('a restore whose safety snapshot fails does not start (G33)', () => {
  async function refused(box: Workbench, id: string) {
    const saved = await shelf(box)
    const before = box.picture()
    const plan = await box.plan(id)
    return async () => {
      const { outcome } = await refusal(box.provider.restore(plan, context()), 'SAFETY_SNAPSHOT_FAILED')
      expect(outcome).toBe('not_started')
      expect(differences(before, box.picture())).toEqual([])
      expect(await shelf(box)).toEqual(saved)
    }
  }

  test('when the disk has no room for what is in it', async () => {
    const { box, id } = await twice()
    box.write('file', content(200_000, 2))
    const check = await refused(box, id)
    await shortWrites(() => 0)
    await check()
  })

  test.each(['ENOSPC', 'EIO'])(
    'when all that it needs is stored but for its own record: %s',
    async (code) => {
      const { box, id } = await twice()
      const check = await refused(box, id)
      intercept('renameSync', (path) => {
        if (path.startsWith(join(box.home, 'store/snapshots'))) throw systemFault(code)
      })
      await check()
    },
  )
})

test('a safety snapshot that cannot be read back is none: nothing is replaced', async () => {
  const { box, id, before } = await twice()
  const plan = await box.plan(id)
  const packs = join(box.home, 'store/packs')
  let rotten = 0
  // Whatever is stored of the file is damaged before the snapshot that needs it is recorded.
  intercept('renameSync', (path) => {
    if (!path.startsWith(join(box.home, 'store/snapshots'))) return
    for (const name of readdirSync(packs)) {
      const bytes = readFileSync(join(packs, name))
      const at = bytes.indexOf(NOISE.subarray(0, 64))
      if (at < 0) continue
      bytes[at] = (bytes[at] as number) ^ 1
      writeFileSync(join(packs, name), bytes)
      rotten++
    }
  })
  await refusal(box.open().restore(plan, context()), 'SAFETY_SNAPSHOT_FAILED')
  expect(rotten).toBe(2)
  expect(differences(before, box.picture())).toEqual([])
})

test('hard links that an older snapshot has stored, and that have rotted since, are saved anew', async () => {
  const box = workbench()
  box.write('a', 'one')
  box.write('other', 'saved')
  const { id } = await box.save()
  linkSync(box.at('a'), box.at('b'))
  box.write('other', 'changed')
  const before = box.picture()
  const linked = await box.save()
  await box.provider.close?.()
  const { links } = JSON.parse(readFileSync(join(box.home, `store/snapshots/${linked.id}.json`), 'utf8'))
  spoilObject(box, links)

  const fresh = box.open()
  const restore = async (snapshot: string) =>
    fresh.restore(await fresh.planRestore({ snapshot, mode: 'in_place', count: 1 }, context()), context())
  const { safety_snapshot: safety = '' } = await restore(id)
  expect(differences(before, box.picture())).not.toEqual([])
  await restore(safety)
  expect(differences(before, box.picture())).toEqual([])
})

test('a restore that has lost the lock on its target stops before anything is moved', async () => {
  const { box, id, before } = await twice()
  const written: number[] = []
  const stillHeld = async () => {
    written.push(leftoversIn(box).length)
    throw fail('BUSY', 'Somebody else is at work here. Nothing was changed.', 'Try again.')
  }
  const { outcome } = await refusal(box.restore(id, {}, { stillHeld }), 'BUSY')
  expect(outcome).toBe('not_started')
  // Asked once, when all that is new lay beside its place.
  expect(written).toEqual([1])
  expect(differences(before, box.picture(), { except: (path) => path === '' })).toEqual([])
  expect([leftoversIn(box), journalsOf(box)]).toEqual([[], []])
})

test('a directory that has rotted since it was saved is saved anew, though it still is in memory', async () => {
  const box = workbench()
  box.write('file', 'one')
  const { id } = await box.save()
  box.write('file', 'another')
  const before = box.picture()
  const second = await box.save()
  const { tree } = JSON.parse(readFileSync(join(box.home, `store/snapshots/${second.id}.json`), 'utf8'))
  spoilObject(box, tree)
  const { safety_snapshot: safety = '' } = await box.restore(id)
  const fresh = box.open()
  const plan = await fresh.planRestore({ snapshot: safety, mode: 'in_place', count: 1 }, context())
  await fresh.restore(plan, context())
  expect(differences(before, box.picture())).toEqual([])
})
