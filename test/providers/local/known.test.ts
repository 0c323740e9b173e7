import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { intercept } from './faults.ts'
import { context, settle, workbench } from './support.ts'

const FILES = 1500

test('what a scan takes over is looked for in the store, whoever has looked meanwhile for something else', async () => {
  const box = workbench()
  mkdirSync(box.at('many'))
  const writeMany = (text: string) => {
    for (let n = 0; n < FILES; n++) box.write(`many/file-${n}`, text)
  }
  writeMany('first')
  const { id: first } = await box.save()
  box.write('precious', 'only in the second snapshot')
  await settle()
  const { id: second } = await box.save()
  // Its content is gone for good, and the last scan still knows its name.
  await box.provider.delete(await box.provider.planDelete([second], context()), context())
  await box.provider.purge!(await box.provider.planPurge!({ all: true }, context()), context())
  writeMany('second')

  // While the diff reads, a create that leaves everything out begins and ends.
  const ended: string[] = []
  let create: Promise<unknown> | undefined
  intercept('lstatSync', (path) => {
    if (!/\/file-\d+$/.test(path) || path.startsWith(box.root) || ended.length > 0) return
    create ??= box.save({ exclude: ['*'] }).then(() => ended.push('create'))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3)
  })
  await box.provider.diff!({ from: first, limit: 1, content: false }, context())
  ended.push('diff')
  await create
  expect(ended).toEqual(['create', 'diff'])

  const { id } = await box.save()
  const to = join(box.dir, 'copy')
  await box.restore(id, { mode: 'new', to })
  expect(readFileSync(join(to, 'precious'), 'utf8')).toBe('only in the second snapshot')
})
