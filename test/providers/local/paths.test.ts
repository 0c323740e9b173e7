import { linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { refusal } from '../../snapshots/world.ts'
import { differences, picture } from '../../support/oracle.ts'
import { context, shelf, type Workbench, workbench } from './support.ts'

/** Saved, then: `dir/b` edited, `dir/c` removed, `dir/new` and `fresh/x` added, `same` as it was. */
async function edited(): Promise<{ box: Workbench; id: string }> {
  const box = workbench()
  for (const path of ['dir/a', 'dir/b', 'dir/c', 'dirs/b', 'dir.b', 'same/one', 'same/two', 'gone/deep/er'])
    box.write(path, `saved ${path}`)
  const { id } = await box.save()
  for (const path of ['dir/b', 'dirs/b', 'dir.b', 'dir/new', 'fresh/x', 'fresh/y'])
    box.write(path, `live ${path}`)
  rmSync(box.at('dir/c'))
  rmSync(box.at('gone'), { recursive: true })
  return { box, id }
}

/** Restores the paths and tells which paths below the source then differ from what was live. */
async function touchedBy(paths: string[]): Promise<string[]> {
  const { box, id } = await edited()
  const live = box.picture()
  await box.restore(id, { paths })
  const touched = differences(live, box.picture(), { except: (path) => path === '' })
  return [...new Set(touched.map((line) => JSON.parse(line.split(': ')[0] as string) as string))].sort()
}

describe('a restore of chosen paths touches exactly those', () => {
  test.each([
    ['a file', ['dir/b'], ['dir/b']],
    ['a file that was removed', ['dir/c'], ['dir/c']],
    ['a file that is only live: it goes', ['dir/new'], ['dir/new']],
    ['a directory with all that is in it', ['dir'], ['dir', 'dir/b', 'dir/c', 'dir/new']],
    ['a directory that is only live: it goes', ['fresh'], ['fresh', 'fresh/x', 'fresh/y']],
    ['a file in a directory that is only live', ['fresh/x'], ['fresh/x']],
    ['a file whose parents are gone: they are made', ['gone/deep/er'], ['gone', 'gone/deep', 'gone/deep/er']],
    ['several', ['dir/b', 'dir.b', 'fresh/y'], ['dir.b', 'dir/b', 'fresh/y']],
    ['a path and one below it', ['dir', 'dir/b'], ['dir', 'dir/b', 'dir/c', 'dir/new']],
    ['what is only live and something below it', ['fresh', 'fresh/x'], ['fresh', 'fresh/x', 'fresh/y']],
    ['a file that is the same: nothing', ['same/one'], []],
    ['a directory that is the same: nothing', ['same'], []],
    ['a directory that is the same and a file in it: nothing', ['same', 'same/one'], []],
    ['what is the same beside what is not', ['same/one', 'dir/b'], ['dir/b']],
  ])('%s', async (_what, paths, expected) => {
    // That a directory got or lost an entry shows in its mtime: restored, where only something in it was named.
    expect(await touchedBy(paths)).toEqual(expected)
  })

  test('the content is the saved one', async () => {
    const { box, id } = await edited()
    await box.restore(id, { paths: ['dir', 'gone/deep/er'] })
    expect(['dir/b', 'dir/c', 'gone/deep/er', 'dir.b'].map(box.read)).toEqual([
      'saved dir/b',
      'saved dir/c',
      'saved gone/deep/er',
      'live dir.b',
    ])
  })
})

test('an undo of it brings everything back', async () => {
  const { box, id } = await edited()
  const live = box.picture()
  const { safety_snapshot } = await box.restore(id, { paths: ['dir', 'fresh'] })
  await box.restore(safety_snapshot as string)
  expect(differences(live, box.picture())).toEqual([])
})

describe('an undo of it is about what the restore is about, and what that takes along', () => {
  /** Restores the paths and undoes it, as the plan says; what then differs from what was live. */
  async function undone(box: Workbench, id: string, paths: string[]) {
    const live = box.picture()
    const plan = await box.plan(id, { paths })
    const { safety_snapshot } = await box.provider.restore(plan, context())
    expect(differences(live, box.picture(), { except: (path) => path === '' })).not.toEqual([])
    const back = plan.undo_paths ?? paths
    const { warnings } = await box.restore(safety_snapshot as string, { paths: back })
    return { back, warnings, left: differences(live, box.picture()) }
  }

  test('directories that were made', async () => {
    const { box, id } = await edited()
    const { back, left } = await undone(box, id, ['gone/deep/er', 'dir/b'])
    expect(left).toEqual([])
    expect(back).toEqual(['dir/b', 'gone'])
  })

  test('directories whose name is no text', async () => {
    const box = workbench()
    const name = Buffer.from('g\xf6ne', 'latin1')
    const at = (below: string) => Buffer.concat([Buffer.from(`${box.root}/`), name, Buffer.from(below)])
    mkdirSync(at('/deep'), { recursive: true })
    writeFileSync(at('/deep/er'), 'saved')
    const { id } = await box.save()
    rmSync(at(''), { recursive: true })
    const live = box.picture()
    const paths = [{ bytes: Buffer.concat([name, Buffer.from('/deep/er')]).toString('base64') }]
    const { undo_paths, ...plan } = await box.plan(id, { paths })
    const { safety_snapshot = '' } = await box.provider.restore(plan, context())
    expect(undo_paths).toEqual([{ bytes: name.toString('base64') }])
    await box.restore(safety_snapshot, { paths: undo_paths! })
    expect(differences(live, box.picture())).toEqual([])
  })

  test.each([
    ['written over', (box: Workbench) => box.write('a', 'saved')],
    ['removed', () => {}],
    ['replaced by a directory', (box: Workbench) => box.write('a/b', 'saved')],
  ])('the other names of a file that is %s', async (_what, save) => {
    const box = workbench()
    box.write('same', 'as it was')
    save(box)
    const { id } = await box.save()
    rmSync(box.at('a'), { recursive: true, force: true })
    box.write('a', 'live')
    for (const name of ['b', 'dir/c']) {
      mkdirSync(dirname(box.at(name)), { recursive: true })
      linkSync(box.at('a'), box.at(name))
    }
    const { back, warnings, left } = await undone(box, id, ['a'])
    expect(left).toEqual([])
    expect(back).toEqual(['a', 'b', 'dir/c'])
    expect(warnings).toEqual([])
  })

  test('the other names of what is in a directory that goes', async () => {
    const box = workbench()
    box.write('same', 'as it was')
    const { id } = await box.save()
    box.write('dir/deep/a', 'live')
    linkSync(box.at('dir/deep/a'), box.at('b'))
    const { back, left } = await undone(box, id, ['dir'])
    expect(left).toEqual([])
    expect(back).toEqual(['dir', 'b'])
  })

  test('nothing else', async () => {
    const { box, id } = await edited()
    linkSync(box.at('same/one'), box.at('same/three'))
    linkSync(box.at('dir/b'), box.at('dir/d'))
    expect((await box.plan(id, { paths: ['dir', 'same/one'] })).undo_paths).toBeUndefined()
    expect((await box.plan(id)).undo_paths).toBeUndefined()
  })

  test('a file of more names than anybody could list comes back, and the undo says without which', async () => {
    const box = workbench()
    box.write('a', 'saved')
    const { id } = await box.save()
    box.write('a', 'live')
    for (let n = 0; n < 1001; n++) linkSync(box.at('a'), box.at(`name-${n}`))
    const { back, warnings } = await undone(box, id, ['a'])
    expect(back).toEqual(['a'])
    expect([box.read('a'), box.read('name-0')]).toEqual(['live', 'live'])
    expect(warnings.join()).toMatch(/^1 path .* as a file of its own: "a"$/)
  })
})

test('of a file with other names, one alone is restored, and the plan says so', async () => {
  const box = workbench()
  box.write('a', 'saved')
  linkSync(box.at('a'), box.at('b'))
  const { id } = await box.save()
  box.write('a', 'live')
  const warning = /^1 path is one file with others .* as a file of its own: "a"$/
  expect((await box.plan(id, { paths: ['a'] })).warnings.join()).toMatch(warning)
  expect((await box.plan(id, { paths: ['a', 'b'] })).warnings).toEqual([])
  await box.restore(id, { paths: ['a'] })
  const again = await box.plan(id, { paths: ['a'] })
  expect(again).toMatchObject({ nothing_to_do: true, warnings: [expect.stringMatching(warning)] })
  await box.restore(id)
  expect((await box.plan(id, { paths: ['a'] })).warnings).toEqual([])
})

test.each(['dir/typo', 'di', 'dir/b/c', 'Dir', 'same/one/x'])(
  '%s is nowhere: NOT_FOUND, and nothing changes',
  async (path) => {
    const { box, id } = await edited()
    const live = box.picture()
    const { message } = await refusal(box.plan(id, { paths: ['dir/b', path] }), 'NOT_FOUND')
    expect(message).toContain(JSON.stringify(path))
    expect(message).not.toContain('"dir/b"')
    await refusal(box.plan(id, { mode: 'new', to: `${box.dir}/copy`, paths: [path] }), 'NOT_FOUND')
    expect(differences(live, box.picture())).toEqual([])
    expect(await shelf(box)).toEqual([id])
  },
)

test('a path below what is a file or a link now is not said to be nowhere', async () => {
  for (const obstruct of [
    (box: Workbench) => box.write('dir', 'a file now'),
    (box: Workbench) => symlinkSync('same', box.at('dir')),
  ]) {
    const { box, id } = await edited()
    rmSync(box.at('dir'), { recursive: true })
    obstruct(box)
    const live = box.picture()
    const answer = await box.plan(id, { paths: ['dir/b'] }).catch((error) => error)
    expect(answer.code).not.toBe('NOT_FOUND')
    expect(differences(live, box.picture())).toEqual([])
  }
})

test('a copy of chosen paths holds those and their parents', async () => {
  const { box, id } = await edited()
  await box.restore(id, { mode: 'new', to: box.at('../copy'), paths: ['dir/b', 'gone'] })
  expect([...picture(box.at('../copy')).keys()]).toEqual([
    '',
    'dir',
    'dir/b',
    'gone',
    'gone/deep',
    'gone/deep/er',
  ])
})

test('a diff of chosen paths lists those, also where nothing differs', async () => {
  const { box, id } = await edited()
  const diff = async (...paths: string[]) => {
    const result = await box.provider.diff?.({ from: id, limit: 100, content: false, paths }, context())
    return result?.changes.map(({ path }) => path)
  }
  expect(await diff('dir')).toEqual(['dir/b', 'dir/c', 'dir/new'])
  expect(await diff('dir/b', 'fresh/x')).toEqual(['dir/b', 'fresh/x'])
  expect(await diff('same/one')).toEqual([])
  expect(await diff('same')).toEqual([])
  expect(await diff('same', 'same/one')).toEqual([])
  await refusal(diff('dir/typo'), 'NOT_FOUND')
})

test('a path below what is a file in the snapshot is removed, and nothing else', async () => {
  const box = workbench()
  box.write('a', 'a file')
  const { id } = await box.save()
  rmSync(box.at('a'))
  for (const path of ['a/b', 'a/c']) box.write(path, 'new')
  await box.restore(id, { paths: ['a/b'] })
  expect([...box.picture().keys()]).toEqual(['', 'a', 'a/c'])
})
