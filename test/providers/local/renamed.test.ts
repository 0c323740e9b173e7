import { linkSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { picture } from '../../support/oracle.ts'
import { intercept } from './faults.ts'
import { workbench } from './support.ts'

/** A directory is moved at the moment the scan looks at one of its entries, which the scan before knew already. */
test.each(['d/a', 'd/m', 'd/m/x', 'd/z'])('a directory renamed when the scan comes to %s', async (moment) => {
  const box = workbench()
  for (const path of ['d/a', 'd/m/x', 'd/z']) box.write(path, `text of ${path}`)
  mkdirSync(box.at('d/empty'))
  linkSync(box.at('d/a'), box.at('y'))
  // Old enough for the scan to trust what it remembers.
  await sleep(80)
  await box.save()
  await box.save()
  let moved = false
  intercept('lstatSync', (path) => {
    if (moved || path !== box.at(moment)) return
    moved = true
    renameSync(box.at('d'), box.at('e'))
  })
  const { id, receipt } = await box.save()
  expect(moved).toBe(true)

  const copy = join(box.dir, 'copy')
  await box.restore(id, { mode: 'new', to: copy })
  const saved = picture(copy)
  const count = (type: string) => [...saved.values()].filter((entry) => entry.type === type).length
  expect({ files: receipt?.files, directories: receipt?.directories }).toEqual({
    files: count('file'),
    directories: count('directory'),
  })
  const whole = ['d', 'e'].some((at) => ['a', 'm/x', 'z'].every((path) => saved.has(`${at}/${path}`)))
  expect(whole || receipt?.changed_during_read.length).toBeTruthy()
})
