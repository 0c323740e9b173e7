import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { refusal } from '../../snapshots/world.ts'
import { differences } from '../../support/oracle.ts'
import { content } from '../../support/trees.ts'
import { intercept, shortWrites, systemFault } from './faults.ts'
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
