import { readSync } from 'node:fs'
import { createReader, createWriter, MalformedBytes } from './bytes.ts'
import type { Pause } from './pause.ts'

/** Larger files are cut into chunks, so that an edited database costs its changed chunks. */
export const WHOLE_FILE_BYTES = 1024 * 1024
export const CHUNK_BYTES = 256 * 1024

/** Stores (or, in a dry run, only hashes) one object. */
export type Put = (bytes: Uint8Array) => { id: string; added: boolean }

export interface ReadContent {
  content: string
  chunked: boolean
  chunks: readonly string[]
  size: number
  /** Bytes that were new to the store. */
  captured: number
}

const scratch = Buffer.allocUnsafe(WHOLE_FILE_BYTES)
const MAGIC = 'SCL1'

/**
 * Reads an open regular file from its start, up to the length that its stat promises: what was added since shows when
 * its stat is compared afterwards. `undefined` for a large one.
 */
export function readSmall(fd: number, promised: number, put: Put): ReadContent | undefined {
  if (promised > WHOLE_FILE_BYTES) return undefined
  // Some file systems promise nothing and yet have something to read.
  const limit = promised || scratch.length
  let size = 0
  while (size < limit) {
    const count = readSync(fd, scratch, size, limit - size, size)
    if (count === 0) break
    size += count
  }
  const { id, added } = put(scratch.subarray(0, size))
  return { content: id, chunked: false, chunks: [], size, captured: added ? size : 0 }
}

export async function readLarge(fd: number, put: Put, pause: Pause): Promise<ReadContent> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  const chunks: string[] = []
  let size = 0
  let captured = 0
  for (;;) {
    let filled = 0
    while (filled < CHUNK_BYTES) {
      const count = readSync(fd, chunk, filled, CHUNK_BYTES - filled, size + filled)
      if (count === 0) break
      filled += count
    }
    if (filled === 0) break
    const { id, added } = put(chunk.subarray(0, filled))
    chunks.push(id)
    size += filled
    if (added) captured += filled
    if (pause.due()) await pause.take()
    if (filled < CHUNK_BYTES) break
  }
  const { id } = put(encodeChunkList(size, chunks))
  return { content: id, chunked: true, chunks, size, captured }
}

export function encodeChunkList(size: number, chunks: readonly string[]): Buffer {
  const writer = createWriter(16 + chunks.length * 32)
  writer.raw(Buffer.from(MAGIC, 'latin1'))
  writer.varint(size)
  for (const chunk of chunks) writer.id(chunk)
  return writer.view()
}

/** Throws MalformedBytes unless the list has exactly the chunks its size needs. */
export function decodeChunkList(bytes: Buffer): { size: number; chunks: string[] } {
  if (bytes.toString('latin1', 0, 4) !== MAGIC) throw new MalformedBytes('not a chunk list')
  const reader = createReader(bytes, 4)
  const size = reader.varint()
  const count = Math.ceil(size / CHUNK_BYTES)
  if (reader.remaining() !== count * 32) throw new MalformedBytes('wrong number of chunks')
  return { size, chunks: Array.from({ length: count }, () => reader.id()) }
}
