import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileExclude } from '../../../src/providers/local/exclude.ts'
import { fromText } from '../../../src/providers/local/names.ts'
import { refusal } from '../../snapshots/world.ts'

const matches = (pattern: string, path: string, directory = false) =>
  compileExclude([pattern])(fromText(path), directory)

describe('a pattern', () => {
  test.each([
    // A name without a slash is met at any depth, and only as a whole.
    ['node_modules', 'node_modules', true],
    ['node_modules', 'a/b/node_modules', true],
    ['node_modules', 'node_modules2', false],
    ['node_modules', 'my_node_modules', false],
    ['*.log', 'x.log', true],
    ['*.log', 'a/.log', true],
    ['*.log', 'x.log.txt', false],
    // With a slash it begins at the source.
    ['/build', 'build', true],
    ['/build', 'a/build', false],
    ['a/b', 'a/b', true],
    ['a/b', 'x/a/b', false],
    ['a/*', 'a/b', true],
    ['a/*', 'a/b/c', false],
    ['docs/**/*.pdf', 'docs/x.pdf', true],
    ['docs/**/*.pdf', 'docs/a/b/x.pdf', true],
    ['docs/**/*.pdf', 'other/docs/x.pdf', false],
    ['**/x', 'x', true],
    ['**/x', 'a/b/x', true],
    ['a/**/b/**/c', 'a/b/x/b/c', true],
    ['a/**/b/**/c', 'a/x/c', false],
    // One character is one character, however many bytes it has.
    ['?', 'a', true],
    ['?', '\u00e9', true],
    ['?', '\u{1f4be}', true],
    ['??', '\u{1f4be}', false],
    ['caf?', 'caf\u00e9', true],
    ['*\u00e9*', 'caf\u00e9s', true],
    // What has a meaning elsewhere is a plain character here.
    ['[ab]', 'a', false],
    ['[ab]', '[ab]', true],
    ['a.c', 'abc', false],
    ['a+', 'aa', false],
    ['(a|b)', 'a', false],
    ['\\*', 'x', false],
    ['*', '.hidden', true],
  ] as const)('%s on %s: %s', (pattern, path, expected) => {
    expect(matches(pattern, path)).toBe(expected)
  })

  test('with a slash at its end is for directories only', () => {
    expect(matches('build/', 'a/build', true)).toBe(true)
    expect(matches('build/', 'a/build', false)).toBe(false)
    expect(matches('build', 'a/build', true)).toBe(true)
  })

  test.each(['!keep', '', '/', '//', '../x', 'a/../b', './a', 'a//b', 'a/.', '.'])(
    '%j is refused by name',
    async (pattern) => {
      const { message } = await refusal((async () => compileExclude(['fine', pattern]))(), 'INVALID_ARGUMENT')
      expect(message).toContain(JSON.stringify(pattern))
    },
  )
})

test('no patterns exclude nothing; of several one is enough', () => {
  expect(compileExclude([])('a', false)).toBe(false)
  const either = compileExclude(['a', 'b/'])
  expect([either('a', false), either('b', true), either('b', false), either('c', true)]).toEqual([
    true,
    true,
    false,
    false,
  ])
})

/** The definition, word for word, with no thought of speed. */
function naive(pattern: string, path: string, directory: boolean): boolean {
  if (pattern.endsWith('/') && !directory) return false
  const body = pattern.replace(/\/$/, '')
  const parts = body.replace(/^\//, '').split('/')
  return walk(body.includes('/') ? parts : ['**', ...parts], path.split('/'))
}
function walk([p, ...ps]: string[], path: string[]): boolean {
  if (p === undefined) return path.length === 0
  if (p === '**') return walk(ps, path) || (path.length > 0 && walk(['**', ...ps], path.slice(1)))
  return path.length > 0 && glob([...p], [...(path[0] as string)]) && walk(ps, path.slice(1))
}
function glob([p, ...ps]: string[], name: string[]): boolean {
  if (p === undefined) return name.length === 0
  if (p === '*') return glob(ps, name) || (name.length > 0 && glob(['*', ...ps], name.slice(1)))
  return name.length > 0 && (p === '?' || p === name[0]) && glob(ps, name.slice(1))
}

test('agrees with the definition on any pattern and path', () => {
  const text = (...letters: string[]) =>
    fc.array(fc.constantFrom(...letters), { minLength: 1, maxLength: 6 }).map((all) => all.join(''))
  const name = text('a', 'b', '\u00e9', '\u{1f4be}').filter((part) => part !== '')
  const token = fc.oneof({ weight: 4, arbitrary: text('a', 'b', '\u00e9', '*', '?') }, fc.constant('**'))
  const pattern = fc
    .tuple(fc.boolean(), fc.array(token, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([anchored, parts, directory]) => `${anchored ? '/' : ''}${parts.join('/')}${directory ? '/' : ''}`)
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
  fc.assert(
    fc.property(pattern, path, fc.boolean(), (p, at, directory) => {
      expect(matches(p, at, directory)).toBe(naive(p, at, directory))
    }),
    { numRuns: 2000 },
  )
})

test('a pattern made to explode does not', () => {
  const bomb = `${'*a'.repeat(200)}*b`
  expect(matches(bomb, 'a'.repeat(5000))).toBe(false)
  const deep = `${'**/a/'.repeat(200)}b`
  expect(matches(deep, Array(2000).fill('a').join('/'))).toBe(false)
})
