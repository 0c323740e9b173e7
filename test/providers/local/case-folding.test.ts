import { linkSync, mkdirSync, readdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fold, foldingOf, refuseCollisions } from '../../../src/providers/local/case-folding.ts'
import { fromText } from '../../../src/providers/local/names.ts'
import { createScope, EVERYTHING } from '../../../src/providers/local/scope.ts'
import type { DirectoryPlan } from '../../../src/providers/local/steps.ts'
import type { Entry } from '../../../src/providers/local/tree.ts'
import { EMPTY_VIEW, type View } from '../../../src/providers/local/view.ts'
import { refusal } from '../../snapshots/world.ts'
import { tryMount, tryMountFolding } from '../../support/mounts.ts'
import { differences, picture } from '../../support/oracle.ts'
import { workbench } from './support.ts'

const BOTH = { case: true, form: true }
const NONE = { case: false, form: false }
const META = { mode: 0o644, uid: 0, gid: 0, mtime: 0n }

/** `{ dir: { name: 'file' } }` as a snapshot's directory, with a plan that makes all of it. */
interface Names {
  [name: string]: Names | 'file' | 'kept' | 'skipped'
}

function planned(names: Names, path = ''): { plan: DirectoryPlan; view: View } {
  const entries: Entry[] = []
  const views = new Map<string, View>()
  const plan: DirectoryPlan = { path, steps: [] }
  for (const [text, what] of Object.entries(names)) {
    const name = fromText(text)
    if (what === 'skipped') {
      entries.push({ type: 'skipped', name, reason: 'excluded' })
    } else if (typeof what === 'string') {
      const target = { type: 'file' as const, name, ...META, size: 0, content: '', chunked: false }
      entries.push(target)
      if (what === 'file') plan.steps.push({ do: 'write', name, target })
    } else {
      const below = planned(what, path === '' ? name : `${path}/${name}`)
      const target = { type: 'directory' as const, name, ...META, tree: name }
      entries.push(target)
      views.set(name, below.view)
      plan.steps.push({ do: 'make', name, target, plan: below.plan })
    }
  }
  const enter = async ({ name }: { name: string }) => views.get(name) ?? EMPTY_VIEW
  return { plan, view: { id: undefined, entries, enter } }
}

async function colliding(names: Names, folding = BOTH, paths?: string[]) {
  const { plan, view } = planned(names)
  const scope = paths ? createScope(paths, '/source') : EVERYTHING
  const { message, details } = await refusal(refuseCollisions(plan, view, scope, folding), 'CONFLICT')
  expect(message).toMatch(/Nothing was changed\.$/)
  return (details as { colliding: string[][] }).colliding
}

const fine = async (names: Names, folding = BOTH, paths?: string[]) => {
  const { plan, view } = planned(names)
  await refuseCollisions(plan, view, paths ? createScope(paths, '/source') : EVERYTHING, folding)
}

describe('two entries that are one to the file system are refused by name', () => {
  test.each<[string, string, string]>([
    ['case', 'README', 'readme'],
    ['case beyond ASCII', '\u00c4rger', '\u00e4rger'],
    ['case of Greek, which has two small sigmas', '\u03bf\u03c3', '\u03bf\u03c2'],
    ['one character or two', 'caf\u00e9', 'cafe\u0301'],
    ['both at once', 'CAF\u00c9', 'cafe\u0301'],
  ])('%s', async (_what, one, other) => {
    expect(await colliding({ a: 'file', [one]: 'file', [other]: 'file' })).toEqual([[one, other]])
    await fine({ a: 'file', [one]: 'file', [other]: 'file' }, NONE)
  })

  test('also below, also a directory and a file, also one that is there already', async () => {
    expect(await colliding({ dir: { Make: {}, make: 'file' } })).toEqual([['dir/Make', 'dir/make']])
    expect(await colliding({ dir: { A: 'kept', a: 'file' } })).toEqual([['dir/A', 'dir/a']])
  })

  test('all of them, up to ten, and not across directories', async () => {
    const many = Object.fromEntries(
      [...'abcdefghijklmnop'].flatMap((x) => [
        [x, 'file'],
        [x.toUpperCase(), 'file'],
      ]),
    ) as Names
    expect(await colliding(many)).toHaveLength(10)
    await fine({ A: { x: 'file' }, b: { X: 'file' } })
  })

  test('but not what the snapshot does not hold, what is not named, or where nothing is made', async () => {
    await fine({ A: 'skipped', a: 'file' })
    await fine({ A: 'file', a: 'file' }, BOTH, ['a'])
    await fine({ dir: { A: 'kept', a: 'kept' } })
    expect(await colliding({ A: 'file', a: 'file', b: 'file' }, BOTH, ['a', 'A'])).toEqual([['A', 'a']])
  })

  test('and not more than the file system does', async () => {
    await fine({ caf\u00e9: 'file', 'cafe\u0301': 'file' }, { case: true, form: false })
    await fine({ A: 'file', a: 'file' }, { case: false, form: true })
  })
})

test('a name that is no text is never taken for another one', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ min: 0x80, max: 0xff, minLength: 1, maxLength: 8 }),
      fc.uint8Array({ min: 0x80, max: 0xff, minLength: 1, maxLength: 8 }),
      (a, b) => {
        // Behind 0xff nothing is UTF-8.
        const [one, other] = [a, b].map((bytes) => `\xff${Buffer.from(bytes).toString('latin1')}`)
        expect(fold(one!, BOTH) === fold(other!, BOTH)).toBe(one === other)
      },
    ),
  )
  expect(fold('\xffA', BOTH)).toBe(fold('\xffa', BOTH))
})

describe('how a file system takes names is found without making anything', () => {
  test('one that tells them apart', () => {
    const box = workbench()
    box.write('Some/NAME', '')
    box.write('caf\u00e9', '')
    const before = picture(box.dir)
    for (const path of ['', '/Some', '/Some/not/there']) expect(foldingOf(box.root + path)).toEqual(NONE)
    expect(differences(before, picture(box.dir))).toEqual([])
  })

  test('two names of one file are no sign of it', () => {
    const box = workbench()
    box.write('name', '')
    linkSync(box.at('name'), box.at('NAME'))
    expect(foldingOf(box.root)).toEqual(NONE)
  })

  test('a directory that answers to two spellings is', ({ skip }) => {
    const box = workbench()
    mkdirSync(box.at('Src'))
    const problem = tryMount(box.at('sRC'), '--bind', box.at('Src'))
    if (problem) skip(`nothing can be mounted here: ${problem}`)
    expect(foldingOf(box.root)).toEqual(BOTH)
    expect(foldingOf(box.at('not/there/yet'))).toEqual(BOTH)
  })
})

test('a restore to where names fold is refused before anything is made', async ({ skip }) => {
  const box = workbench()
  for (const name of ['README', 'readme']) box.write(name, `saved ${name}`)
  const { id } = await box.save()
  const target = join(box.dir, 'target')
  mkdirSync(join(target, 'Src'), { recursive: true })
  const problem = tryMount(join(target, 'sRC'), '--bind', join(target, 'Src'))
  if (problem) skip(`nothing can be mounted here: ${problem}`)
  const before = picture(box.dir)
  const to = join(target, 'copy')
  const { message } = await refusal(box.plan(id, { mode: 'new', to }), 'CONFLICT')
  expect(message).toContain('"README" and "readme"')
  expect(differences(before, picture(box.dir))).toEqual([])
  await box.restore(id, { mode: 'new', to, paths: ['readme'] })
  expect(readdirSync(to)).toEqual(['readme'])
})

test('a real file system that folds names', async ({ skip }) => {
  const box = workbench()
  const mounted = join(realpathSync(box.dir), 'mounted')
  const problem = tryMountFolding(mounted)
  if (problem) skip(`no file system that folds names can be made here: ${problem}`)
  for (const name of ['README', 'readme']) box.write(name, `saved ${name}`)
  const { id } = await box.save()
  const to = join(mounted, 'folding/copy')
  await refusal(box.plan(id, { mode: 'new', to }), 'CONFLICT')
  expect(readdirSync(join(mounted, 'folding'))).toEqual(['Some'])
  await box.restore(id, { mode: 'new', to, paths: ['README'] })
  expect(foldingOf(to)).toEqual(BOTH)
})
