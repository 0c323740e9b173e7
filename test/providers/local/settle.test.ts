import { chmodSync, utimesSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { openDirectory } from '../../../src/providers/local/directory.ts'
import { objectId } from '../../../src/providers/local/object-id.ts'
import { createPause } from '../../../src/providers/local/pause.ts'
import { scan } from '../../../src/providers/local/scan.ts'
import { refusal } from '../../snapshots/world.ts'
import { differences } from '../../support/oracle.ts'
import { intercept, keepWholeSeconds } from './faults.ts'
import { context, type Workbench, workbench } from './support.ts'

/** What a scan that is to settle says of each file. */
async function settled({ root }: Workbench): Promise<Record<string, boolean>> {
  const directory = openDirectory(root)
  try {
    const pause = createPause(context())
    const options = { exclude: [], idOf: objectId, pause, clock: Date.now, settle: true }
    const { root: found } = await scan(directory, options)
    return Object.fromEntries(
      found.children.map((entry) => [entry.name, entry.type === 'file' && entry.stat.settled]),
    )
  } finally {
    directory.close()
  }
}

test('an edit that leaves no trace, right after the safety snapshot, is not replaced', async () => {
  const box = workbench()
  box.write('file', 'saved one')
  keepWholeSeconds()
  const { id } = await box.save()
  // Early in a second, so that both edits are in the same one if nobody waits for its end.
  const isEarly = () => Date.now() % 1000 > 50 && Date.now() % 1000 < 300
  await vi.waitUntil(isEarly, { timeout: 2000, interval: 1 })
  box.write('file', 'first ed.')
  const record = async () => box.write('file', 'second ed')
  const problem = await refusal(box.restore(id, {}, { record }), 'CONFLICT')
  expect(problem.details).toMatchObject({ left_alone: [{ path: 'file', reason: 'changed_meanwhile' }] })
  expect(box.read('file')).toBe('second ed')
})

test('what has not come to rest by then stays as it is', async () => {
  const box = workbench()
  for (const name of ['calm', 'restless']) box.write(name, 'saved')
  const { id } = await box.save()
  for (const name of ['calm', 'restless']) box.write(name, 'changed')
  const plan = await box.plan(id)
  let isRestless = true
  intercept('lstatSync', (path) => {
    if (isRestless && path.endsWith('/restless')) chmodSync(box.at('restless'), 0o644)
  })
  const record = async () => {
    isRestless = false
  }
  const problem = await refusal(box.provider.restore(plan, context({ record })), 'CONFLICT')
  expect(problem.details).toMatchObject({ left_alone: [{ path: 'restless', reason: 'changed_meanwhile' }] })
  expect([box.read('calm'), box.read('restless')]).toEqual(['saved', 'changed'])
})

test('what was changed a moment ago is replaced once it has come to rest', async () => {
  const box = workbench()
  for (const name of ['edited', 'removed']) box.write(name, 'saved')
  const before = box.picture()
  const { id } = await box.save()
  for (const name of ['edited', 'new']) box.write(name, 'broken')
  await box.restore(id)
  expect(differences(before, box.picture())).toEqual([])
})

test('also where the clock of the file system is ahead', async () => {
  const box = workbench({ clock: () => Date.now() - 3_600_000 })
  box.write('file', 'saved')
  const { id } = await box.save()
  box.write('file', 'changed')
  await box.restore(id)
  expect(box.read('file')).toBe('saved')
})

test('nobody waits for ever for a file that keeps changing', async () => {
  const box = workbench()
  for (const name of ['calm', 'restless']) box.write(name, 'text')
  intercept('lstatSync', (path) => {
    if (path.endsWith('/restless')) utimesSync(box.at('restless'), new Date(), new Date())
  })
  expect(await settled(box)).toEqual({ calm: true, restless: false })
})
