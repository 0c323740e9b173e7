import { appendFileSync, linkSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { intercept } from './faults.ts'
import { workbench } from './support.ts'

test('a linked file that is written to between its names is saved as what was read under each', async () => {
  const box = workbench()
  box.write('a', 'first')
  linkSync(box.at('a'), box.at('b'))
  let seen = 0
  intercept('lstatSync', (path) => {
    if (path.endsWith('/b') && seen++ === 0) appendFileSync(box.at('a'), ' and second')
  })
  const { id } = await box.save()
  expect(seen).toBeGreaterThan(0)
  const to = join(box.dir, 'copy')
  await box.restore(id, { mode: 'new', to })
  expect(['a', 'b'].map((name) => readFileSync(join(to, name), 'utf8'))).toEqual([
    'first',
    'first and second',
  ])
  await box.restore(id)
  expect(['a', 'b'].map(box.read)).toEqual(['first', 'first and second'])
})

test('a linked file that never stops changing is named under each of its names', async () => {
  const box = workbench()
  box.write('a', 'first')
  linkSync(box.at('a'), box.at('b'))
  intercept('readSync', () => appendFileSync(box.at('a'), ' and more'))
  const { receipt } = await box.save()
  expect(receipt?.changed_during_read).toEqual([{ path: 'a' }, { path: 'b' }])
})
