import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createWriter, MalformedBytes } from '../../../../src/providers/local/bytes.ts'
import { CODEC, decompress } from '../../../../src/providers/local/store/codec.ts'
import {
  decodeIndex,
  encodeIndex,
  MAX_BLOCK_BYTES,
  type PackIndex,
} from '../../../../src/providers/local/store/pack-index.ts'
import { createPackWriter } from '../../../../src/providers/local/store/pack-writer.ts'
import { createSeal, PLAIN } from '../../../../src/providers/local/store/seal.ts'
import { refusal, temporaryDirectory } from '../../../snapshots/world.ts'
import { damage, hex, spoil } from '../arbitraries.ts'

const block = fc.integer({ min: 1, max: MAX_BLOCK_BYTES }).chain((size) =>
  fc.record({
    offset: fc.maxSafeNat(),
    stored: fc.nat(size),
    size: fc.constant(size),
    codec: fc.nat(255),
  }),
)

const index: fc.Arbitrary<PackIndex> = fc
  .tuple(fc.array(block, { minLength: 1, maxLength: 6 }), fc.uniqueArray(hex, { maxLength: 20 }), fc.nat())
  .map(([blocks, ids, seed]) => ({
    blocks,
    ids,
    places: ids.map((_, n) => {
      const number = (seed + n) % blocks.length
      const { size } = blocks[number] as (typeof blocks)[number]
      const offset = (seed * (n + 1)) % size
      return { block: number, offset, length: size - offset }
    }),
  }))

/** With a right hash at the end, so that what comes before it is looked at. */
const sealed = (body: Buffer) => Buffer.concat([body, createHash('sha256').update(body).digest()])

function decodeOrRefuse(bytes: Buffer): PackIndex | undefined {
  try {
    return decodeIndex(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedBytes)
    return undefined
  }
}

test('any index survives being written and read', () => {
  fc.assert(
    fc.property(index, (value) => {
      expect(decodeIndex(encodeIndex(value))).toEqual(value)
    }),
  )
})

test('no damage goes unnoticed', () => {
  fc.assert(
    fc.property(index, damage, (value, what) => {
      const bytes = encodeIndex(value)
      const spoilt = spoil(bytes, what)
      fc.pre(!spoilt.equals(bytes))
      expect(() => decodeIndex(spoilt)).toThrow(MalformedBytes)
    }),
  )
})

test('with a forged hash it is refused too, or points into its blocks', () => {
  fc.assert(
    fc.property(index, damage, (value, what) => {
      const read = decodeOrRefuse(sealed(spoil(encodeIndex(value).subarray(0, -32), what)))
      if (!read) return
      expect(read.places).toHaveLength(read.ids.length)
      for (const { block: number, offset, length } of read.places)
        expect(offset + length).toBeLessThanOrEqual(read.blocks[number]?.size ?? -1)
    }),
    { numRuns: 3000 },
  )
})

test.each([
  ['more blocks than memory', [Number.MAX_SAFE_INTEGER, 0]],
  ['more objects than memory', [0, Number.MAX_SAFE_INTEGER]],
  ['more of both than there are bytes', [3, 3]],
])('%s is refused before anything is made of it', (_what, [blocks, ids]) => {
  const writer = createWriter()
  writer.raw(Buffer.from('SIX1\0', 'latin1'))
  writer.varint(blocks as number)
  writer.varint(ids as number)
  expect(() => decodeIndex(sealed(Buffer.from(writer.view())))).toThrow(MalformedBytes)
})

test.each([
  ['nothing', Buffer.alloc(0)],
  ['a hash of nothing', sealed(Buffer.alloc(0))],
  ['another magic', sealed(Buffer.from('SIX2\0\0\0', 'latin1'))],
  ['another layout', sealed(Buffer.from('SIX1\x01\0\0', 'latin1'))],
])('%s is refused', (_what, bytes) => {
  expect(() => decodeIndex(bytes)).toThrow(MalformedBytes)
})

test('what a reader would refuse is not written', async () => {
  const writer = createPackWriter(temporaryDirectory(), PLAIN)
  const append = async (bytes: number) => writer.append('0'.repeat(64), Buffer.alloc(bytes), 'tree')
  await refusal(append(MAX_BLOCK_BYTES + 1), 'UNSUPPORTED')
  const block = { offset: 0, stored: 1, size: MAX_BLOCK_BYTES + 1, codec: 0 }
  expect(decodeOrRefuse(encodeIndex({ blocks: [block], ids: [], places: [] }))).toBeUndefined()
  await writer.abort()
})

test('a block that is stored in more bytes than it has is not read, but for what seals it', async () => {
  const read = (stored: number, size: number) =>
    decodeOrRefuse(encodeIndex({ blocks: [{ offset: 4, stored, size, codec: 0 }], ids: [], places: [] }))
  const sealed = createSeal(Buffer.alloc(32), Buffer.alloc(32)).seal(Buffer.alloc(10), 'here')
  expect(read(sealed.length, 10)).toBeDefined()
  expect(read(sealed.length + 1, 10)).toBeUndefined()
  await expect(decompress(CODEC.raw, Buffer.alloc(10), 9)).rejects.toThrow(MalformedBytes)
})
