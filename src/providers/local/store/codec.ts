import { promisify } from 'node:util'
import { brotliCompress, brotliDecompress, constants } from 'node:zlib'
import { MalformedBytes } from '../bytes.ts'

/** How the bytes of a block are stored. The number is in the index; unknown ones are refused by name. */
export const CODEC = { raw: 0, brotli: 1, zstd: 2 } as const

const compressAsync = promisify(brotliCompress)
const decompressAsync = promisify(brotliDecompress)

/**
 * Quality 0 packs a source tree to a third at several hundred MB/s; the next one makes a first snapshot cost a quarter
 * more for 6 % less. The window, 2^18, spans a block of contents.
 */
const PARAMS = { [constants.BROTLI_PARAM_QUALITY]: 0, [constants.BROTLI_PARAM_LGWIN]: 18 }
/** One output buffer of the right size instead of many of 16 KiB to be joined. The least zlib takes is 64. */
const outputSize = (bytes: number) => Math.max(64, bytes)

/** A block must shrink by this share to be worth inflating later. */
const WORTHWHILE = 0.95

/** Runs on libuv's threads. Returns the raw bytes when they do not shrink. */
export async function compress(raw: Buffer): Promise<{ codec: number; bytes: Buffer }> {
  const packed = await compressAsync(raw, { params: PARAMS, chunkSize: outputSize(raw.length) })
  return packed.length < raw.length * WORTHWHILE
    ? { codec: CODEC.brotli, bytes: packed }
    : { codec: CODEC.raw, bytes: raw }
}

/** `size` is the length the index promises; output beyond it is refused before it is allocated. */
export async function decompress(codec: number, stored: Buffer, size: number): Promise<Buffer> {
  const raw = codec === CODEC.raw ? stored : await inflate(codec, stored, size)
  if (raw.length !== size) throw new MalformedBytes('block has the wrong size')
  return raw
}

async function inflate(codec: number, stored: Buffer, size: number): Promise<Buffer> {
  if (codec !== CODEC.brotli) throw new MalformedBytes(`codec ${codec} is not known to this version`)
  return decompressAsync(stored, { maxOutputLength: Math.max(size, 1), chunkSize: outputSize(size) })
}
