import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fail } from '../../../snapshots/errors.ts'
import { MalformedBytes } from '../bytes.ts'
import { objectId } from '../object-id.ts'
import { errno } from '../system-error.ts'
import { decompress } from './codec.ts'
import { decodeIndex, type PackIndex, type Place } from './pack-index.ts'
import { createPackWriter, type PackWriter } from './pack-writer.ts'

/** Content-addressed storage: bytes in, SHA-256 out, kept once whoever asks. */
export interface ObjectStore {
  has(id: string): boolean
  /** The bytes, checked against the id. CORRUPT when they are missing or differ. */
  read(id: string): Promise<Buffer>
  /** Picks up what other processes committed. Cheap when nothing changed. */
  refresh(force?: boolean): void
  writer(): ObjectWriter
  /** Bytes of all packs and their indexes on disk. */
  size(): number
  /** Indexes that could not be read, by name: their objects are missing. */
  damaged(): readonly string[]
  close(): void
}

export interface ObjectWriter extends Omit<PackWriter, 'append' | 'commit'> {
  /** The id of the bytes, stored if nobody has them yet. */
  put(bytes: Uint8Array, stream: 'tree' | 'content'): { id: string; added: boolean }
  commit(): Promise<void>
}

interface Pack {
  name: string
  index: PackIndex
  fd?: number
  bytes: number
}

interface Location {
  pack: Pack
  place: Place
}

/** Inflated blocks kept for the next objects of the same block. */
const CACHE_BYTES = 32 * 1024 * 1024
/** Blocks inflated ahead of a reader. */
const PREFETCH = 4
/** Packs whose file stays open. */
const MAX_OPEN = 64

export function createObjectStore(directory: string): ObjectStore {
  const packs: Pack[] = []
  const known = new Set<string>()
  const broken: string[] = []
  /** Object id -> pack number * 2^26 + entry number: one number an object keeps large stores small in memory. */
  const places = new Map<string, number>()
  const ENTRY_SPAN = 2 ** 26
  const cache = new Map<string, { block: Promise<Buffer>; bytes: number }>()
  let cachedBytes = 0
  let seenMtime = -1
  let last: { pack: Pack; block: number } | undefined

  const add = (name: string, index: PackIndex, packBytes: number, bytes: number) => {
    if (known.has(name)) return
    known.add(name)
    const base = (packs.push({ name, index, bytes }) - 1) * ENTRY_SPAN
    const whole = index.blocks.map((block) => block.offset + block.stored <= packBytes)
    index.ids.forEach((id, n) => {
      if (!places.has(id) && whole[(index.places[n] as Place).block]) places.set(id, base + n)
    })
    // What is cut off counts as missing, so that a create stores it again instead of relying on it.
    if (whole.includes(false)) broken.push(name)
  }

  const refresh = (force = false) => {
    const mtime = statSync(directory).mtimeMs
    if (mtime === seenMtime && !force) return
    let complete = true
    for (const file of readdirSync(directory)) {
      const name = file.endsWith('.idx') ? file.slice(0, -4) : undefined
      if (!name || known.has(name)) continue
      try {
        const bytes = readFileSync(join(directory, file))
        const pack = statSync(join(directory, `${name}.pack`))
        add(name, decodeIndex(bytes), pack.size, bytes.length + pack.size)
      } catch (error) {
        if (!isDamage(error)) {
          // Too many open files, say: it is looked at again next time.
          complete = false
          continue
        }
        // One damaged index must not stop the others; what it held is reported missing when it is asked for.
        known.add(name)
        broken.push(name)
      }
    }
    seenMtime = complete ? mtime : -1
  }

  const locate = (id: string): Location | undefined => {
    const place = places.get(id)
    if (place === undefined) return undefined
    const pack = packs[Math.floor(place / ENTRY_SPAN)] as Pack
    return { pack, place: pack.index.places[place % ENTRY_SPAN] as Place }
  }

  /** Every copy of an object: two processes may have stored the same bytes. */
  const copies = function* (id: string): Iterable<Location> {
    for (const pack of packs) {
      const n = pack.index.ids.indexOf(id)
      if (n >= 0) yield { pack, place: pack.index.places[n] as Place }
    }
  }

  const handle = (pack: Pack): number => {
    if (pack.fd !== undefined) return pack.fd
    const open = packs.filter((other) => other.fd !== undefined)
    if (open.length >= MAX_OPEN) for (const other of open.slice(0, MAX_OPEN / 2)) closePack(other)
    pack.fd = openSync(join(directory, `${pack.name}.pack`), 'r')
    return pack.fd
  }

  const closePack = (pack: Pack) => {
    if (pack.fd !== undefined) closeSync(pack.fd)
    delete pack.fd
  }

  const inflate = async (pack: Pack, number: number): Promise<Buffer> => {
    const { offset, stored, size, codec } = pack.index.blocks[number] as PackIndex['blocks'][number]
    const bytes = Buffer.allocUnsafe(stored)
    if (readSync(handle(pack), bytes, 0, stored, offset) !== stored) throw new Error('pack ends early')
    return decompress(codec, bytes, size)
  }

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
    for (let ahead = 1; ahead <= PREFETCH && from + ahead < pack.index.blocks.length; ahead++) {
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
    if (objectId(bytes) !== id) throw new Error('hash differs')
    return bytes
  }

  const read = async (id: string): Promise<Buffer> => {
    if (!places.has(id)) refresh(true)
    const found = locate(id)
    if (!found) throw corrupt(id, 'is missing')
    try {
      return await readAt(id, found)
    } catch (error) {
      for (const other of copies(id)) {
        const bytes = await readAt(id, other).catch(() => undefined)
        if (bytes) return bytes
      }
      // Forgotten, so that the next create stores the bytes again if it still meets them.
      places.delete(id)
      throw corrupt(id, 'is damaged', error)
    }
  }

  return {
    has: (id) => places.has(id),
    read,
    refresh,
    writer() {
      const packWriter = createPackWriter(directory)
      return {
        ...packWriter,
        put(bytes, stream) {
          const id = objectId(bytes)
          const added = !places.has(id) && !packWriter.has(id)
          if (added) packWriter.append(id, bytes, stream)
          return { id, added }
        },
        async commit() {
          for (const pack of await packWriter.commit())
            add(pack.name, pack.index, pack.bytes, pack.bytes + pack.indexBytes)
        },
      }
    },
    size: () => packs.reduce((sum, pack) => sum + pack.bytes, 0),
    damaged: () => broken,
    close() {
      packs.forEach(closePack)
      cache.clear()
    },
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof MalformedBytes || error instanceof RangeError || errno(error) === 'ENOENT'
}

function corrupt(id: string, what: string, cause?: unknown) {
  return fail(
    'CORRUPT',
    `A stored object (${id.slice(0, 12)}) ${what}.`,
    'Other snapshots stay usable: restore one of those, or restore the undamaged parts of this one with paths.',
    { cause },
  )
}
