import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createScope, EVERYTHING, requireSeen } from '../../../src/providers/local/scope.ts'
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

test('without paths everything is meant, and nothing can be missing', () => {
  expect(createScope(undefined, ROOT)).toBe(EVERYTHING)
  expect(EVERYTHING.of('any/where')).toBe('inside')
  expect(EVERYTHING.unseen()).toEqual([])
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

test('a path that was never met is told by name', async () => {
  const scope = createScope(['src/typo', 'b.txt', { bytes: '/w==' }], ROOT)
  scope.seen('b.txt')
  const { message } = await refusal((async () => requireSeen(scope))(), 'NOT_FOUND')
  expect(message).toContain('"src/typo", "\ufffd"')
  expect(message).not.toContain('b.txt')
  scope.seen('src/typo')
  scope.seen('\xff')
  expect(() => requireSeen(scope)).not.toThrow()
})
