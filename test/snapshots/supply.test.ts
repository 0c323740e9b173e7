import { expect, test } from 'vitest'
import { fromSupply } from '../../src/snapshots/supply.ts'

test('no byte of a supply is used twice, and none is made up', () => {
  let made = 0
  const counted = (size: number) => {
    const bytes = Buffer.alloc(size)
    for (let at = 0; at < size; at += 4) bytes.writeUInt32BE(made++, at)
    return bytes
  }
  const random = fromSupply(counted)
  const sizes = Array.from({ length: 3000 }, (_, at) => 4 * (1 + (at % 5)))
  const cuts = [...sizes, 8000].map((size) => ({ size, bytes: random(size) }))
  for (const { size, bytes } of cuts) expect(bytes.length).toBe(size)
  const words = cuts.flatMap(({ bytes }) =>
    Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readUInt32BE(at * 4)),
  )
  expect(new Set(words).size).toBe(words.length)
  expect(Math.max(...words)).toBeLessThan(made)
})
