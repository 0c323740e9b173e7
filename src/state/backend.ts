import type { StateStore } from './state-store.ts'

/** Where the state of a server lives, with everything that several servers on the same state share. */
export interface Backend {
  /** Servers on other machines can share it. */
  readonly shared: boolean
  /** The records of a tenant; without one, those of the server itself. Nothing of one can be seen from another. */
  store(tenant?: string): StateStore
  /** What changes for a tenant, at whatever server. */
  changes(tenant?: string): Changes
  /** 32 bytes that every server on this state knows, made on first use, for what clients carry between calls. */
  key(tenant?: string): Promise<Uint8Array>
  /**
   * Counts one request of `who` now, if there have been fewer than `most` in the minute before. Milliseconds to wait
   * otherwise. Never fails: where what is shared cannot be reached, this server counts for itself.
   */
  admit(who: string, most: number): Promise<number>
  /** Rejects when nothing could be written just now. */
  check(): Promise<void>
  close(): Promise<void>
}

/** Tells who listens, at whatever server, what happened. What is told while nobody can be reached is lost. */
export interface Changes {
  publish(change: Change): void
  /** Returns how to stop it. */
  subscribe(listener: (change: Change) => void): () => void
}

export interface Change {
  /** Snapshots that came, went or changed: their ids, `provider:native`. */
  snapshots?: readonly string[] | undefined
  /** A call that its client does not want any more, by a name that only that client can know. */
  cancelled?: string | undefined
}
