import type { ByteString } from './names.ts'

const SECOND = 1_000_000_000n
/** Eight bytes of seven bits hold every safe integer. */
const LARGEST_SCALE = 2 ** 49

/** Appends numbers, byte strings and ids to one growing buffer: the encoder of every binary record of the store. */
export function createWriter(size = 1024) {
  let buffer = Buffer.allocUnsafe(size)
  let at = 0

  const reserve = (count: number) => {
    if (at + count <= buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, at + count))
    buffer.copy(larger, 0, 0, at)
    buffer = larger
  }

  const varint = (value: number) => {
    reserve(8)
    let rest = value
    while (rest >= 0x80) {
      buffer[at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    buffer[at++] = rest
  }

  return {
    u8(value: number) {
      reserve(1)
      buffer[at++] = value
    },
    /** Unsigned, up to 2^53 - 1, seven bits a byte, least significant first. */
    varint,
    /** Signed 64 bits, little endian. */
    i64(value: bigint) {
      reserve(8)
      at = buffer.writeBigInt64LE(value, at)
    },
    /** Nanoseconds since 1970, as whole seconds (signed 64 bits) and the rest: some file systems go beyond 2262. */
    time(value: bigint) {
      const rest = ((value % SECOND) + SECOND) % SECOND
      reserve(8)
      at = buffer.writeBigInt64LE((value - rest) / SECOND, at)
      varint(Number(rest))
    },
    /** Length as varint, then the bytes. */
    bytes(value: ByteString) {
      varint(value.length)
      reserve(value.length)
      at += buffer.write(value, at, 'latin1')
    },
    /** An object id: 32 bytes, given in hex. */
    id(value: string) {
      reserve(32)
      at += buffer.write(value, at, 'hex')
    },
    raw(value: Uint8Array) {
      reserve(value.length)
      buffer.set(value, at)
      at += value.length
    },
    /** The bytes so far: a view that the next write may invalidate. */
    view: () => buffer.subarray(0, at),
    reset() {
      at = 0
    },
  }
}
export type Writer = ReturnType<typeof createWriter>

/** Thrown by a reader when the bytes end early or make no sense; callers turn it into CORRUPT with a name. */
export class MalformedBytes extends Error {}

export function createReader(buffer: Buffer, start = 0, last = buffer.length) {
  let at = start
  let end = last
  const take = (count: number): number => {
    if (at + count > end) throw new MalformedBytes('unexpected end')
    const from = at
    at += count
    return from
  }
  const varint = (): number => {
    let value = 0
    for (let scale = 1; scale <= LARGEST_SCALE; scale *= 0x80) {
      const byte = buffer[take(1)] as number
      value += (byte & 0x7f) * scale
      if (value > Number.MAX_SAFE_INTEGER) break
      if (byte < 0x80) return value
    }
    throw new MalformedBytes('number too large')
  }
  return {
    /** Goes on with another part of the buffer. */
    seek(from: number, to: number) {
      at = from
      end = to
    },
    u8: (): number => buffer[take(1)] as number,
    varint,
    i64: (): bigint => buffer.readBigInt64LE(take(8)),
    time(): bigint {
      const seconds = buffer.readBigInt64LE(take(8))
      const rest = varint()
      if (rest >= 1e9) throw new MalformedBytes('time out of range')
      return seconds * SECOND + BigInt(rest)
    },
    bytes(): ByteString {
      const length = varint()
      const from = take(length)
      return buffer.toString('latin1', from, from + length)
    },
    id(): string {
      const from = take(32)
      return buffer.toString('hex', from, from + 32)
    },
    skip: (count: number): void => void take(count),
    done: (): boolean => at === end,
    remaining: (): number => end - at,
  }
}
export type Reader = ReturnType<typeof createReader>
