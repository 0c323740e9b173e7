import type { Log } from '../../snapshots/provider.ts'
import type { Expirable } from '../index.ts'
import type { Journals } from './journal.ts'
import type { Roots } from './roots.ts'
import type { StatCache } from './stat-cache.ts'
import type { Store } from './store/store.ts'
import type { Upkeep } from './upkeep.ts'
import type { MetaOptions } from './write-entry.ts'

/** What the parts of the local provider share. */
export interface Engine {
  store: Store
  roots: Roots
  cache: StatCache
  journals: Journals
  clock: () => number
  log: Log
  /** How long a deleted snapshot stays in the trash. */
  trashWindowMs: number
  /** What of the snapshots whose time is over may go. */
  expirable: Expirable
  /** Bytes that the snapshots of one source may bring into the store. */
  maxSourceBytes?: number
  /** How long the store has existed by its own count, in milliseconds. */
  passed: () => number
  upkeep: Upkeep
  meta: MetaOptions
}

/** A safety snapshot can be undone to for this long; it is protected meanwhile. */
export const SAFETY_WINDOW_MS = 7 * 24 * 3600 * 1000

export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
