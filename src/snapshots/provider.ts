import type { Interrupted, RecoveryHands } from './interrupted.ts'
import type {
  Capture,
  Change,
  Changed,
  DiffSummary,
  Labels,
  PathRef,
  Receipt,
  RestoreMode,
  Snapshot,
  Source,
  SourceItem,
  Verified,
} from './model.ts'
import type { PurgePlan, PurgeRequest, PurgeResult, VerifyRequest, VerifyResult } from './upkeep.ts'

/**
 * What an adapter to one system must do. Plain objects and functions, no base class. A provider knows no tool, no
 * protocol and no guard: it is handed validated requests and either does them or throws a SnapshotError.
 * Optional methods are capabilities; an absent one becomes a typed UNSUPPORTED at the service.
 */
export interface Provider {
  readonly name: string
  /** Version of this contract. */
  readonly contract: 1
  /** Stands for the account it works in, where there may be several: what was begun in one is not looked for in another. */
  readonly account?: string
  readonly capabilities: Capabilities
  /** The source meant by what the caller wrote (`kind:id`, or the bare id, or nothing), or an error. Touches nothing. */
  resolveSource(text: string | undefined, ctx: Context): Promise<Source>
  /** What can be captured here. */
  sources(query: SourceQuery, ctx: Context): Promise<Page<SourceItem>>
  /** What a create would do to its source beyond reading it, such as switching it off. Undefined: nothing. */
  planCreate?(request: CreateRequest, ctx: Context): Promise<CreatePlan | undefined>
  /** Resolves when the snapshot is there, however long that takes: callers wait as long as they like. */
  create(request: CreateRequest, ctx: Context): Promise<CreateResult>
  /** Newest first. */
  list(query: ListQuery, ctx: Context): Promise<Page<Snapshot>>
  get(nativeId: string, ctx: Context): Promise<Snapshot>
  /** Changes nothing. */
  planRestore(request: RestoreRequest, ctx: Context): Promise<RestorePlan>
  /** Carries out a plan just made. The caller holds the lock on the target. Checks `plan.fingerprint` once more. */
  restore(plan: RestorePlan, ctx: Context): Promise<RestoreResult>
  /** Changes nothing. NOT_FOUND when any id is unknown, PROTECTED when any is protected. */
  planDelete(nativeIds: readonly string[], ctx: Context): Promise<DeletePlan>
  delete(plan: DeletePlan, ctx: Context): Promise<DeleteResult>
  /** Takes deleted snapshots back out of the trash. */
  undelete?(nativeIds: readonly string[], ctx: Context): Promise<Snapshot[]>
  diff?(request: DiffRequest, ctx: Context): Promise<DiffResult>
  update?(nativeId: string, change: UpdateRequest, ctx: Context): Promise<Snapshot>
  /** Lifts the protection. For the operator's command only: no tool leads here. */
  unprotect?(nativeId: string, ctx: Context): Promise<Snapshot>
  /** Reads back what is stored and says what is damaged. For the operator's command only: no tool leads here. */
  verify?(request: VerifyRequest, ctx: Context): Promise<VerifyResult>
  /**
   * Finishes or rolls back what a process that was killed has left half done. Called before anything else, and often:
   * it must cost nothing where nothing was left.
   */
  recover?(hands: RecoveryHands, ctx: Context): Promise<void>
  /** What `purge` would do. For the operator's command only: no tool leads here. Changes nothing. */
  planPurge?(request: PurgeRequest, ctx: Context): Promise<PurgePlan>
  /** Deletes for good what was planned and still lies in the trash, and gives back the space that nothing needs. */
  purge?(plan: PurgePlan, ctx: Context): Promise<PurgeResult>
  /**
   * For systems that go on working when nobody watches: finds out what became of a create or a restore whose process is
   * gone or has lost sight of it, and sees it through. Sends nothing again that may have arrived. Throws with the outcome
   * `not_started` when it is certain that nothing came of it, and `unknown` while that cannot be told.
   */
  resume?: {
    create(interrupted: Interrupted<CreateRequest>, ctx: Context): Promise<CreateResult>
    restore(interrupted: Interrupted<RestoreRequest>, ctx: Context): Promise<RestoreResult>
  }
  health(ctx: Context): Promise<Health>
  close?(): Promise<void>
}

export interface Context {
  readonly signal: AbortSignal
  /** `done` rises strictly; units are the provider's own and the message names them. */
  progress(done: number, total: number | undefined, message: string): void
  readonly log: Log
  /** The `op_...` id of the operation this call belongs to. */
  readonly operation: string
  /**
   * Present in `restore`: to be awaited as soon as the safety snapshot is durable and before the target is touched, so
   * that the operation can be undone even if this process does not live to return. Native id.
   */
  record?(facts: { safety_snapshot: string }): Promise<void>
  /**
   * Present in `create` and `restore`, and in their `resume`: puts on record what is needed to find out later what came
   * of a request that cannot be sent twice. To be awaited before it is sent, and again when the answer says more. Each
   * note replaces the one before.
   */
  note?(facts: Facts): Promise<void>
  /**
   * Present where the caller holds a lock on what is written to: to be awaited right before the first change. BUSY when
   * somebody took the lock over, as from a process that stood still for a minute: then nothing may be changed.
   */
  stillHeld?(): Promise<void>
}

/** JSON. What they say is the provider's own. */
export type Facts = Record<string, unknown>

export interface Log {
  debug(message: string, data?: Record<string, unknown>): void
  info(message: string, data?: Record<string, unknown>): void
  warn(message: string, data?: Record<string, unknown>): void
  error(message: string, data?: Record<string, unknown>): void
}

export interface Capabilities {
  source_kinds: readonly string[]
  /** Of these, what a create only reads and nobody works in, such as images: several may be captured at once. */
  recipes: readonly string[]
  /** Of these, what lies in the roots of the operator: some of it this server may not touch. */
  rooted?: readonly string[]
  /** What can be said about a new snapshot. */
  create: readonly ('name' | 'note' | 'labels' | 'ttl')[]
  /** The names that it takes, where not any: a regular expression for the whole name, and the most characters. */
  names?: { pattern: string; max: number }
  captures: readonly Capture[]
  restore_modes: readonly RestoreMode[]
  deletion: 'trash' | 'permanent'
  /** Restore of chosen paths. */
  paths: boolean
  /** Several copies in one restore to `new`. */
  count: boolean
  diff: boolean
  /** A restore reads back what it has left and tells its digest. */
  verifies: boolean
  update: readonly ('name' | 'note' | 'labels' | 'ttl' | 'protected' | 'active' | 'add_regions')[]
  /** How the provider keeps a capture consistent while the source is in use, in one sentence. */
  consistency: string
}

export interface Page<T> {
  items: T[]
  /** Opaque; undefined on the last page. */
  next?: string
}

export interface SourceQuery {
  query?: string
  limit: number
  cursor?: string
}

export interface CreateRequest {
  source: Source
  name: string
  note?: string
  labels: Labels
  /** Absolute, ISO 8601. */
  expires_at?: string
  /** A safety snapshot of the server. */
  auto: boolean
  protected: boolean
  /** The caller's object for this provider (`local: {...}`), already validated by its schema. */
  options?: Record<string, unknown>
}

/** A create that somebody has to agree to. */
export interface CreatePlan {
  /** One sentence for a person. */
  summary: string
  effects: Record<string, unknown>
  reversible: boolean
  warnings: string[]
  /** Digest of the live state that this was computed from. */
  fingerprint: string
}

export interface CreateResult {
  /** May be in state `creating`; `get` then tells the rest. */
  snapshot: Snapshot
  receipt?: Receipt
  /** What was started from it at once. */
  targets?: Source[]
  warnings?: string[]
}

/** Filters apply before paging. `source` is compared by kind and id. */
export interface ListQuery {
  source?: Source
  name?: string
  labels?: Labels
  state?: string
  created_after?: string
  created_before?: string
  include_auto: boolean
  include_trashed: boolean
  limit: number
  cursor?: string
  /** The caller's object for this provider, already validated by its schema. */
  options?: Record<string, unknown>
}

export interface RestoreRequest {
  /** Native id. */
  snapshot: string
  mode: RestoreMode
  to?: string
  paths?: readonly PathRef[]
  count: number
  options?: Record<string, unknown>
}

export interface RestorePlan {
  request: RestoreRequest
  snapshot: Snapshot
  /** What will be written to: the lock is taken on it. */
  target: Source
  /** One sentence for a person. */
  summary: string
  /** Counts and samples for an agent. */
  effects: Record<string, unknown>
  /** True when everything that goes away can be brought back, until `undo_until`. */
  reversible: boolean
  undo_until?: string
  /** What the undo has to be about, where that is more than the `paths` of the request. */
  undo_paths?: readonly PathRef[]
  warnings: string[]
  /** Digest of the live state that the effects were computed from. */
  fingerprint: string
  /** The target already is as it would be. */
  nothing_to_do?: true
}

export interface RestoreResult {
  /** Where the system tells, which those that replace whole disks do not. */
  changed?: Changed
  verified?: Verified
  /** Of the live state as the restore has left it, comparable to that of a plan. */
  fingerprint?: string
  /** The copies made by mode `new`. */
  targets?: Source[]
  /** Native id of the safety snapshot of what was there before. */
  safety_snapshot?: string
  warnings: string[]
}

export interface DeletePlan {
  snapshots: Snapshot[]
  summary: string
  effects: Record<string, unknown>
  reversible: boolean
  undo_until?: string
  warnings: string[]
  fingerprint: string
}

export interface DeleteResult {
  deleted: string[]
  failed: { snapshot: string; code: string; message: string }[]
  freed_bytes?: number
}

export interface DiffRequest {
  /** Native ids; `to` undefined means the live source. */
  from: string
  to?: string
  paths?: readonly PathRef[]
  limit: number
  cursor?: string
  content: boolean
}

export interface DiffResult {
  summary: DiffSummary
  changes: Change[]
  next?: string
}

/** Absent = unchanged; `null` removes. */
export interface UpdateRequest {
  name?: string
  note?: string
  labels?: Labels
  expires_at?: string | null
  protected?: true
  active?: boolean
  add_regions?: string[]
}

export interface Health {
  healthy: boolean
  usage?: Record<string, unknown>
  quota?: Record<string, unknown>
  error?: { code: string; message: string }
}

/** The enabled providers. `get` loads the code on first use, so that start-up pays for none of them. */
export interface ProviderRegistry {
  readonly names: readonly string[]
  get(name: string): Promise<Provider>
}
