import { statfsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pause } from '../pause.ts'
import { isDiskFull } from '../system-error.ts'
import type { Lease, Leases } from './leases.ts'
import type { ManifestStore } from './manifests.ts'
import { createMark, type Mark } from './mark.ts'
import type { ObjectStore } from './objects.ts'
import type { Pack, PackFiles } from './pack-table.ts'
import { copyLive, DamagedPack } from './repack.ts'
import { removeDrafts, removePacks, withoutIndex } from './unfinished.ts'

/** A pack is rewritten when this share of it or more is dead: by itself, and when somebody asks for all that can be. */
export const SHARE = { usual: 0.4, all: 0.1 } as const

/** Packs are rewritten together up to this much, so that small ones become one. A larger one has a turn of its own. */
const TURN_BYTES = 32 * 1024 * 1024
/** What a rewritten pack may exceed its estimate by, and its index may need. */
const SLACK_BYTES = 1024 * 1024

export interface Collected {
  /** Bytes of the packs and indexes that are gone, less those written instead. */
  freed: number
  /**
   * Why there may be more: a create was at work, the disk has no room for a copy of a pack, or something that is needed
   * is damaged in a pack.
   */
  left?: 'busy' | 'no_room' | 'damaged'
}

export interface CollectOptions {
  /** Between 0 and 1, see SHARE. */
  share: number
  pause: Pause
  /** Waits for creates, and makes them wait. Otherwise the end comes as soon as there is one. */
  insist: boolean
  /** Bytes free on the disk. */
  room?: () => number
}

export interface Collectable {
  directory: string
  objects: ObjectStore
  manifests: ManifestStore
  leases: Leases
}

/**
 * Frees what no snapshot needs, those in the trash included. It has the store alone for short turns only: in each it
 * looks at the snapshots that came meanwhile, and rewrites a few packs. Killed at any point, everything that was needed
 * is still there, at worst twice. CORRUPT, and nothing is freed, when a snapshot cannot be read.
 */
export async function collect(store: Collectable, options: CollectOptions): Promise<Collected> {
  const mark = createMark(store)
  const result: Collected = { freed: 0 }
  const apart = new Set<string>()
  store.objects.refresh(true)
  // The long walk is made without the store to oneself.
  await mark.update(options.pause)
  for (let more = true; more; ) {
    const turn = options.insist ? await insistOnTurn(store.leases, options.pause) : store.leases.exclude()
    if (!turn) return { ...result, left: 'busy' }
    try {
      more = await sweep(store, mark, { ...options, pause: givingWay(turn, options), turn, apart, result })
    } catch (error) {
      if (error instanceof GaveWay) return { ...result, left: 'busy' }
      throw error
    } finally {
      turn.release()
    }
    await options.pause.take()
  }
  return result
}

/** Bytes that `collect` would free, if the snapshots of `except` were gone. CORRUPT as it. */
export async function estimate(
  { objects, manifests }: Collectable,
  { share, pause, except }: Pick<CollectOptions, 'share' | 'pause'> & { except: ReadonlySet<string> },
): Promise<number> {
  objects.refresh(true)
  const mark = createMark({ objects, manifests, except })
  await mark.update(pause)
  return objects
    .packs()
    .map((pack) => weigh(pack, mark, objects))
    .reduce((sum, weighed) => sum + (shareOf(weighed) >= share ? weighed.dead : 0), 0)
}

/** A create is waiting. */
class GaveWay extends Error {}

const TURN_WAIT_MS = 50

/** Waits until nobody else has the store. */
export async function insistOnTurn(leases: Leases, pause: Pause): Promise<Lease> {
  for (;;) {
    const turn = leases.exclude()
    if (turn) return turn
    await sleep(TURN_WAIT_MS)
    await pause.take()
  }
}

function givingWay(turn: Lease, { pause, insist }: CollectOptions): Pause {
  if (insist) return pause
  return {
    due: pause.due,
    async take() {
      if (turn.wanted()) throw new GaveWay()
      await pause.take()
    },
  }
}

interface Sweep extends CollectOptions {
  turn: Lease
  /** Packs that are left as they are: those that cannot be copied, and the copies. */
  apart: Set<string>
  result: Collected
}

/** One turn. True when another one may free more. */
async function sweep(store: Collectable, mark: Mark, options: Sweep): Promise<boolean> {
  const { objects, manifests, directory } = store
  const { share, pause, turn, apart, result } = options
  const packs = join(directory, 'packs')
  objects.refresh(true)
  await mark.update(pause)
  turn.check()
  manifests.sweepDetails()
  removeDrafts(directory)
  const unusable = [...withoutIndex(packs), ...objects.unreadable()]
  // What is missing may be in one of these, and come back with its index.
  if (unusable.length > 0 && !mark.isWhole()) result.left = 'damaged'
  else result.freed += removePacks(packs, unusable)

  const weighed = objects.packs().map((pack) => weigh(pack, mark, objects))
  const unneeded = weighed.filter(({ needed }) => !needed).map(({ pack }) => pack.name)
  result.freed += removePacks(packs, unneeded)
  const victims = weighed
    .filter(({ needed, pack }) => needed && !apart.has(pack.name))
    .filter((weighed) => shareOf(weighed) >= share)
    .sort((a, b) => shareOf(b) - shareOf(a))
  const group = choose(victims, options.room?.() ?? roomIn(directory))
  if (group.length === 0) {
    if (victims.length > 0) result.left = 'no_room'
    objects.refresh(true)
    return false
  }
  try {
    const written = await rewrite(objects, group, mark, pause, turn)
    for (const { name, bytes, indexBytes } of written) {
      apart.add(name)
      result.freed -= bytes + indexBytes
    }
    result.freed += removePacks(
      packs,
      group.map(({ name }) => name),
    )
    return victims.length > group.length
  } catch (error) {
    if (error instanceof DamagedPack) {
      apart.add(error.pack)
      result.left = 'damaged'
      return true
    }
    if (!isDiskFull(error)) throw error
    result.left = 'no_room'
    return false
  } finally {
    objects.refresh(true)
  }
}

interface Weighed {
  pack: Pack
  /** Bytes, its share of the index included. */
  live: number
  dead: number
  /** Holds something that is live, though it may be read from another pack. */
  needed: boolean
}

const shareOf = ({ dead, live }: Weighed) => dead / (dead + live)

/** What a pack would lose if only what is live and read from it stayed. */
function weigh(pack: Pack, mark: Mark, objects: ObjectStore): Weighed {
  const { blocks, ids, places } = pack.index
  const used = new Float64Array(blocks.length)
  let needed = false
  let entries = 0
  ids.forEach((id, n) => {
    if (!mark.isLive(id)) return
    needed = true
    if ((objects.packOf(id) ?? pack.name) !== pack.name) return
    const { block, length } = places[n] as (typeof places)[number]
    used[block] = (used[block] as number) + length
    entries++
  })
  const packed = blocks.reduce((sum, { stored, size }, n) => {
    return sum + stored * (size === 0 ? 1 : Math.min(1, (used[n] as number) / size))
  }, 0)
  const stored = blocks.reduce((sum, block) => sum + block.stored, 0)
  const indexed = ids.length === 0 ? 0 : (pack.indexBytes * entries) / ids.length
  const live = packed + indexed
  return { pack, live, dead: stored + pack.indexBytes - live, needed }
}

/** The first ones that go into a turn, and whose copies the disk has room for. */
function choose(victims: readonly Weighed[], room: number): Pack[] {
  const group: Pack[] = []
  let bytes = 0
  for (const { pack, live } of victims) {
    if (bytes + live + SLACK_BYTES > room || (group.length > 0 && bytes + live > TURN_BYTES)) continue
    bytes += live
    group.push(pack)
  }
  return group
}

function roomIn(directory: string): number {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize
}

/** Returns the packs written. They are durable when it returns, so what they replace may go. */
async function rewrite(
  objects: ObjectStore,
  packs: readonly Pack[],
  mark: Mark,
  pause: Pause,
  turn: Lease,
): Promise<PackFiles[]> {
  const writer = await copyLive(objects, packs, mark, pause)
  try {
    turn.check()
    const written = await writer.commit()
    turn.check()
    return written
  } catch (error) {
    await writer.abort()
    throw error
  }
}
