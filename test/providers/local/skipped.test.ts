import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { picture } from '../../support/oracle.ts'
import { intercept, systemFault } from './faults.ts'
import { settle, type Workbench, workbench } from './support.ts'

const fifo = (box: Workbench, path: string) => execFileSync('mkfifo', [box.at(path)])
const types = (box: Workbench) => new Map([...box.picture()].map(([path, { type }]) => [path, type]))

describe('what was never captured survives a restore', () => {
  test('in a directory that the snapshot does not have', async () => {
    const box = workbench()
    const { id } = await box.save()
    box.write('work/deep/gone.txt', 'known to the safety snapshot')
    fifo(box, 'work/deep/pipe')
    const { warnings } = await box.restore(id)
    expect([...types(box)]).toEqual([
      ['', 'directory'],
      ['work', 'directory'],
      ['work/deep', 'directory'],
      ['work/deep/pipe', 'fifo'],
    ])
    expect(warnings.join()).toContain('"work')
  })

  test('excluded files in a directory that the snapshot does not have', async () => {
    const box = workbench()
    const { id } = await box.save({ exclude: ['*.log', 'cache/'] })
    box.write('work/run.log', 'never captured')
    box.write('work/cache/big', 'never captured')
    box.write('work/gone.txt', 'captured')
    await box.restore(id)
    expect([...types(box).keys()]).toEqual(['', 'work', 'work/cache', 'work/cache/big', 'work/run.log'])
  })

  test('where the snapshot has a file, a directory or a link', async () => {
    const box = workbench()
    box.write('file', 'saved')
    box.write('dir/inside', 'saved')
    box.write('other', 'saved')
    symlinkSync('file', box.at('link'))
    const { id } = await box.save()
    for (const name of ['file', 'dir', 'link']) {
      rmSync(box.at(name), { recursive: true })
      fifo(box, name)
    }
    box.write('other', 'broken')
    const { warnings } = await box.restore(id)
    for (const name of ['file', 'dir', 'link']) {
      expect(types(box).get(name)).toBe('fifo')
      expect(warnings.join()).toContain(name)
    }
    expect(box.read('other')).toBe('saved')
  })

  test('in a directory where the snapshot has a file', async () => {
    const box = workbench()
    box.write('it', 'saved')
    const { id } = await box.save()
    rmSync(box.at('it'))
    mkdirSync(box.at('it'))
    fifo(box, 'it/pipe')
    const plan = await box.plan(id)
    expect(plan.effects.left_alone).toEqual(['it'])
    await box.restore(id)
    expect(types(box).get('it/pipe')).toBe('fifo')
  })

  test('where the snapshot was told to leave something out, nothing is made or removed', async () => {
    const box = workbench()
    fifo(box, 'pipe')
    box.write('run.log', 'first')
    const { id, receipt } = await box.save({ exclude: ['*.log'] })
    expect(receipt?.skipped).toEqual([
      { reason: 'fifo', count: 1, samples: [{ path: 'pipe' }] },
      { reason: 'excluded', count: 1, samples: [{ path: 'run.log' }] },
    ])
    rmSync(box.at('pipe'))
    writeFileSync(box.at('pipe'), 'a file now')
    box.write('run.log', 'second')
    await box.restore(id)
    expect([box.read('pipe'), box.read('run.log')]).toEqual(['a file now', 'second'])
    await box.restore(id, { mode: 'new', to: `${box.dir}/copy` })
    expect([...picture(`${box.dir}/copy`).keys()]).toEqual([''])
  })
})

test('what is in the way is something to tell, also when there is nothing else to do', async () => {
  const box = workbench()
  for (const path of ['a', 'kept']) box.write(path, 'saved')
  const times = () => utimesSync(box.root, 1e9, 1e9)
  times()
  const { id } = await box.save()
  rmSync(box.at('a'))
  fifo(box, 'a')
  times()
  const plan = await box.plan(id)
  expect(plan.nothing_to_do).toBeUndefined()
  expect(plan.summary).not.toContain('Nothing to do')
  expect(plan.warnings.join()).toMatch(/stays as it is: "a"$/)
  const { warnings } = await box.restore(id)
  expect(warnings).toEqual(plan.warnings)
  expect(box.picture().get('a')?.type).toBe('fifo')
})

test.each(['EACCES', 'ENOTCONN'])(
  'an entry that answers %s does not take its siblings with it',
  async (code) => {
    const box = workbench()
    box.write('dir/important', 'saved')
    mkdirSync(box.at('dir/mnt'))
    intercept('lstatSync', (path) => {
      if (path.endsWith('/mnt')) throw systemFault(code)
    })
    const { receipt } = await box.save()
    expect(receipt).toMatchObject({
      files: 1,
      skipped: [{ reason: 'unreadable', count: 1, samples: [{ path: 'dir/mnt' }] }],
    })
  },
)

test.each<[string, (box: Workbench) => void, { files: number; links: number }]>([
  ['file', ({ write }) => write('build', 'worth keeping'), { files: 2, links: 0 }],
  ['link', ({ at, dir }) => symlinkSync(dir, at('build')), { files: 1, links: 1 }],
])('an excluded directory in whose place there is a %s now is captured', async (_what, replace, expected) => {
  const box = workbench()
  box.write('build/output', 'made from the rest')
  box.write('file', 'saved')
  await settle()
  expect((await box.save({ exclude: ['build/'] })).receipt?.skipped).toMatchObject([{ reason: 'excluded' }])
  rmSync(box.at('build'), { recursive: true })
  replace(box)
  const { receipt } = await box.save({ exclude: ['build/'] })
  expect(receipt).toMatchObject({ ...expected, skipped: [] })
})
