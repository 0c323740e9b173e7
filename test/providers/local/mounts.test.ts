import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openDirectory } from '../../../src/providers/local/directory.ts'
import { mountsBelow } from '../../../src/providers/local/mounts.ts'
import { createPause } from '../../../src/providers/local/pause.ts'
import { removeTemporaries } from '../../../src/providers/local/temporaries.ts'
import { tryMount } from '../../support/mounts.ts'
import { differences, picture } from '../../support/oracle.ts'
import { context, settle, type Workbench, workbench } from './support.ts'

/** Mounts something below the source; skips the running test where that cannot be done, and says why. */
type Mount = (box: Workbench, path: string) => string | undefined

const bind = (from: string, at: string) => tryMount(at, '--bind', from)

/** A directory beside the source, with a file in it, on the same file system. */
const elsewhere: Mount = (box, path) => {
  mkdirSync(join(box.dir, 'elsewhere'))
  const problem = bind(join(box.dir, 'elsewhere'), box.at(path))
  if (!problem) writeFileSync(box.at(`${path}/foreign`), 'of somewhere else')
  return problem
}

const fileSystem: Mount = (box, path) => {
  const problem = tryMount(box.at(path), '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs')
  if (!problem) writeFileSync(box.at(`${path}/foreign`), 'of somewhere else')
  return problem
}

const cannot = (problem: string) => `nothing can be mounted here: ${problem}`
const foreign = (box: Workbench, path: string) => readFileSync(box.at(`${path}/foreign`), 'utf8')
const unmount = (box: Workbench, path: string) => execFileSync('umount', [box.at(path)])
const SKIPPED = (path: string) => [{ reason: 'mount', count: 1, samples: [{ path }] }]

describe.each([
  ['another file system', fileSystem],
  ['another directory of the same file system', elsewhere],
])('%s, mounted in the source', (_what, mountIn) => {
  test('is listed as skipped, and nothing of it is read', async ({ skip }) => {
    const box = workbench()
    box.write('dir/file', 'captured')
    const problem = mountIn(box, 'dir/mnt')
    if (problem) skip(cannot(problem))
    const { id, receipt } = await box.save()
    expect(receipt).toMatchObject({ files: 1, skipped: SKIPPED('dir/mnt') })
    await box.restore(id, { mode: 'new', to: join(box.dir, 'copy') })
    expect([...picture(join(box.dir, 'copy')).keys()]).toEqual(['', 'dir', 'dir/file'])
    expect((await box.provider.diff!({ from: id, limit: 10, content: false }, context())).changes).toEqual([])
  })

  test('is neither removed nor entered by a restore whose snapshot does not know it', async ({ skip }) => {
    const box = workbench()
    box.write('file', 'saved')
    const { id } = await box.save()
    box.write('file', 'changed')
    box.write('new/gone', 'goes')
    const problem = mountIn(box, 'new/mnt')
    if (problem) skip(cannot(problem))
    const { warnings } = await box.restore(id)
    expect(warnings.join()).toMatch(/stays as it is: "new"$/)
    expect(box.read('file')).toBe('saved')
    expect(readdirSync(box.at('new'))).toEqual(['mnt'])
    expect(foreign(box, 'new/mnt')).toBe('of somewhere else')
  })

  test('stays where the snapshot has a directory', async ({ skip }) => {
    const box = workbench()
    box.write('data/file', 'saved')
    box.write('other', 'saved')
    const { id } = await box.save()
    rmSync(box.at('data/file'))
    box.write('other', 'changed')
    const problem = mountIn(box, 'data')
    if (problem) skip(cannot(problem))
    const { warnings } = await box.restore(id)
    expect(warnings.join()).toMatch(/stays as it is: "data"$/)
    expect(box.read('other')).toBe('saved')
    expect(readdirSync(box.at('data'))).toEqual(['foreign'])
    unmount(box, 'data')
    expect(readdirSync(box.at('data'))).toEqual([])
    await box.restore(id)
    expect(box.read('data/file')).toBe('saved')
  })

  test('keeps what looks like the temporary name of a restore that was killed', async ({ skip }) => {
    const box = workbench()
    const temporary = '.snapshot-mcp-0123456789abcdef-'
    for (const path of ['', 'dir/']) box.write(`${path}${temporary}1`, 'half written')
    const problem = mountIn(box, 'dir/mnt')
    if (problem) skip(cannot(problem))
    box.write(`dir/mnt/${temporary}1`, 'of somewhere else')
    const directory = openDirectory(box.root)
    await removeTemporaries(directory, temporary, { deep: true, pause: createPause(context()) })
    directory.close()
    expect([...box.picture().keys()].filter((path) => path.includes(temporary))).toEqual([
      `dir/mnt/${temporary}1`,
    ])
  })
})

test('a directory that was bound to its own place is a mount, though it looks like it did', async ({
  skip,
}) => {
  const box = workbench()
  for (const path of ['a/b/file', 'a/c/file', 'z']) box.write(path, 'saved')
  await settle()
  const first = await box.save()
  expect(first.receipt?.skipped).toEqual([])
  const problem = bind(box.at('a/b'), box.at('a/b'))
  if (problem) skip(cannot(problem))
  const { receipt } = await box.save()
  expect(receipt).toMatchObject({ files: 2, skipped: SKIPPED('a/b') })
  const { warnings } = await box.restore(first.id)
  expect(warnings.join()).toMatch(/stays as it is: "a\/b"$/)
  unmount(box, 'a/b')
  expect((await box.save()).receipt).toMatchObject({ files: 3, skipped: [] })
})

test('a file that is mounted over another one is neither captured nor replaced', async ({ skip }) => {
  const box = workbench()
  for (const path of ['config', 'other']) box.write(path, 'saved')
  await settle()
  const { id } = await box.save()
  box.write('other', 'changed')
  writeFileSync(join(box.dir, 'config'), 'of somewhere else')
  const problem = bind(join(box.dir, 'config'), box.at('config'))
  if (problem) skip(cannot(problem))
  const { warnings } = await box.restore(id)
  expect(warnings.join()).toMatch(/stays as it is: "config"$/)
  expect([box.read('config'), box.read('other')]).toEqual(['of somewhere else', 'saved'])
  expect((await box.save()).receipt).toMatchObject({ files: 1, skipped: SKIPPED('config') })
})

test.for(['two words', 'tab\there', 'line\nbreak', 'back\\slash', 'back\\040slash', '#hash', '\u00fcmlaut'])(
  'the name of a mount may be %j',
  async (name, { skip }) => {
    const box = workbench()
    const problem = elsewhere(box, `dir/${name}`)
    if (problem) skip(cannot(problem))
    const { receipt } = await box.save()
    expect(receipt).toMatchObject({ files: 0, skipped: SKIPPED(`dir/${name}`) })
  },
)

describe('what is mounted is the source itself', () => {
  async function mounted(skip: (why: string) => void) {
    const box = workbench()
    mkdirSync(join(box.dir, 'elsewhere/below'), { recursive: true })
    const problem = bind(join(box.dir, 'elsewhere'), box.root)
    if (problem) skip(cannot(problem))
    box.write('file', 'saved')
    box.write('below/file', 'saved')
    return box
  }

  test('it is captured and restored like any other', async ({ skip }) => {
    const box = await mounted(skip)
    const before = box.picture()
    const { id, receipt } = await box.save()
    expect(receipt).toMatchObject({ files: 2, skipped: [] })
    box.write('file', 'changed')
    box.write('below/more', 'new')
    await box.restore(id)
    expect(differences(before, box.picture())).toEqual([])
    expect((await box.save({ from: box.at('below') })).receipt).toMatchObject({ files: 1, skipped: [] })
  })

  test('a mount that it hides is none of its own', async ({ skip }) => {
    const box = workbench()
    const hidden = elsewhere(box, 'dir')
    if (hidden) skip(cannot(hidden))
    mkdirSync(join(box.dir, 'over/dir'), { recursive: true })
    const problem = bind(join(box.dir, 'over'), box.root)
    if (problem) skip(cannot(problem))
    box.write('dir/file', 'captured')
    expect((await box.save()).receipt).toMatchObject({ files: 1, skipped: [] })
  })
})

test('where nothing is mounted below, no path is named', () => {
  const box = workbench()
  mkdirSync(box.at('dir'))
  const directory = openDirectory(box.root)
  expect(mountsBelow(directory)).toEqual(new Set())
  directory.close()
})
