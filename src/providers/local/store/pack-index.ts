import { createHash } from 'node:crypto'
import { createReader, createWriter, MalformedBytes } from '../bytes.ts'
import { SEAL_BYTES } from './seal.ts'

/** What lies where in one pack. Layout: docs/store-format.md. */
export interface PackIndex {
  blocks: Block[]
  /** Object ids in hex, with `places[n]` telling where `ids[n]` is. */
  ids: string[]
  places: Place[]
}

export interface Block {
  /** Byte offset of the stored bytes in the pack. */
  offset: number
  /** Length as stored. */
  stored: number
  /** Length after decompression. */
  size: number
  codec: number
}

export interface Place {
  block: number
  offset: number
  length: number
}

/**
 * No object is larger: a directory of a few million entries, a file of 2 TiB. Whoever can write an index must not make
 * its reader take all memory there is.
 */
export const MAX_BLOCK_BYTES = 256 * 1024 * 1024

const MAGIC = 'SIX1'
/** For a later layout. An encrypted store seals the whole file instead. */
const RESERVED = 0

export function encodeIndex(index: PackIndex): Buffer {
  const writer = createWriter(64 + index.blocks.length * 16 + index.ids.length * 44)
  writer.raw(Buffer.from(MAGIC, 'latin1'))
  writer.u8(RESERVED)
  writer.varint(index.blocks.length)
  writer.varint(index.ids.length)
  for (const block of index.blocks) {
    writer.varint(block.offset)
    writer.varint(block.stored)
    writer.varint(block.size)
    writer.u8(block.codec)
  }
  index.ids.forEach((id, n) => {
    const place = index.places[n] as Place
    writer.id(id)
    writer.varint(place.block)
    writer.varint(place.offset)
    writer.varint(place.length)
  })
  const body = writer.view()
  return Buffer.concat([body, createHash('sha256').update(body).digest()])
}

/** Throws MalformedBytes when the trailing hash or any number does not fit. */
export function decodeIndex(bytes: Buffer): PackIndex {
  const end = bytes.length - 32
  if (end < 7 || bytes.toString('latin1', 0, 4) !== MAGIC) throw new MalformedBytes('not an index')
  if (!createHash('sha256').update(bytes.subarray(0, end)).digest().equals(bytes.subarray(end))) {
    throw new MalformedBytes('index does not match its hash')
  }
  const reader = createReader(bytes, 4, end)
  if (reader.u8() !== RESERVED) throw new MalformedBytes('another layout')
  const blockCount = reader.varint()
  const idCount = reader.varint()
  if (blockCount * 4 + idCount * 35 > reader.remaining()) throw new MalformedBytes('count too large')
  const blocks: Block[] = []
  for (let n = 0; n < blockCount; n++) {
    const block = {
      offset: reader.varint(),
      stored: reader.varint(),
      size: reader.varint(),
      codec: reader.u8(),
    }
    // What does not shrink is stored raw. Whatever is more than that would take memory that nobody counts.
    if (block.size > MAX_BLOCK_BYTES || block.stored > block.size + SEAL_BYTES)
      throw new MalformedBytes('block too large')
    blocks.push(block)
  }
  const ids: string[] = []
  const places: Place[] = []
  for (let n = 0; n < idCount; n++) {
    const id = reader.id()
    const place = { block: reader.varint(), offset: reader.varint(), length: reader.varint() }
    const block = blocks[place.block]
    if (!block || place.offset + place.length > block.size)
      throw new MalformedBytes('object outside its block')
    ids.push(id)
    places.push(place)
  }
  return { blocks, ids, places }
}
