import { hash, randomBytes } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { compress } from './codec.ts'
import { writeDurably } from './durable.ts'
import { encodeIndex, type PackIndex } from './pack-index.ts'

export const PACK_MAGIC = Buffer.from('SPK1', 'latin1')

/** Objects are gathered into blocks of about this size: large enough to compress well, small enough to read one object from. */
const BLOCK_BYTES = 128 * 1024
/** A pack is closed and the next begun at this size, so that gc never needs much room. */
const PACK_BYTES = 256 * 1024 * 1024
/** Compressed blocks under way or waiting for the disk; more than this and the writer of objects has to wait. */
const MAX_PENDING = 16
/** Write-back is started early, so that the sync at the end has little left to do. */
const SYNC_EVERY = 64 * 1024 * 1024

export function objectId(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex')
}

/** A committed pack: its name and what is in it. */
export interface WrittenPack {
  name: string
  index: PackIndex
  /** Of the pack, and of its index. */
  bytes: number
  indexBytes: number
}

export interface PackWriter {
  /** Takes a copy. Trees and contents go to separate blocks, so that reading trees does not inflate contents. */
  append(id: string, bytes: Uint8Array, stream: 'tree' | 'content'): void
  /** Appended in this writer, committed or not. */
  has(id: string): boolean
  /** Stored bytes so far. */
  written(): number
  /** True when `drain` should be awaited before appending more. */
  busy(): boolean
  drain(): Promise<void>
  /** Sends what was appended so far on its way to the disk, so that `written` is the whole size. */
  flush(): Promise<void>
  /** Makes everything durable and visible: data first, then the index that names it. */
  commit(): Promise<WrittenPack[]>
  /** Removes what was written. Safe to call after a failed commit. */
  abort(): Promise<void>
}

interface OpenPack {
  name: string
  file: FileHandle
  index: PackIndex
  /** Where the next block goes. */
  end: number
  unsynced: number
}

export function createPackWriter(directory: string): PackWriter {
  const seen = new Set<string>()
  const committed: WrittenPack[] = []
  const streams = { tree: newBlock(), content: newBlock() }
  let pack: OpenPack | undefined
  let chain: Promise<void> = Promise.resolve()
  let failure: unknown
  let pending = 0
  let total = 0
  /** After a block that did not shrink, this many are stored raw without trying. */
  let skipCompression = 0

  function newBlock() {
    return {
      ids: [] as string[],
      parts: [] as { offset: number; length: number }[],
      buffer: Buffer.allocUnsafe(BLOCK_BYTES),
      used: 0,
    }
  }

  const flush = (stream: 'tree' | 'content') => {
    const block = streams[stream]
    if (block.ids.length === 0) return
    streams[stream] = newBlock()
    const raw = block.buffer.subarray(0, block.used)
    const tryIt = skipCompression === 0
    if (!tryIt) skipCompression--
    // Compression runs on other threads at once; the writes below keep their order.
    const packed = tryIt ? compress(raw) : Promise.resolve({ codec: 0, bytes: raw })
    packed.catch(() => {})
    pending++
    chain = chain
      .then(async () => {
        const { codec, bytes } = await packed
        if (tryIt && codec === 0) skipCompression = 8
        await writeBlock(block, raw.length, codec, bytes)
      })
      .catch((error) => {
        failure ??= error
      })
      .finally(() => {
        pending--
      })
  }

  const writeBlock = async (
    block: ReturnType<typeof newBlock>,
    size: number,
    codec: number,
    bytes: Buffer,
  ) => {
    if (failure) return
    if (pack && pack.end + bytes.length > PACK_BYTES && pack.index.blocks.length > 0) await finishPack()
    pack ??= await openPack()
    await pack.file.write(bytes, 0, bytes.length, pack.end)
    const number = pack.index.blocks.push({ offset: pack.end, stored: bytes.length, size, codec }) - 1
    block.ids.forEach((id, n) => {
      const part = block.parts[n] as { offset: number; length: number }
      pack?.index.ids.push(id)
      pack?.index.places.push({ block: number, ...part })
    })
    pack.end += bytes.length
    pack.unsynced += bytes.length
    total += bytes.length
    if (pack.unsynced > SYNC_EVERY) {
      pack.unsynced = 0
      await pack.file.datasync()
    }
  }

  const openPack = async (): Promise<OpenPack> => {
    const name = randomBytes(16).toString('hex')
    const file = await open(join(directory, `${name}.pack`), 'wx', 0o600)
    await file.write(PACK_MAGIC, 0, PACK_MAGIC.length, 0)
    return { name, file, index: { blocks: [], ids: [], places: [] }, end: PACK_MAGIC.length, unsynced: 0 }
  }

  const finishPack = async () => {
    if (!pack) return
    const { name, file, index, end } = pack
    await file.datasync()
    await file.close()
    pack = undefined
    const encoded = encodeIndex(index)
    writeDurably(join(directory, `${name}.idx`), encoded)
    committed.push({ name, index, bytes: end, indexBytes: encoded.length })
  }

  const drain = async () => {
    await chain
    if (failure) throw failure
  }

  const flushAll = async () => {
    flush('content')
    flush('tree')
    await drain()
  }

  return {
    append(id, bytes, stream) {
      seen.add(id)
      let block = streams[stream]
      if (block.used > 0 && block.used + bytes.length > BLOCK_BYTES) {
        flush(stream)
        block = streams[stream]
      }
      if (bytes.length > block.buffer.length) block.buffer = Buffer.allocUnsafe(bytes.length)
      block.buffer.set(bytes, block.used)
      block.ids.push(id)
      block.parts.push({ offset: block.used, length: bytes.length })
      block.used += bytes.length
    },
    has: (id) => seen.has(id),
    written: () => total,
    busy: () => pending >= MAX_PENDING || failure !== undefined,
    drain,
    flush: flushAll,
    async commit() {
      await flushAll()
      await finishPack()
      return committed
    },
    async abort() {
      failure ??= new Error('aborted')
      await chain
      if (pack) {
        await pack.file.close().catch(() => {})
        await rm(join(directory, `${pack.name}.pack`), { force: true })
        pack = undefined
      }
      // A pack that was already committed holds whole, valid objects that nothing refers to: later creates may.
    },
  }
}
