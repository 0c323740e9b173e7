import { z } from 'zod'
import { Outcome } from './errors.ts'
import {
  Bytes,
  Change,
  Changed,
  DiffSummary,
  OperationId,
  PlanView,
  Receipt,
  RestoreMode,
  Snapshot,
  SnapshotId,
  Source,
  SourceItem,
  Time,
  Undo,
  Verified,
} from './model.ts'

/** The results of every operation. Fields may be added later; none changes its meaning. */

const ProviderFailure = z.object({
  provider: z.string(),
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
})
const Failed = z.object({ snapshot: z.string(), code: z.string(), message: z.string() })

export const ListReply = z.object({
  items: z.array(Snapshot),
  next_cursor: z.string().optional(),
  errors: z.array(ProviderFailure).optional(),
})
export type ListReply = z.infer<typeof ListReply>

export const DiffReply = z.object({
  from: z.string(),
  to: z.string(),
  summary: DiffSummary,
  changes: z.array(Change),
  next_cursor: z.string().optional(),
})
export type DiffReply = z.infer<typeof DiffReply>

/** A destructive call that did not run: what it would do, and what is needed for it to run. */
const notRun = {
  plan: PlanView.optional(),
  confirmation: z.string().optional(),
  approval: z.object({ code: z.string(), how: z.string() }).optional(),
  expires_at: Time.optional(),
}
const DestructiveStatus = z.enum(['done', 'dry_run', 'confirmation_required', 'approval_required'])

/** A call whose work takes longer than the caller waits: what `snapshot_get` can wait on, also after a restart. */
const pending = { pending: SnapshotId.optional() }

export const CreateReply = z.object({
  status: z.enum([...DestructiveStatus.options, 'creating']),
  /** Where the source is more than read, such as switched off. */
  ...notRun,
  operation: OperationId.optional(),
  snapshot: Snapshot.optional(),
  receipt: Receipt.optional(),
  /** What was started from it at once. */
  targets: z.array(Source).optional(),
  warnings: z.array(z.string()).optional(),
})
export type CreateReply = z.infer<typeof CreateReply>
/** Of a create that has begun. */
export type Created = CreateReply & { operation: string; snapshot: Snapshot }

/** What a restore has done, where the provider tells it. */
export const Restored = z.object({
  changed: Changed.optional(),
  verified: Verified.optional(),
  targets: z.array(Source).optional(),
  safety_snapshot: z.string().optional(),
  warnings: z.array(z.string()).optional(),
})
export type Restored = z.infer<typeof Restored>

export const RestoreReply = z.object({
  status: z.enum([...DestructiveStatus.options, 'creating']),
  ...notRun,
  ...pending,
  operation: OperationId.optional(),
  mode: RestoreMode.optional(),
  ...Restored.shape,
  undo: Undo.optional(),
})
export type RestoreReply = z.infer<typeof RestoreReply>

/** Of `get` with the id that a restore is waited on by. */
const RestoreView = Restored.extend({
  status: z.enum(['creating', 'done', 'failed', 'unknown']),
  operation: OperationId,
  undo: Undo.optional(),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string(), outcome: Outcome }).optional(),
})

export const SnapshotReply = z.object({
  snapshot: Snapshot,
  /** Of `get`, where the provider keeps it. */
  receipt: Receipt.optional(),
  /** Of `get` with the id that a create is waited on by. */
  targets: z.array(Source).optional(),
  warnings: z.array(z.string()).optional(),
  restore: RestoreView.optional(),
})
export type SnapshotReply = z.infer<typeof SnapshotReply>

export const DeleteReply = z.object({
  status: DestructiveStatus,
  ...notRun,
  operation: OperationId.optional(),
  deleted: z.array(z.string()).optional(),
  failed: z.array(Failed).optional(),
  freed_bytes: Bytes.optional(),
  undo: Undo.optional(),
})
export type DeleteReply = z.infer<typeof DeleteReply>

export const UndoReply = z.object({
  status: z.enum([...DestructiveStatus.options, 'creating']),
  ...notRun,
  ...pending,
  operation: OperationId.optional(),
  /** The operation that was undone. */
  undid: z.string().optional(),
  /** Of an undone restore. */
  changed: Changed.optional(),
  verified: Verified.optional(),
  undo: Undo.optional(),
  warnings: z.array(z.string()).optional(),
})
export type UndoReply = z.infer<typeof UndoReply>

export const SourcesReply = z.object({
  items: z.array(SourceItem),
  next_cursor: z.string().optional(),
  errors: z.array(ProviderFailure).optional(),
})
export type SourcesReply = z.infer<typeof SourcesReply>

export const OperationView = z.object({
  operation: OperationId,
  type: z.string(),
  state: z.enum(['running', 'done', 'failed', 'declined', 'unknown']),
  provider: z.string().optional(),
  summary: z.string(),
  started_at: Time,
  undo_until: Time.optional(),
  /** The plan that was confirmed, how (none of the doors: nothing had to agree), and by whom in a terminal. */
  plan: z.string().optional(),
  doors: z.array(z.string()).optional(),
  approved_by: z.string().optional(),
})
export type OperationView = z.infer<typeof OperationView>

export const StatusReply = z.object({
  providers: z.array(
    z.object({
      name: z.string(),
      healthy: z.boolean(),
      capabilities: z.record(z.string(), z.unknown()),
      usage: z.record(z.string(), z.unknown()).optional(),
      quota: z.record(z.string(), z.unknown()).optional(),
      cost: z.record(z.string(), z.unknown()).optional(),
      error: z.object({ code: z.string(), message: z.string() }).optional(),
    }),
  ),
  policy: z.record(z.string(), z.unknown()),
  /** Running and last operations, newest first. */
  operations: z.array(OperationView),
  /** What can still be undone, newest first. */
  undoable: z.array(OperationView),
  /** Why the operations are not told. */
  errors: z.array(z.object({ code: z.string(), message: z.string() })).optional(),
})
export type StatusReply = z.infer<typeof StatusReply>
