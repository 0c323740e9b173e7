import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { differences } from '../../support/oracle.ts'
import { context, type Workbench, workbench } from './support.ts'

/** Everything that can be at one path, made by hand. */
const KINDS: Record<string, (box: Workbench) => void> = {
  nothing() {},
  'an empty file': (box) => writeFileSync(box.at('it'), ''),
  'a file': (box) => writeFileSync(box.at('it'), 'text', { mode: 0o640 }),
  'a large file': (box) => writeFileSync(box.at('it'), Buffer.alloc(1_200_000, 'text')),
  'an empty directory': (box) => mkdirSync(box.at('it'), { mode: 0o750 }),
  'a directory': (box) => {
    mkdirSync(box.at('it/deep/er'), { recursive: true })
    writeFileSync(box.at('it/deep/file'), 'inside')
    symlinkSync('file', box.at('it/deep/link'))
  },
  'a symlink to a directory': (box) => symlinkSync('beside', box.at('it')),
  'a dangling symlink': (box) => symlinkSync('/nowhere/at/all', box.at('it')),
}

describe.each(Object.keys(KINDS))('%s', (saved) => {
  test.each(Object.keys(KINDS))('comes back where %s is now', async (live) => {
    const box = workbench()
    mkdirSync(box.at('beside'))
    writeFileSync(box.at('beside/file'), 'not to be touched')
    KINDS[saved]?.(box)
    const before = box.picture()
    const { id } = await box.save()
    rmSync(box.at('it'), { recursive: true, force: true })
    KINDS[live]?.(box)
    const spoilt = box.picture()
    const { safety_snapshot } = await box.restore(id)
    expect(differences(before, box.picture())).toEqual([])
    // Where there was nothing to do there is nothing to undo.
    if (safety_snapshot !== undefined) await box.restore(safety_snapshot)
    expect(differences(spoilt, box.picture())).toEqual([])
  })
})

test('a renamed file is another file, whatever else is the same', async () => {
  const box = workbench()
  box.write('dir/before', 'the same')
  const { id } = await box.save()
  renameSync(box.at('dir/before'), box.at('dir/after'))
  const { id: renamed } = await box.save()
  const diff = await box.provider.diff?.({ from: id, to: renamed, limit: 10, content: false }, context())
  expect(diff?.changes.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
    'added dir/after',
    'removed dir/before',
  ])
  await box.restore(id)
  expect([...box.picture().keys()]).toContain('dir/before')
  await box.restore(renamed)
  expect([...box.picture().keys()]).toEqual(['', 'dir', 'dir/after'])
})
