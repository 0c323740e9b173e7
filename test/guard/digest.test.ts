import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson, digest } from '../../src/guard/digest.ts'

test('keys are sorted at every depth, absent ones are left out, order in lists stays', () => {
  expect(canonicalJson({ b: [2, 1], a: { d: undefined, c: null } })).toBe('{"a":{"c":null},"b":[2,1]}')
})

test('a key named __proto__ counts like any other', () => {
  expect(digest(JSON.parse('{"__proto__":{"a":1}}'))).not.toBe(digest({}))
})

test('is the same for the same value and different for another', () => {
  const shuffled = (value: unknown): unknown =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .reverse()
            .map(([key, part]) => [key, shuffled(part)]),
        )
      : value
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (value, key) => {
      expect(digest(shuffled(value))).toBe(digest(value))
      expect(digest({ ...value, [key]: 'something else entirely' })).not.toBe(digest(value))
    }),
  )
})
