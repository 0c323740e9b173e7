import { randomBytes } from 'node:crypto'
import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../../../snapshots/errors.ts'
import { CODEC, compress } from './codec.ts'
import { syncDirectory, writeDurably } from './durable.ts'
import { encodeIndex, MAX_BLOCK_BYTES, type PackIndex } from './pack-index.ts'
import { PLACE, type Seal } from './seal.ts'

export const PACK_MAGIC = Buffer.from('SPK1', 'latin1')

/**
 * Objects are gathered into blocks of about this size: large enough to compress well, small enough to read one object
 * from. Contents gain 15 % over blocks of half the size.
 */
const BLOCK_BYTES = { tree: 128 * 1024, content: 256 * 1024 } as const
/** After blocks that did not shrink, up to this many are stored raw without trying. */
const MOST_SKIPPED = 8
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

/** Trees and contents go to separate blocks, so that reading trees does not inflate contents. */
export type Stream = 'tree' | 'content'

export interface PackWriter {
  /** Takes a copy. */
  append(id: string, bytes: Uint8Array, stream: Stream): void
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
  /**
   * Removes what was written, unless a commit has come to its index: it holds whole objects that others may use by now.
   * Safe to call after a failed commit, and after one that was not.
   */
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

/** `onTrees` is told of each block of trees: the next call may well read what was just written. */
export function createPackWriter(
  directory: string,
  seal: Seal,
  onTrees: (pack: string, number: number, raw: Buffer) => void = () => {},
): PackWriter {
  const seen = new Set<string>()
  /** Buffers of written blocks: a new one for each would be most of the work of the garbage collector. */
  const spare: Record<Stream, Buffer[]> = { tree: [], content: [] }
  /** Complete on disk, but without an index: nobody sees them yet. */
  const finished: Omit<WrittenPack, 'indexBytes'>[] = []
  const streams = { tree: newBlock('tree'), content: newBlock('content') }
  let pack: OpenPack | undefined
  let chain: Promise<void> = Promise.resolve()
  let failure: unknown
  let pending = 0
  let total = 0
  /** Blocks to be stored raw without trying: twice as many after each one tried in a row that did not shrink. */
  let toSkip = 0
  let skipped = 0

  function newBlock(stream: Stream) {
    return {
      ids: [] as string[],
      parts: [] as { offset: number; length: number }[],
      buffer: spare[stream].pop() ?? Buffer.allocUnsafe(BLOCK_BYTES[stream]),
      used: 0,
    }
  }

  const flush = (stream: Stream) => {
    const block = streams[stream]
    if (block.ids.length === 0) return
    streams[stream] = newBlock(stream)
    const raw = block.buffer.subarray(0, block.used)
    const tryIt = toSkip === 0
    if (!tryIt) toSkip--
    // Compression runs on other threads at once; the writes below keep their order.
    const packed = tryIt ? compress(raw) : Promise.resolve({ codec: CODEC.raw, bytes: raw })
    packed.catch(() => {})
    enqueue(async () => {
      const { codec, bytes } = await packed
      if (tryIt) {
        skipped = codec === CODEC.raw ? Math.min(2 * skipped || 1, MOST_SKIPPED) : 0
        toSkip = skipped
      }
      await writeBlock({ ...block, size: raw.length, codec, packed: bytes })
      if (stream === 'tree' && pack) onTrees(pack.name, pack.index.blocks.length - 1, Buffer.from(raw))
      if (block.buffer.length === BLOCK_BYTES[stream]) spare[stream].push(block.buffer)
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
      if (block.used > 0 && block.used + bytes.length > BLOCK_BYTES[stream]) {
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
      const written: WrittenPack[] = []
      // Taken off first: whether its index is written or not, others may have found it and rely on it from here on.
      for (let done = finished.shift(); done; done = finished.shift()) {
        const encoded = seal.seal(encodeIndex(done.index), PLACE.index(done.name))
        writeDurably(join(directory, `${done.name}.idx`), encoded)
        written.push({ ...done, indexBytes: encoded.length })
      }
      return written
    },
    async abort() {
      failure ??= new Error('aborted')
      await chain
      await pack?.file.close().catch(() => {})
      for (const { name } of pack ? [...finished, pack] : finished)
        await rm(join(directory, `${name}.pack`), { force: true })
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
