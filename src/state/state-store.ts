/**
 * Where plans, operations, idempotency keys, counters and locks live. One primitive, compare-and-set on small JSON records,
 * carries everything, so that a file system and a shared engine can both fill it.
 */
export type Kind = 'plan' | 'operation' | 'idempotency' | 'approval' | 'counter' | 'lock'

export interface Versioned<T = unknown> {
  value: T
  /** 1 for the first write, then rising by one. */
  version: number
}

export interface StateStore {
  /** The newest version, or undefined. Ids are `[A-Za-z0-9_-]{1,128}`. Throws CORRUPT when it cannot be understood. */
  read(kind: Kind, id: string): Promise<Versioned | undefined>
  /**
   * Writes `value` as version `after + 1`, durably, if `after` is still the newest version (0: the record must not
   * exist). Returns the new version, or undefined when somebody else was first.
   */
  write(kind: Kind, id: string, value: unknown, after: number): Promise<number | undefined>
  /** Leaves out what cannot be understood: one damaged record must not hide the others. */
  list(kind: Kind): Promise<({ id: string } & Versioned)[]>
  remove(kind: Kind, id: string): Promise<void>
  /** Removes the records of a kind that were last written before this time (ms), but no lock that is held. Returns how many. */
  retire(kind: Kind, before: number): Promise<number>
  /**
   * Takes a named lock, waiting up to `wait_ms`; BUSY afterwards. Survives crashes: a lock whose holder is dead, or
   * gave no sign of life for a minute where that cannot be told, is taken over. Not re-entrant.
   */
  lock(name: string, options?: { wait_ms?: number; signal?: AbortSignal }): Promise<Lock>
}

export interface Lock {
  /** False when the lock was taken over. To be asked once more right before what must not happen then. */
  held(): Promise<boolean>
  /** Where it fails, it is tried again every few seconds. */
  release(): Promise<void>
}
