import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fail } from '../../../snapshots/errors.ts'
import { isShortage, unlessShort } from '../system-error.ts'
import { createBlocks, type WholeBlock } from './blocks.ts'
import type { PackIndex, Place } from './pack-index.ts'
import { createPackTable, type Location, type Pack } from './pack-table.ts'
import { createPackWriter, type PackWriter } from './pack-writer.ts'
import type { Seal } from './seal.ts'

/** Content-addressed storage: bytes in, id out, kept once whoever asks. */
export interface ObjectStore {
  /** The id of these bytes, stored or not. */
  idOf(bytes: Uint8Array): string
  has(id: string): boolean
  /** It is there, and nobody has found it damaged: what a create may rely on. */
  isSound(id: string): boolean
  /** Length in bytes as the indexes have it; undefined when the object is missing. */
  length(id: string): number | undefined
  /** The bytes, checked against the id. CORRUPT when they are missing or differ. */
  read(id: string): Promise<Buffer>
  /** Picks up what other processes committed. Cheap when nothing changed. */
  refresh(force?: boolean): void
  /** Forgets what was read and written, so that the next reading comes from the disk. */
  unread(): void
  writer(): ObjectWriter
  /**
   * Reads the blocks of all packs that `chosen` says yes to, each once. What is damaged is forgotten, as by `read`, and
   * noted for the other processes of the store.
   */
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
  /** Indexes that could not be read, and packs that were cut off, by name: objects of theirs are missing. */
  damaged(): readonly string[]
  /** Names of packs of which nothing can be found, because their index is damaged. */
  unreadable(): string[]
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

export interface ObjectWriter extends PackWriter {
  /** The id of the bytes, stored if nobody has them yet. */
  put(bytes: Uint8Array, stream: 'tree' | 'content'): { id: string; added: boolean }
  /** Bytes of the contents that were new, before they were compressed. */
  captured(): number
}

export function createObjectStore(
  directory: string,
  { seal, notes }: { seal: Seal; notes: string },
): ObjectStore {
  const blocks = createBlocks(directory, seal)
  const table = createPackTable(directory, { seal, notes, onGone: (pack) => blocks.release(pack.name) })

  const readAt = async (id: string, { pack, place }: Location): Promise<Buffer> => {
    const whole = await blocks.read(pack, place.block)
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
        if (isShortage(error)) throw error
        // It may have been moved to another pack since the indexes were read.
        table.refresh(true)
        if (table.locate(id)?.pack !== found.pack) continue
        table.distrust(found.pack.name, id)
        const other = await intactCopy(id, new Set([found.pack.name]))
        if (other) return other
        // The next create stores the bytes again if it still meets them.
        table.forget(id)
        throw corrupt(id, 'is damaged', error)
      }
    }
  }

  /** The bytes as a pack outside of these has them. */
  const intactCopy = async (id: string, apart: ReadonlySet<string>): Promise<Buffer | undefined> => {
    for (const copy of table.copies(id)) {
      if (apart.has(copy.pack.name)) continue
      const bytes = await readAt(id, copy).catch(unlessShort)
      if (bytes) return bytes
    }
    return undefined
  }

  const isElsewhere = async (id: string, apart: ReadonlySet<string>): Promise<boolean> =>
    (await intactCopy(id, apart)) !== undefined

  async function* check(chosen: () => boolean): AsyncGenerator<CheckedBlock> {
    table.refresh(true)
    for (const pack of [...table.packs()]) {
      for (const [number, held] of byBlock(pack.index).entries()) {
        if (!chosen()) continue
        const whole = await blocks.readAnew(pack, number).catch(unlessShort)
        // Removed while this went on: what is still needed of it lies elsewhere, or will be missed by who needs it.
        if (!whole && !existsSync(join(directory, `${pack.name}.idx`))) break
        yield {
          pack: pack.name,
          objects: held.length,
          bytes: pack.index.blocks[number]?.stored ?? 0,
          damaged: await damagedIn(pack, number, held, whole?.whole),
        }
      }
    }
    table.tell()
  }

  /** Those objects of a block of which no intact copy is left. `whole` is the block, if it can be read at all. */
  const damagedIn = async (
    pack: Pack,
    number: number,
    held: readonly number[],
    whole: Buffer | undefined,
  ): Promise<string[]> => {
    const bad: string[] = []
    for (const n of held) {
      const { offset, length } = pack.index.places[n] as Place
      const id = pack.index.ids[n] as string
      if (whole && seal.id(whole.subarray(offset, offset + length)) === id) table.trust(pack.name, id)
      else bad.push(id)
    }
    if (bad.length === 0) return []
    blocks.drop(pack, number)
    // They may have been moved to another pack meanwhile.
    table.refresh(true)
    const lost: string[] = []
    for (const id of bad) {
      table.distrust(pack.name, id)
      if (await isElsewhere(id, new Set([pack.name]))) continue
      table.forget(id)
      lost.push(id)
    }
    return lost
  }

  return {
    idOf: seal.id,
    has: table.has,
    isSound: table.isSound,
    length: (id) => table.locate(id)?.place.length,
    read,
    check,
    refresh: table.refresh,
    unread: blocks.dropAll,
    writer() {
      const packWriter = createPackWriter(directory, seal, blocks.keep)
      let captured = 0
      return {
        ...packWriter,
        captured: () => captured,
        put(bytes, stream) {
          const id = seal.id(bytes)
          const added = !table.isSound(id) && !packWriter.has(id)
          if (added) packWriter.append(id, bytes, stream)
          if (added && stream === 'content') captured += bytes.length
          return { id, added }
        },
        async commit() {
          const packs = await packWriter.commit()
          for (const pack of packs) table.add(pack)
          return packs
        },
      }
    },
    packs: table.packs,
    packOf: (id) => table.locate(id)?.pack.name,
    readBlock: blocks.readAnew,
    isElsewhere,
    size: () =>
      [...table.packs(), ...table.unreadable()].reduce((sum, pack) => sum + pack.bytes + pack.indexBytes, 0),
    damaged: table.damaged,
    unreadable: () => table.unreadable().map(({ name }) => name),
    losses: table.losses,
    close() {
      table.tell()
      blocks.close()
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
