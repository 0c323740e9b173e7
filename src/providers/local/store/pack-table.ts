import { lstatSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { MalformedBytes } from '../bytes.ts'
import { errno } from '../system-error.ts'
import { createDamageNotes } from './damage-notes.ts'
import { decodeIndex, type PackIndex, type Place } from './pack-index.ts'
import { readPlainFile } from './plain-file.ts'
import { PLACE, type Seal } from './seal.ts'

/** What lies where in a directory of packs, in memory. Creates add packs, gc takes them away: `refresh` follows both. */
export interface PackTable {
  has(id: string): boolean
  /** It is there, and nothing is known against the copy that it is read from. */
  isSound(id: string): boolean
  /** Where an object is read from. */
  locate(id: string): Location | undefined
  /** Every copy of an object, the one that it is read from first: two processes may have stored the same bytes. */
  copies(id: string): Location[]
  packs(): readonly Pack[]
  /** A pack that was just written: what is in it is read from it from now on. */
  add(pack: Pack): void
  /** The object is not there any more, whatever the indexes say: no copy of it is intact. */
  forget(id: string): void
  /** Its copy in one pack is damaged, or is not after all. */
  distrust(pack: string, id: string): void
  trust(pack: string, id: string): void
  /** Lets the other processes of the store know what is damaged. */
  tell(): void
  /** Picks up what other processes did. Without `force` only when the directory has changed since. */
  refresh(force?: boolean): void
  /** Indexes that could not be read, and packs that were cut off, by name. */
  damaged(): readonly string[]
  /** Packs of which nothing is in the table, because their index is damaged. */
  unreadable(): readonly PackFiles[]
  /** Rises whenever an object that was there is not there any more. */
  losses(): number
}

export interface PackFiles {
  name: string
  /** Of the pack, and of its index. */
  bytes: number
  indexBytes: number
}

export interface Pack extends PackFiles {
  index: PackIndex
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

export interface PackTableOptions {
  seal: Seal
  /** The file that says what was found damaged. */
  notes: string
  /** Told of each pack that another process or gc has removed. */
  onGone(pack: Pack): void
}

export function createPackTable(
  directory: string,
  { seal, notes: path, onGone }: PackTableOptions,
): PackTable {
  const notes = createDamageNotes(path)
  /** A pack keeps its number; that of a removed one stays empty. */
  const packs: (Pack | undefined)[] = []
  const numbers = new Map<string, number>()
  const broken = new Map<string, PackFiles>()
  /** Object id -> pack number * 2^26 + entry number: one number an object keeps large stores small in memory. */
  const places = new Map<string, number>()
  /** Further places, of the few objects that have some. */
  const others = new Map<string, number[]>()
  let losses = 0
  let seenMtime = -1

  const present = () => packs.filter((pack) => pack !== undefined)

  const packAt = (place: number) => packs[Math.floor(place / ENTRY_SPAN)] as Pack
  const isNoted = (id: string, place: number) => notes.has(packAt(place).name, id)
  const toLocation = (place: number): Location => {
    const pack = packAt(place)
    return { pack, place: pack.index.places[place % ENTRY_SPAN] as Place }
  }

  const copies = (id: string): Location[] => {
    const first = places.get(id)
    return first === undefined ? [] : [first, ...(others.get(id) ?? [])].map(toLocation)
  }

  const put = (id: string, place: number, isPreferred: boolean) => {
    const present = places.get(id)
    const takesOver = present === undefined || isPreferred || isNoted(id, present)
    if (takesOver) places.set(id, place)
    if (present !== undefined) others.set(id, [...(others.get(id) ?? []), takesOver ? present : place])
  }

  /** The next best place takes over, if there is one. */
  const take = (id: string, place: number) => {
    const rest = others.get(id)?.filter((other) => other !== place) ?? []
    const isRead = places.get(id) === place
    const next = isRead ? rest.shift() : undefined
    if (next !== undefined) places.set(id, next)
    else if (isRead) places.delete(id)
    if (rest.length > 0) others.set(id, rest)
    else others.delete(id)
  }

  const add = (pack: Pack, isPreferred: boolean) => {
    if (numbers.has(pack.name)) return
    const number = packs.push(pack) - 1
    numbers.set(pack.name, number)
    // What is cut off counts as missing, so that a create stores it again instead of relying on it.
    const cut = pack.index.blocks.some(({ offset, stored }) => offset + stored > pack.bytes)
    if (cut) broken.set(pack.name, pack)
    pack.index.ids.forEach((id, n) => {
      if (!cut || isWhole(pack, n)) put(id, number * ENTRY_SPAN + n, isPreferred)
    })
  }

  /** Takes a pack out; what was read from it goes to `lost`. */
  const remove = (name: string, number: number, lost: Set<string>) => {
    const pack = packs[number] as Pack
    pack.index.ids.forEach((id, n) => {
      const place = number * ENTRY_SPAN + n
      if (places.get(id) === place) lost.add(id)
      take(id, place)
    })
    packs[number] = undefined
    numbers.delete(name)
    onGone(pack)
  }

  /** What was found damaged where it is read from is read from elsewhere, if it is there twice. */
  const heed = (id: string) => {
    const place = places.get(id)
    if (place === undefined || !isNoted(id, place)) return
    const better = others.get(id)?.find((other) => !isNoted(id, other))
    if (better === undefined) return
    take(id, better)
    put(id, better, true)
  }

  const load = (name: string): boolean => {
    const path = join(directory, `${name}.idx`)
    try {
      const bytes = readPlainFile(path, MAX_INDEX_BYTES)
      const pack = lstatSync(join(directory, `${name}.pack`))
      const index = decodeIndex(seal.open(bytes, PLACE.index(name)))
      add({ name, index, bytes: pack.size, indexBytes: bytes.length }, false)
      return true
    } catch (error) {
      const there = lstatSync(path, { throwIfNoEntry: false })
      // Too many open files, say, or gc was quicker: it is looked at again next time.
      if (!isDamage(error) || !there) return false
      // One damaged index must not stop the others; what it held is reported missing when it is asked for.
      const pack = lstatSync(join(directory, `${name}.pack`), { throwIfNoEntry: false })
      broken.set(name, { name, bytes: pack?.size ?? 0, indexBytes: there.size })
      return true
    }
  }

  return {
    has: (id) => places.has(id),
    isSound(id) {
      const place = places.get(id)
      return place !== undefined && !isNoted(id, place)
    },
    locate(id) {
      const place = places.get(id)
      return place === undefined ? undefined : toLocation(place)
    },
    copies,
    packs: present,
    add: (pack) => add(pack, true),
    forget(id) {
      for (const { pack } of copies(id)) notes.add(pack.name, id)
      others.delete(id)
      if (places.delete(id)) losses++
    },
    distrust(pack, id) {
      notes.add(pack, id)
      heed(id)
    },
    trust: notes.remove,
    tell: () => notes.save((pack) => numbers.has(pack)),
    refresh(force = false) {
      const mtime = statSync(directory).mtimeMs
      if (mtime === seenMtime && !force) return
      const isTold = notes.refresh()
      const listed = indexNames(directory)
      const lost = new Set<string>()
      for (const [name, number] of numbers) if (!listed.has(name)) remove(name, number, lost)
      for (const name of broken.keys()) if (!listed.has(name)) broken.delete(name)
      let complete = true
      for (const name of listed) {
        if (!numbers.has(name) && !broken.has(name)) complete = load(name) && complete
      }
      if (isTold) for (const { id } of notes.all()) heed(id)
      if (isTold || [...lost].some((id) => !places.has(id))) losses++
      seenMtime = complete ? mtime : -1
    },
    damaged: () => [...broken.keys()],
    unreadable: () => [...broken.values()].filter(({ name }) => !numbers.has(name)),
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
