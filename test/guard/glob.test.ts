import fc from 'fast-check'
import { expect, test } from 'vitest'
import { matchesGlob } from '../../src/guard/glob.ts'

test.each([
  ['release-*', 'release-1', true],
  ['release-*', 'release-', true],
  ['release-*', 'my release-1', false],
  ['*', '', true],
  ['?', '\u{1F512}', true],
  ['v?.?', 'v1.2', true],
  ['v?.?', 'v1.23', false],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['[a].{b}', '[a].{b}', true],
  ['', 'a', false],
])('%j on %j: %s', (pattern, text, expected) => {
  expect(matchesGlob(pattern, text)).toBe(expected)
})

test('it is what the regular expression of the same meaning says', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 })
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 })
  fc.assert(
    fc.property(letters, text, (pattern, subject) => {
      const same = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's')
      expect(matchesGlob(pattern, subject)).toBe(same.test(subject))
    }),
    { numRuns: 2000 },
  )
})

test('a pattern made to take forever does not', () => {
  expect(matchesGlob(`${'*a'.repeat(100)}b`, 'a'.repeat(20_000))).toBe(false)
})
