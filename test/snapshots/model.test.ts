import { expect, test } from 'vitest'
import { z } from 'zod'
import { Duration, durationMs, Labels, Snapshot } from '../../src/snapshots/model.ts'

test.each(['3650d', '87600h', '1s'])('%s is a duration', (text) => {
  expect(Duration.safeParse(text).success).toBe(true)
})

test.each(['3651d', '9999999d', '87601h', '0d', '7', 'd', '1.5h'])('%s is none', (text) => {
  expect(Duration.safeParse(text).success).toBe(false)
})

test('a duration too long is told the longest', () => {
  expect(Duration.safeParse('9999999d').error?.issues).toMatchObject([{ message: 'at most 3650d' }])
  expect(durationMs('3650d')).toBe(3650 * 86_400_000)
})

test('labels keep every key or are refused', () => {
  expect(Labels.parse({ constructor: 'x' })).toEqual({ constructor: 'x' })
  const { error } = Labels.safeParse(JSON.parse('{"__proto__": "x"}'))
  expect(error?.issues[0]?.message).toContain('__proto__')
})

test('labels are told to clients as a record of texts, and required in a snapshot', () => {
  expect(z.toJSONSchema(Labels, { io: 'input' })).toMatchObject({
    type: 'object',
    additionalProperties: { type: 'string' },
  })
  expect(z.toJSONSchema(Snapshot).required).toContain('labels')
})
