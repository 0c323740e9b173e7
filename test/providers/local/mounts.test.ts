import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tryMount } from '../../support/mounts.ts'
import { picture } from '../../support/oracle.ts'
import { context, type Workbench, workbench } from './support.ts'

/** A file system of its own below the source, with a file in it; says why not where that cannot be made. */
function mountIn(box: Workbench, path: string): string | undefined {
  const problem = tryMount(box.at(path), '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs')
  if (!problem) writeFileSync(box.at(`${path}/foreign`), 'of another file system')
  return problem
}

const foreign = (box: Workbench, path: string) => readFileSync(box.at(`${path}/foreign`), 'utf8')

test('a mount in the source is listed as skipped, and nothing of it is read', async ({ skip }) => {
  const box = workbench()
  box.write('dir/file', 'captured')
  const problem = mountIn(box, 'dir/mnt')
  if (problem) skip(`nothing can be mounted here: ${problem}`)
  const { id, receipt } = await box.save()
  expect(receipt).toMatchObject({
    files: 1,
    skipped: [{ reason: 'mount', count: 1, samples: [{ path: 'dir/mnt' }] }],
  })
  await box.restore(id, { mode: 'new', to: join(box.dir, 'copy') })
  expect([...picture(join(box.dir, 'copy')).keys()]).toEqual(['', 'dir', 'dir/file'])
  expect((await box.provider.diff!({ from: id, limit: 10, content: false }, context())).changes).toEqual([])
})

test('a restore neither removes nor enters a mount that the snapshot does not know', async ({ skip }) => {
  const box = workbench()
  box.write('file', 'saved')
  const { id } = await box.save()
  box.write('file', 'changed')
  box.write('new/gone', 'goes')
  const problem = mountIn(box, 'new/mnt')
  if (problem) skip(`nothing can be mounted here: ${problem}`)
  const { warnings } = await box.restore(id)
  expect(warnings.join()).toMatch(/stays as it is: new$/)
  expect(box.read('file')).toBe('saved')
  expect(readdirSync(box.at('new'))).toEqual(['mnt'])
  expect(foreign(box, 'new/mnt')).toBe('of another file system')
})

test('where the snapshot has a directory, a mount that came since stays', async ({ skip }) => {
  const box = workbench()
  box.write('data/file', 'saved')
  box.write('other', 'saved')
  const { id } = await box.save()
  rmSync(box.at('data/file'))
  box.write('other', 'changed')
  const problem = mountIn(box, 'data')
  if (problem) skip(`nothing can be mounted here: ${problem}`)
  const { warnings } = await box.restore(id)
  expect(warnings.join()).toMatch(/stays as it is: data$/)
  expect(box.read('other')).toBe('saved')
  expect(readdirSync(box.at('data'))).toEqual(['foreign'])
  execFileSync('umount', [box.at('data')])
  expect(readdirSync(box.at('data'))).toEqual([])
  await box.restore(id)
  expect(box.read('data/file')).toBe('saved')
})
