import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createReader, createWriter, MalformedBytes } from '../../../src/providers/local/bytes.ts'

const SECOND = 1_000_000_000n
const YEAR_3000 = 32_503_680_000n * SECOND
const byteString = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
const seconds = fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n })
const time = fc.tuple(seconds, fc.bigInt({ min: 0n, max: SECOND - 1n })).map(([s, ns]) => s * SECOND + ns)

test('whatever is written is read back, in order, to the last byte', () => {
  fc.assert(
    fc.property(
      fc.record({
        u8: fc.nat(255),
        varint: fc.maxSafeNat(),
        i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        time: fc.oneof(time, fc.constantFrom(0n, -1n, -SECOND, 1n - SECOND, YEAR_3000, YEAR_3000 + 999n)),
        bytes: byteString,
        id: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((id) => Buffer.from(id).toString('hex')),
      }),
      (value) => {
        const writer = createWriter(1)
        writer.u8(value.u8)
        writer.varint(value.varint)
        writer.i64(value.i64)
        writer.time(value.time)
        writer.bytes(value.bytes)
        writer.id(value.id)
        writer.raw(Buffer.from([value.u8]))
        const reader = createReader(Buffer.from(writer.view()))
        expect({
          u8: reader.u8(),
          varint: reader.varint(),
          i64: reader.i64(),
          time: reader.time(),
          bytes: reader.bytes(),
          id: reader.id(),
        }).toEqual(value)
        expect(reader.done()).toBe(false)
        expect(reader.u8()).toBe(value.u8)
        expect(reader.done()).toBe(true)
      },
    ),
  )
})

test('a number takes seven bits a byte', () => {
  const bytes = (value: number) => {
    const writer = createWriter(1)
    writer.varint(value)
    return [...writer.view()]
  }
  expect(bytes(0)).toEqual([0])
  expect(bytes(127)).toEqual([127])
  expect(bytes(128)).toEqual([0x80, 1])
  expect(bytes(2 ** 31)).toEqual([0x80, 0x80, 0x80, 0x80, 8])
  expect(bytes(Number.MAX_SAFE_INTEGER)).toHaveLength(8)
})

test('a writer that is used again starts from nothing', () => {
  const writer = createWriter(1)
  writer.bytes('first')
  writer.reset()
  writer.u8(7)
  expect([...writer.view()]).toEqual([7])
})

test('reading past the end, or past what was allowed, is refused', () => {
  const bytes = Buffer.from([5, 1, 2, 3])
  expect(() => createReader(bytes).bytes()).toThrow(MalformedBytes)
  expect(() => createReader(bytes).i64()).toThrow(MalformedBytes)
  expect(() => createReader(bytes).id()).toThrow(MalformedBytes)
  const bounded = createReader(bytes, 1, 3)
  expect([bounded.u8(), bounded.u8()]).toEqual([1, 2])
  expect(() => bounded.u8()).toThrow(MalformedBytes)
})

test('numbers that do not fit, or never end, are refused', () => {
  const read = (...bytes: number[]) => createReader(Buffer.from(bytes)).varint()
  expect(() => read(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)).toThrow(MalformedBytes)
  expect(() => read(0x80)).toThrow(MalformedBytes)
})

test('a number padded with empty bytes is refused, however long', () => {
  // Past 2^1024 the scale becomes infinite and the sum no number at all: nothing must compute with that.
  for (const padding of [9, 200]) {
    const bytes = Buffer.concat([Buffer.alloc(padding, 0x80), Buffer.from([0])])
    expect(() => createReader(bytes).varint()).toThrow(MalformedBytes)
  }
})

test('nanoseconds that make a second or more are refused', () => {
  const writer = createWriter()
  writer.i64(0n)
  writer.varint(1e9)
  expect(() => createReader(Buffer.from(writer.view())).time()).toThrow(MalformedBytes)
})
