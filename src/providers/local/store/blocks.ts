import { closeSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { decompress } from './codec.ts'
import type { PackIndex } from './pack-index.ts'
import type { Pack } from './pack-table.ts'
import { openPlainFile } from './plain-file.ts'
import { PLACE, type Seal } from './seal.ts'

/** The blocks of a directory of packs, inflated, with the last ones kept for the next objects that lie in them. */
export interface Blocks {
  /** Inflates ahead for a reader that goes from one block to the next. Throws when the block is damaged. */
  read(pack: Pack, number: number): Promise<Buffer>
  /** From the disk, whatever is kept of it. */
  readAnew(pack: Pack, number: number): Promise<WholeBlock>
  /** Keeps a block that was just written. */
  keep(pack: string, number: number, block: Buffer): void
  /** Keeps this one no longer, or none. */
  drop(pack: Pack, number: number): void
  dropAll(): void
  /** Closes the file of a pack. */
  release(pack: string): void
  close(): void
}

/** A block as it is once opened, and what it inflates to. */
export interface WholeBlock {
  packed: Buffer
  codec: number
  whole: Buffer
}

/** Inflated blocks kept for the next objects of the same block. */
const CACHE_BYTES = 32 * 1024 * 1024
/** Blocks inflated ahead of a reader. */
const PREFETCH = 4
/** Larger ones are inflated when somebody wants them. */
const PREFETCH_BYTES = 2 * 1024 * 1024
/** Packs whose file stays open. */
const MAX_OPEN = 64

export function createBlocks(directory: string, seal: Seal): Blocks {
  /** Descriptors of the packs whose file is open. */
  const open = new Map<string, number>()
  const cache = new Map<string, { block: Promise<Buffer>; bytes: number }>()
  let cachedBytes = 0
  let last: { pack: Pack; number: number } | undefined

  const handle = ({ name }: Pack): number => {
    const present = open.get(name)
    if (present !== undefined) return present
    if (open.size >= MAX_OPEN) for (const other of [...open.keys()].slice(0, MAX_OPEN / 2)) release(other)
    const { fd } = openPlainFile(join(directory, `${name}.pack`))
    open.set(name, fd)
    return fd
  }

  const release = (name: string) => {
    const fd = open.get(name)
    if (fd !== undefined) closeSync(fd)
    open.delete(name)
  }

  const readAnew = async (pack: Pack, number: number): Promise<WholeBlock> => {
    const { offset, stored, size, codec } = pack.index.blocks[number] as PackIndex['blocks'][number]
    const bytes = Buffer.allocUnsafe(stored)
    if (readSync(handle(pack), bytes, 0, stored, offset) !== stored) throw new Error('pack ends early')
    const packed = seal.open(bytes, PLACE.block(pack.name, offset))
    return { packed, codec, whole: await decompress(codec, packed, size) }
  }

  const keyOf = (pack: string, number: number) => `${pack}/${number}`

  const evict = (key: string) => {
    cachedBytes -= cache.get(key)?.bytes ?? 0
    cache.delete(key)
  }

  const blockAt = (pack: Pack, number: number): Promise<Buffer> => {
    const key = keyOf(pack.name, number)
    const hit = cache.get(key)
    if (hit) {
      cache.delete(key)
      cache.set(key, hit)
      return hit.block
    }
    const block = readAnew(pack, number).then(({ whole }) => whole)
    block.catch(() => evict(key))
    put(key, block, pack.index.blocks[number]?.size ?? 0)
    return block
  }

  const put = (key: string, block: Promise<Buffer>, bytes: number) => {
    cache.set(key, { block, bytes })
    cachedBytes += bytes
    for (const oldest of cache.keys()) {
      if (cachedBytes <= CACHE_BYTES || oldest === key) break
      evict(oldest)
    }
  }

  const dropAll = () => {
    cache.clear()
    cachedBytes = 0
  }

  /** Inflating the next ones on other threads now saves the wait. */
  const prefetch = (pack: Pack, from: number) => {
    for (const [n, { size }] of pack.index.blocks.slice(from + 1, from + 1 + PREFETCH).entries()) {
      const ahead = from + n + 1
      if (size > PREFETCH_BYTES) return
      if (!cache.has(keyOf(pack.name, ahead))) blockAt(pack, ahead).catch(() => {})
    }
  }

  return {
    async read(pack, number) {
      const block = await blockAt(pack, number)
      if (last?.pack === pack && last.number + 1 === number) prefetch(pack, number)
      last = { pack, number }
      return block
    },
    readAnew,
    keep: (pack, number, block) => put(keyOf(pack, number), Promise.resolve(block), block.length),
    drop: (pack, number) => evict(keyOf(pack.name, number)),
    dropAll,
    release,
    close() {
      for (const name of [...open.keys()]) release(name)
      dropAll()
    },
  }
}
