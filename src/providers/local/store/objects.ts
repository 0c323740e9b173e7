import { closeSync, existsSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { fail } from '../../../snapshots/errors.ts'
import { decompress } from './codec.ts'
import type { PackIndex, Place } from './pack-index.ts'
import { createPackTable, type Location, type Pack } from './pack-table.ts'
import { createPackWriter, type PackWriter } from './pack-writer.ts'
import { openPlainFile } from './plain-file.ts'
import { PLACE, type Seal } from './seal.ts'

/** Content-addressed storage: bytes in, id out, kept once whoever asks. */
export interface ObjectStore {
  /** The id of these bytes, stored or not. */
  idOf(bytes: Uint8Array): string
  has(id: string): boolean
  /** Length in bytes as the indexes have it; undefined when the object is missing. */
  length(id: string): number | undefined
  /** The bytes, checked against the id. CORRUPT when they are missing or differ. */
  read(id: string): Promise<Buffer>
  /** Picks up what other processes committed. Cheap when nothing changed. */
  refresh(force?: boolean): void
  writer(): ObjectWriter
  /** Reads the blocks of all packs that `chosen` says yes to, each once. What is damaged is forgotten, as by `read`. */
  check(chosen: () => boolean): AsyncGenerator<CheckedBlock>
  packs(): readonly Pack[]
  /** The name of the pack that an object is read from. */
  packOf(id: string): string | undefined
  /** Reads a block from the disk, whatever may be cached of it. Throws when it is damaged. */
  readBlock(pack: Pack, number: number): Promise<WholeBlock>
  /** Whether an intact copy of an object lies outside of these packs. */
  isElsewhere(id: string, apart: ReadonlySet<string>): Promise<boolean>
  /** Bytes of all packs and their indexes on disk. */
  size(): number
  /** Indexes that could not be read, by name: their objects are missing. */
  damaged(): readonly string[]
  /** Rises whenever an object that was there is not there any more: who relied on it has to look again. */
  losses(): number
  close(): void
}

/** A block that was read again, whatever may be cached of it. */
export interface CheckedBlock {
  pack: string
  /** How many objects it holds, and its stored bytes. */
  objects: number
  bytes: number
  /** Ids of those of which no intact copy is left. */
  damaged: string[]
}

/** A block as it is once opened, and what it inflates to. */
export interface WholeBlock {
  packed: Buffer
  codec: number
  whole: Buffer
}

export interface ObjectWriter extends Omit<PackWriter, 'commit'> {
  /** The id of the bytes, stored if nobody has them yet. */
  put(bytes: Uint8Array, stream: 'tree' | 'content'): { id: string; added: boolean }
  /** Bytes of the contents that were new, before they were compressed. */
  captured(): number
  commit(): Promise<void>
}

/** Inflated blocks kept for the next objects of the same block. */
const CACHE_BYTES = 32 * 1024 * 1024
/** Blocks inflated ahead of a reader. */
const PREFETCH = 4
/** Larger ones are inflated when somebody wants them. */
const PREFETCH_BYTES = 2 * 1024 * 1024
/** Packs whose file stays open. */
const MAX_OPEN = 64

export function createObjectStore(directory: string, seal: Seal): ObjectStore {
  const table = createPackTable(directory, seal, (pack) => closePack(pack.name))
  /** Descriptors of the packs whose file is open. */
  const open = new Map<string, number>()
  const cache = new Map<string, { block: Promise<Buffer>; bytes: number }>()
  let cachedBytes = 0
  let last: { pack: Pack; block: number } | undefined

  const handle = ({ name }: Pack): number => {
    const present = open.get(name)
    if (present !== undefined) return present
    if (open.size >= MAX_OPEN) for (const other of [...open.keys()].slice(0, MAX_OPEN / 2)) closePack(other)
    const { fd } = openPlainFile(join(directory, `${name}.pack`))
    open.set(name, fd)
    return fd
  }

  const closePack = (name: string) => {
    const fd = open.get(name)
    if (fd !== undefined) closeSync(fd)
    open.delete(name)
  }

  const readBlock = async (pack: Pack, number: number): Promise<WholeBlock> => {
    const { offset, stored, size, codec } = pack.index.blocks[number] as PackIndex['blocks'][number]
    const bytes = Buffer.allocUnsafe(stored)
    if (readSync(handle(pack), bytes, 0, stored, offset) !== stored) throw new Error('pack ends early')
    const packed = seal.open(bytes, PLACE.block(pack.name, offset))
    return { packed, codec, whole: await decompress(codec, packed, size) }
  }

  const inflate = async (pack: Pack, number: number): Promise<Buffer> => (await readBlock(pack, number)).whole

  const block = (pack: Pack, number: number): Promise<Buffer> => {
    const key = `${pack.name}/${number}`
    const hit = cache.get(key)
    if (hit) {
      cache.delete(key)
      cache.set(key, hit)
      return hit.block
    }
    const promise = inflate(pack, number)
    promise.catch(() => evict(key))
    const bytes = pack.index.blocks[number]?.size ?? 0
    cache.set(key, { block: promise, bytes })
    cachedBytes += bytes
    for (const oldest of cache.keys()) {
      if (cachedBytes <= CACHE_BYTES || oldest === key) break
      evict(oldest)
    }
    return promise
  }

  /** A reader that goes on to the next block will want more: inflating them on other threads now saves the wait. */
  const prefetch = (pack: Pack, from: number) => {
    for (const [n, { size }] of pack.index.blocks.slice(from + 1, from + 1 + PREFETCH).entries()) {
      const ahead = n + 1
      if (size > PREFETCH_BYTES) return
      if (!cache.has(`${pack.name}/${from + ahead}`)) block(pack, from + ahead).catch(() => {})
    }
  }

  const evict = (key: string) => {
    cachedBytes -= cache.get(key)?.bytes ?? 0
    cache.delete(key)
  }

  const readAt = async (id: string, { pack, place }: Location): Promise<Buffer> => {
    const whole = await block(pack, place.block)
    if (last?.pack === pack && last.block + 1 === place.block) prefetch(pack, place.block)
    last = { pack, block: place.block }
    const bytes = whole.subarray(place.offset, place.offset + place.length)
    if (seal.id(bytes) !== id) throw new Error('hash differs')
    return bytes
  }

  const read = async (id: string): Promise<Buffer> => {
    if (!table.has(id)) table.refresh(true)
    for (;;) {
      const found = table.locate(id)
      if (!found) throw corrupt(id, 'is missing')
      try {
        return await readAt(id, found)
      } catch (error) {
        // It may have been moved to another pack since the indexes were read.
        table.refresh(true)
        if (table.locate(id)?.pack !== found.pack) continue
        for (const other of table.copies(id)) {
          const bytes = await readAt(id, other).catch(() => undefined)
          if (bytes) return bytes
        }
        // Forgotten, so that the next create stores the bytes again if it still meets them.
        table.forget(id)
        throw corrupt(id, 'is damaged', error)
      }
    }
  }

  /** The copy that is read by preference is tried first, because looking for the others takes long. */
  const isElsewhere = async (id: string, apart: ReadonlySet<string>): Promise<boolean> => {
    const isGood = (at: Location) =>
      !apart.has(at.pack.name) &&
      readAt(id, at).then(
        () => true,
        () => false,
      )
    const first = table.locate(id)
    if (first && (await isGood(first))) return true
    for (const other of table.copies(id)) if (await isGood(other)) return true
    return false
  }

  const isIntact = (id: string): Promise<boolean> =>
    read(id).then(
      () => true,
      () => false,
    )

  async function* check(chosen: () => boolean): AsyncGenerator<CheckedBlock> {
    table.refresh(true)
    for (const pack of [...table.packs()]) {
      for (const [number, held] of byBlock(pack.index).entries()) {
        if (!chosen()) continue
        const whole = await inflate(pack, number).catch(() => undefined)
        // Removed while this went on: what is still needed of it lies elsewhere, or will be missed by who needs it.
        if (!whole && !existsSync(join(directory, `${pack.name}.idx`))) break
        const damaged: string[] = []
        for (const n of held) {
          const { offset, length } = pack.index.places[n] as Place
          const id = pack.index.ids[n] as string
          if (whole && seal.id(whole.subarray(offset, offset + length)) === id) continue
          evict(`${pack.name}/${number}`)
          // It may be there twice, or have been moved to another pack meanwhile.
          if (!(await isIntact(id))) damaged.push(id)
        }
        yield {
          pack: pack.name,
          objects: held.length,
          bytes: pack.index.blocks[number]?.stored ?? 0,
          damaged,
        }
      }
    }
  }

  return {
    idOf: seal.id,
    has: table.has,
    length: (id) => table.locate(id)?.place.length,
    read,
    check,
    refresh: table.refresh,
    writer() {
      const packWriter = createPackWriter(directory, seal)
      let captured = 0
      return {
        ...packWriter,
        captured: () => captured,
        put(bytes, stream) {
          const id = seal.id(bytes)
          const added = !table.has(id) && !packWriter.has(id)
          if (added) packWriter.append(id, bytes, stream)
          if (added && stream === 'content') captured += bytes.length
          return { id, added }
        },
        async commit() {
          for (const pack of await packWriter.commit()) table.add(pack)
        },
      }
    },
    packs: table.packs,
    packOf: (id) => table.locate(id)?.pack.name,
    readBlock,
    isElsewhere,
    size: () => table.packs().reduce((sum, pack) => sum + pack.bytes + pack.indexBytes, 0),
    damaged: table.damaged,
    losses: table.losses,
    close() {
      for (const name of [...open.keys()]) closePack(name)
      cache.clear()
    },
  }
}

/** Numbers of the objects in each block. */
export function byBlock({ blocks, places }: PackIndex): number[][] {
  const held: number[][] = blocks.map(() => [])
  places.forEach(({ block }, n) => void held[block]?.push(n))
  return held
}

function corrupt(id: string, what: string, cause?: unknown) {
  return fail(
    'CORRUPT',
    `A stored object (${id.slice(0, 12)}) ${what}.`,
    'Other snapshots stay usable: restore one of those, or restore the undamaged parts of this one with paths.',
    { cause },
  )
}
