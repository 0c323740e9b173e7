import { expect, test } from 'vitest'
import { quotable, requestIdOf, withRequest } from '../src/request-context.ts'
import { fail } from '../src/snapshots/errors.ts'

const idFor = (given: string | string[] | undefined) =>
  requestIdOf({ headers: { 'x-request-id': given } as Record<string, string> })

test.each([['a'], ['9f1c2d3e-0000-4000-8000-000000000001'], ['proxy.example_7'], ['x'.repeat(64)]])(
  'a request keeps the id %s that it came with',
  (id) => {
    expect(idFor(id)).toBe(id)
  },
)

test.each([
  [undefined],
  [''],
  ['x'.repeat(65)],
  ['two words'],
  ['a\n{"level":"error"}'],
  ['ID\u202e'],
  [['a', 'b']],
])('a request that came with the id %j gets another', (id) => {
  const own = idFor(id)
  expect(own).toMatch(/^[0-9a-f]{16}$/)
  expect(idFor(id)).not.toBe(own)
})

test('only the answer to a defect names the request, and only where there is one', () => {
  const { problem: defect } = fail('INTERNAL', 'It failed.', 'Look at the log.')
  const { problem: busy } = fail('BUSY', 'It is taken.', 'Wait.')
  expect(quotable(defect)).toEqual(defect)
  withRequest({ request: 'abc' }, () => {
    expect(quotable(defect)).toMatchObject({ request_id: 'abc', hint: expect.stringContaining('abc') })
    expect(quotable(busy)).toEqual(busy)
  })
})
