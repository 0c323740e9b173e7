import type { ShownPath, Snapshot } from './model.ts'

/** What the operator's commands `verify` and `purge` ask of a provider. No tool leads here. */

export interface VerifyRequest {
  /** Share of the content to read, over 0 and up to 1; absent means all of it. What says where it is, is always read. */
  sample?: number
}

export interface VerifyResult {
  /** What was read; bytes as stored. */
  checked: { snapshots: number; packs: number; objects: number; bytes: number }
  sampled?: number
  damaged: Damage[]
  /** How many more there are that are not listed. */
  omitted?: number
  /** Every snapshot that has lost something, also to what is not listed. */
  affected: SnapshotRef[]
}

/** Something that cannot be read as it was written. */
export interface Damage {
  /** In the provider's words, such as `manifest` or `content`. */
  what: string
  /** Of the damaged thing itself. */
  id: string
  /** Which need it. */
  snapshots: SnapshotRef[]
  /** Where it belongs in them; the first ones when they are many. */
  paths?: ShownPath[]
}

export interface PurgeRequest {
  /** Also what can still be taken out of the trash. */
  all: boolean
}

export interface PurgePlan {
  request: PurgeRequest
  snapshots: Snapshot[]
  /** How many others stay in the trash: their undo window is open, or they are protected. */
  kept: number
  /** What the store occupies, and about how much of it would come back. */
  used_bytes: number
  expected_bytes: number
  /** Why no space can be given back. */
  problem?: { message: string; hint: string }
}

export interface PurgeResult {
  /** Native ids. */
  deleted: string[]
  freed_bytes: number
  used_bytes: number
  /** Why there may be more to give back, and what to do about it. */
  left?: string
}

export interface SnapshotRef {
  id: string
  name: string
}
