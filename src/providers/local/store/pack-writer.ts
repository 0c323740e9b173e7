import { randomBytes } from 'node:crypto'
import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../../../snapshots/errors.ts'
import { compress } from './codec.ts'
import { syncDirectory, writeDurably } from './durable.ts'
import { encodeIndex, MAX_BLOCK_BYTES, type PackIndex } from './pack-index.ts'
import { PLACE, type Seal } from './seal.ts'

export const PACK_MAGIC = Buffer.from('SPK1', 'latin1')

/** Objects are gathered into blocks of about this size: large enough to compress well, small enough to read one object from. */
const BLOCK_BYTES = 128 * 1024
/** A pack is closed and the next begun at this size, so that gc never needs much room. */
const PACK_BYTES = 256 * 1024 * 1024
/** Compressed blocks under way or waiting for the disk; more than this and the writer of objects has to wait. */
const MAX_PENDING = 16
/** Write-back is started early, so that the sync at the end has little left to do. */
const SYNC_EVERY = 64 * 1024 * 1024

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
  /** Takes over a whole block of another pack, as it is. */
  appendBlock(block: PackedBlock): void
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

/** A block before it is sealed. `parts[n]` says where `ids[n]` is in the `size` bytes that `packed` holds by `codec`. */
export interface PackedBlock {
  ids: readonly string[]
  parts: readonly { offset: number; length: number }[]
  size: number
  codec: number
  packed: Buffer
}

interface OpenPack {
  name: string
  file: FileHandle
  index: PackIndex
  /** Where the next block goes. */
  end: number
  unsynced: number
}

export function createPackWriter(directory: string, seal: Seal): PackWriter {
  const seen = new Set<string>()
  /** Buffers of written blocks: a new one for each would be most of the work of the garbage collector. */
  const spare: Buffer[] = []
  /** Complete on disk, but without an index: nobody sees them yet. */
  const finished: Omit<WrittenPack, 'indexBytes'>[] = []
  let committed = false
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
      buffer: spare.pop() ?? Buffer.allocUnsafe(BLOCK_BYTES),
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
    enqueue(async () => {
      const { codec, bytes } = await packed
      if (tryIt && codec === 0) skipCompression = 8
      await writeBlock({ ...block, size: raw.length, codec, packed: bytes })
      if (block.buffer.length === BLOCK_BYTES) spare.push(block.buffer)
    })
  }

  const enqueue = (write: () => Promise<void>) => {
    pending++
    chain = chain
      .then(write)
      .catch((error) => {
        failure ??= error
      })
      .finally(() => {
        pending--
      })
  }

  const writeBlock = async ({ ids, parts, size, codec, packed }: PackedBlock) => {
    if (failure) return
    if (pack && pack.end + packed.length > PACK_BYTES && pack.index.blocks.length > 0) await finishPack()
    pack ??= await openPack()
    const bytes = seal.seal(packed, PLACE.block(pack.name, pack.end))
    await writeFully(pack.file, bytes, pack.end)
    const number = pack.index.blocks.push({ offset: pack.end, stored: bytes.length, size, codec }) - 1
    ids.forEach((id, n) => {
      const { offset, length } = parts[n] as { offset: number; length: number }
      pack?.index.ids.push(id)
      pack?.index.places.push({ block: number, offset, length })
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
    // Known before anything is written, so that what fails now is closed and removed as well.
    const opened = {
      name,
      file,
      index: { blocks: [], ids: [], places: [] },
      end: PACK_MAGIC.length,
      unsynced: 0,
    }
    pack = opened
    await writeFully(file, PACK_MAGIC, 0)
    return opened
  }

  const finishPack = async () => {
    if (!pack) return
    const { name, file, index, end } = pack
    await file.datasync()
    await requireWhole(file, join(directory, `${name}.pack`), end)
    await file.close()
    pack = undefined
    finished.push({ name, index, bytes: end })
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
      if (bytes.length > MAX_BLOCK_BYTES) throw tooLarge()
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
    appendBlock(block) {
      for (const id of block.ids) seen.add(id)
      enqueue(() => writeBlock(block))
    },
    has: (id) => seen.has(id),
    written: () => total,
    busy: () => pending >= MAX_PENDING || failure !== undefined,
    drain,
    flush: flushAll,
    async commit() {
      await flushAll()
      await finishPack()
      // The names of packs before those of their indexes: no power cut leaves an index without its pack.
      if (finished.length > 0) syncDirectory(directory)
      const written = finished.map((done) => {
        const encoded = seal.seal(encodeIndex(done.index), PLACE.index(done.name))
        writeDurably(join(directory, `${done.name}.idx`), encoded)
        return { ...done, indexBytes: encoded.length }
      })
      committed = true
      return written
    },
    async abort() {
      failure ??= new Error('aborted')
      await chain
      await pack?.file.close().catch(() => {})
      // Once committed, packs stay: they hold whole objects that a later create may use.
      if (committed) return
      for (const { name } of pack ? [...finished, pack] : finished) {
        await rm(join(directory, `${name}.idx`), { force: true })
        await rm(join(directory, `${name}.pack`), { force: true })
      }
      pack = undefined
    },
  }
}

function tooLarge() {
  return fail(
    'UNSUPPORTED',
    'A directory has more entries, or a file more bytes (over 2 TiB), than a snapshot can hold. No snapshot was made.',
    'Leave it out with "exclude".',
  )
}

/** A full disk or a limit shows as a short write first. */
async function writeFully(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    if (bytesWritten === 0) throw Object.assign(new Error('nothing was written'), { code: 'ENOSPC' })
    done += bytesWritten
  }
}

/** What is about to be indexed must be there, under its name: a sweep of another process may have taken it for abandoned. */
async function requireWhole(file: FileHandle, path: string, size: number): Promise<void> {
  const open = await file.stat({ bigint: true })
  const named = await stat(path, { bigint: true }).catch(() => undefined)
  if (open.ino === named?.ino && open.dev === named.dev && named.size === BigInt(size)) return
  throw fail(
    'CONFLICT',
    'Something removed or cut a file of the store while it was written. Nothing was saved.',
    'Call again; if it happens again, see what else writes to the state directory.',
  )
}
