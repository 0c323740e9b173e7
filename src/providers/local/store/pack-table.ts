import { existsSync, lstatSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { MalformedBytes } from '../bytes.ts'
import { errno } from '../system-error.ts'
import { decodeIndex, type PackIndex, type Place } from './pack-index.ts'
import { readPlainFile } from './plain-file.ts'
import { PLACE, type Seal } from './seal.ts'

/** What lies where in a directory of packs, in memory. Creates add packs, gc takes them away: `refresh` follows both. */
export interface PackTable {
  has(id: string): boolean
  /** Where an object is read from. */
  locate(id: string): Location | undefined
  /** Every copy of an object: two processes may have stored the same bytes. */
  copies(id: string): Iterable<Location>
  packs(): readonly Pack[]
  add(pack: Pack): void
  /** The object is not there any more, whatever the indexes say. */
  forget(id: string): void
  /** Picks up what other processes did. Without `force` only when the directory has changed since. */
  refresh(force?: boolean): void
  /** Indexes that could not be read, and packs that were cut off, by name. */
  damaged(): readonly string[]
  /** Rises whenever an object that was there is not there any more. */
  losses(): number
}

export interface Pack {
  name: string
  index: PackIndex
  /** Of the pack, and of its index. */
  bytes: number
  indexBytes: number
}

export interface Location {
  pack: Pack
  place: Place
}

/** Far more than the index of a full pack of empty objects has. */
const MAX_INDEX_BYTES = 512 * 1024 * 1024
const ENTRY_SPAN = 2 ** 26
/** A listing that others write to meanwhile may miss what was there before and after: it is read again. */
const LISTINGS = 10

/** `onGone` is told of each pack that another process or gc has removed. */
export function createPackTable(directory: string, seal: Seal, onGone: (pack: Pack) => void): PackTable {
  /** A pack keeps its number; that of a removed one stays empty. */
  const packs: (Pack | undefined)[] = []
  const numbers = new Map<string, number>()
  const broken = new Set<string>()
  /** Object id -> pack number * 2^26 + entry number: one number an object keeps large stores small in memory. */
  const places = new Map<string, number>()
  let losses = 0
  let seenMtime = -1

  const present = () => packs.filter((pack) => pack !== undefined)

  const add = (pack: Pack) => {
    if (numbers.has(pack.name)) return
    const number = packs.push(pack) - 1
    numbers.set(pack.name, number)
    // What is cut off counts as missing, so that a create stores it again instead of relying on it.
    const cut = pack.index.blocks.some(({ offset, stored }) => offset + stored > pack.bytes)
    if (cut) broken.add(pack.name)
    pack.index.ids.forEach((id, n) => {
      if (!places.has(id) && (!cut || isWhole(pack, n))) places.set(id, number * ENTRY_SPAN + n)
    })
  }

  /** Takes a pack out; what was read from it goes to `lost`. */
  const remove = (name: string, number: number, lost: Set<string>) => {
    const pack = packs[number] as Pack
    const first = number * ENTRY_SPAN
    pack.index.ids.forEach((id, n) => {
      if (places.get(id) !== first + n) return
      places.delete(id)
      lost.add(id)
    })
    packs[number] = undefined
    numbers.delete(name)
    onGone(pack)
  }

  /** Finds what is left elsewhere of what was lost with a pack. */
  const recover = (lost: Set<string>) => {
    packs.forEach((pack, number) => {
      if (!pack || lost.size === 0) return
      pack.index.ids.forEach((id, n) => {
        if (lost.has(id) && isWhole(pack, n) && lost.delete(id)) places.set(id, number * ENTRY_SPAN + n)
      })
    })
    if (lost.size > 0) losses++
  }

  const load = (name: string): boolean => {
    const path = join(directory, `${name}.idx`)
    try {
      const bytes = readPlainFile(path, MAX_INDEX_BYTES)
      const pack = lstatSync(join(directory, `${name}.pack`))
      const index = decodeIndex(seal.open(bytes, PLACE.index(name)))
      add({ name, index, bytes: pack.size, indexBytes: bytes.length })
      return true
    } catch (error) {
      // Too many open files, say, or gc was quicker: it is looked at again next time.
      if (!isDamage(error) || !existsSync(path)) return false
      // One damaged index must not stop the others; what it held is reported missing when it is asked for.
      broken.add(name)
      return true
    }
  }

  return {
    has: (id) => places.has(id),
    locate(id) {
      const at = places.get(id)
      if (at === undefined) return undefined
      const pack = packs[Math.floor(at / ENTRY_SPAN)] as Pack
      return { pack, place: pack.index.places[at % ENTRY_SPAN] as Place }
    },
    *copies(id) {
      for (const pack of present()) {
        const n = pack.index.ids.indexOf(id)
        if (n >= 0) yield { pack, place: pack.index.places[n] as Place }
      }
    },
    packs: present,
    add,
    forget(id) {
      if (places.delete(id)) losses++
    },
    refresh(force = false) {
      const mtime = statSync(directory).mtimeMs
      if (mtime === seenMtime && !force) return
      const listed = indexNames(directory)
      const lost = new Set<string>()
      for (const [name, number] of numbers) if (!listed.has(name)) remove(name, number, lost)
      for (const name of broken) if (!listed.has(name)) broken.delete(name)
      let complete = true
      for (const name of listed) {
        if (!numbers.has(name) && !broken.has(name)) complete = load(name) && complete
      }
      if (lost.size > 0) recover(lost)
      seenMtime = complete ? mtime : -1
    },
    damaged: () => [...broken],
    losses: () => losses,
  }
}

function indexNames(directory: string): Set<string> {
  for (let tries = 1; ; tries++) {
    const before = statSync(directory).mtimeMs
    const files = readdirSync(directory)
    if (statSync(directory).mtimeMs !== before && tries < LISTINGS) continue
    return new Set(files.filter((file) => file.endsWith('.idx')).map((file) => file.slice(0, -4)))
  }
}

function isWhole({ index, bytes }: Pack, n: number): boolean {
  const { offset, stored } = index.blocks[(index.places[n] as Place).block] as PackIndex['blocks'][number]
  return offset + stored <= bytes
}

function isDamage(error: unknown): boolean {
  return error instanceof MalformedBytes || error instanceof RangeError || errno(error) === 'ENOENT'
}
