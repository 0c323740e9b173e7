import { lstatSync, lutimesSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SnapshotError } from '../../snapshots/errors.ts'
import type { Context, Log } from '../../snapshots/provider.ts'
import type { Expirable } from '../index.ts'
import { createPause, type Pause } from './pause.ts'
import { dropEnded } from './purge.ts'
import { type Collected, collect, SHARE } from './store/gc.ts'
import { replaceFile } from './store/plain-file.ts'
import type { Store } from './store/store.ts'

/** Gives space back by itself: what has left the trash's window, and what no snapshot needs. */
export interface Upkeep {
  /** Starts a pass in the background if one is due. Creates go first: it ends as soon as there is one. */
  afterCreate(): void
  /** Frees what it can at once. False when that was nothing. */
  makeRoom(ctx: Context): Promise<boolean>
  /** Stops what runs in the background. */
  close(): Promise<void>
}

export interface UpkeepOptions {
  store: Store
  clock: () => number
  log: Log
  /** The store's own count of time, in milliseconds. */
  passed: () => number
  expirable: Expirable
  maxBytes?: number
}

const HOUR = 3_600_000
const EVERY_MS = 24 * HOUR
/** A store that is fuller than this share of its limit is looked after more often. */
const NEARLY_FULL = 0.9
const OFTEN_MS = HOUR
/** After a pass that had to give way. */
const AGAIN_MS = 10 * 60_000
/** The call that made the snapshot, and the one after it, come first. */
const START_AFTER_MS = 1000

export function createUpkeep({ store, clock, log, passed, expirable, maxBytes }: UpkeepOptions): Upkeep {
  const stamp = createStamp(join(store.directory, 'cache', 'gc'), clock)
  const closing = new AbortController()
  let running: Promise<void> | undefined
  /** What the store looked like when there was nothing to free. */
  let barren: string | undefined

  const drop = () => dropEnded(store, { clock, passed, log, expirable })
  const free = (share: number, pause: Pause): Promise<Collected> =>
    collect(store, { share, pause, insist: false })

  const isDue = () => {
    const age = stamp.age()
    const isNearlyFull = maxBytes !== undefined && store.objects.size() > maxBytes * NEARLY_FULL
    return age > EVERY_MS || (isNearlyFull && age > OFTEN_MS)
  }

  const inBackground = async () => {
    await sleep(START_AFTER_MS, undefined, { ref: false, signal: closing.signal })
    stamp.set(0)
    drop()
    const collected = await free(SHARE.usual, gentlePause(closing.signal))
    if (collected.left === 'busy') stamp.set(EVERY_MS - AGAIN_MS)
    log.info('freed space of the store', { ...collected })
  }

  const look = () => {
    const { stored } = store.manifests.list()
    return [store.objects.size(), ...stored.map(({ id, trashed }) => `${id}${trashed}`)].join(' ')
  }

  return {
    afterCreate() {
      if (running || closing.signal.aborted) return
      try {
        if (!isDue()) return
      } catch (error) {
        // The snapshot is made, and stays so.
        return log.warn('it cannot be told when space was last freed', { error })
      }
      running = inBackground()
        .catch((error) => {
          if (!closing.signal.aborted) log.warn('the space of the store was not freed', { error })
        })
        .finally(() => {
          running = undefined
        })
    },
    async makeRoom(ctx) {
      try {
        drop()
        if (look() === barren) return false
        const { freed, left } = await free(SHARE.all, createPause(ctx))
        if (freed <= 0 && left !== 'busy') barren = look()
        log.info('freed space of the store for a snapshot', { freed, left })
        return freed > 0
      } catch (error) {
        // Why there is no room is what the caller has to know; the rest is for the operator.
        if (error instanceof SnapshotError && error.code === 'CANCELLED') throw error
        log.warn('the space of the store was not freed', { error })
        return false
      }
    },
    async close() {
      closing.abort()
      await running
    },
  }
}

/** When the last pass began, as the modification time of a file: every process of the store sees it. */
function createStamp(path: string, clock: () => number) {
  const set = (age: number) => {
    const seconds = (clock() - age) / 1000
    replaceFile(path, '')
    lutimesSync(path, seconds, seconds)
  }
  return {
    set,
    /** In milliseconds. A new store needs no pass at once; a stamp from the future, or a link, is as good as none. */
    age(): number {
      const stamp = lstatSync(path, { throwIfNoEntry: false })
      const at = stamp?.isFile() ? stamp.mtimeMs : undefined
      if (at === undefined || at > clock() + HOUR) set(0)
      return at === undefined ? 0 : clock() - at
    },
  }
}

const SLICE_MS = 12

/** Works half of the time at most, so that calls find the server idle. */
function gentlePause(signal: AbortSignal): Pause {
  let last = performance.now()
  return {
    due: () => performance.now() - last > SLICE_MS,
    async take() {
      await sleep(SLICE_MS, undefined, { ref: false, signal })
      last = performance.now()
    },
  }
}
