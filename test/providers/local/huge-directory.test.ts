import { mkdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { differences } from '../../support/oracle.ts'
import { context, workbench } from './support.ts'

const FILES = 20_000
const name = (n: number) => `huge/file-${String(n).padStart(5, '0')}`

test(`a directory with ${FILES} files: saved, edited, compared and restored exactly`, async () => {
  const box = workbench()
  mkdirSync(box.at('huge'))
  for (let n = 0; n < FILES; n++) writeFileSync(box.at(name(n)), `content ${n % 100}`)
  const before = box.picture()
  const { id, receipt } = await box.save()
  expect(receipt).toMatchObject({ files: FILES, directories: 2, skipped: [] })

  unlinkSync(box.at(name(0)))
  for (const n of [1, 9_999, FILES - 1]) writeFileSync(box.at(name(n)), 'edited')
  for (let n = FILES; n < FILES + 1000; n++) writeFileSync(box.at(name(n)), 'added')
  const { summary, changes } = await box.provider.diff!({ from: id, limit: 5, content: false }, context())
  expect(summary).toMatchObject({ added: 1000, removed: 1, modified: 3 })
  expect(changes.map(({ path, kind }) => [path, kind])).toEqual([
    [name(0), 'removed'],
    [name(1), 'modified'],
    [name(9_999), 'modified'],
    [name(FILES - 1), 'modified'],
    [name(FILES), 'added'],
  ])

  const { changed, safety_snapshot } = await box.restore(id)
  expect(changed).toMatchObject({ written: 4, deleted: 1000 })
  expect(differences(before, box.picture())).toEqual([])

  await box.restore(safety_snapshot as string)
  expect([box.read(name(1)), box.read(name(FILES + 999))]).toEqual(['edited', 'added'])
}, 60_000)
