import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createScope, EVERYTHING, requireNamed } from '../../../src/providers/local/scope.ts'
import { EMPTY_VIEW, type View } from '../../../src/providers/local/view.ts'
import { refusal } from '../../snapshots/world.ts'

const ROOT = '/srv/project'

test('a path means itself and what is below it, by whole names', () => {
  const { of } = createScope(['src/a', 'b.txt'], ROOT)
  expect(of('src/a')).toBe('inside')
  expect(of('src/a/deep/er')).toBe('inside')
  expect(of('b.txt')).toBe('inside')
  expect(of('src')).toBe('above')
  expect(of('')).toBe('above')
  for (const path of ['src/ab', 'src/b', 'srca', 'b.txt2', 'b', 'a', 'other/src/a'])
    expect(of(path), path).toBe('outside')
})

test('without paths everything is meant, and nothing can be missing', async () => {
  expect(createScope(undefined, ROOT)).toBe(EVERYTHING)
  expect(EVERYTHING.of('any/where')).toBe('inside')
  await requireNamed(EVERYTHING, [EMPTY_VIEW])
})

test('agrees with the definition on any set of paths', () => {
  const path = fc
    .array(fc.constantFrom('a', 'ab', 'b', 'a.b'), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join('/'))
  fc.assert(
    fc.property(fc.array(path, { minLength: 1, maxLength: 4 }), path, (named, at) => {
      const below = (one: string, other: string) => one === other || one.startsWith(`${other}/`)
      const expected = named.some((each) => below(at, each))
        ? 'inside'
        : named.some((each) => below(each, at))
          ? 'above'
          : 'outside'
      expect(createScope(named, ROOT).of(at)).toBe(expected)
    }),
  )
})

/** A directory of names: with a view below it a directory, without one a link. */
function view(children: Record<string, View | undefined>): View {
  const meta = { mode: 0o755, uid: 0, gid: 0, mtime: 0n }
  return {
    id: undefined,
    entries: Object.entries(children).map(([name, below]) =>
      below ? { type: 'directory', name, ...meta, tree: '' } : { type: 'symlink', name, ...meta, target: '' },
    ),
    enter: async ({ name }) => children[name] as View,
  }
}

test('a path that is on none of the sides is told by name', async () => {
  const live = view({ src: view({ new: undefined }), link: undefined })
  const saved = view({ src: view({ old: undefined }), '\xff': undefined })
  const check = (...paths: Parameters<typeof createScope>[0] & {}) =>
    requireNamed(createScope(paths, ROOT), [live, saved])
  await check('src', 'src/new', 'src/old', 'link', { bytes: '/w==' })
  for (const typo of ['sr', 'src/ne', 'src/new/deeper', 'link/deeper', 'Src']) {
    const { message } = await refusal(check('src/old', typo), 'NOT_FOUND')
    expect(message).toContain(JSON.stringify(typo))
    expect(message).not.toContain('src/old')
  }
})
