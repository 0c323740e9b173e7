import { z } from 'zod'

/** The shapes every face, the service and every provider share. Sizes in bytes, times ISO 8601 UTC. */

export const State = z.enum(['creating', 'ready', 'inactive', 'failed', 'deleting', 'trashed', 'unknown'])
export type State = z.infer<typeof State>

export const Capture = z.enum(['files', 'disk', 'memory'])
export type Capture = z.infer<typeof Capture>

export const RestoreMode = z.enum(['in_place', 'new'])
export type RestoreMode = z.infer<typeof RestoreMode>

export const Time = z.iso.datetime()
export const Bytes = z.number().int().nonnegative()

/** `<provider>:<native id>`, e.g. `local:9f3c...`: the only id an agent ever passes. */
export const SnapshotId = z
  .string()
  .regex(
    /^[a-z]{2,20}:[\x21-\x7e]{1,200}$/,
    'a snapshot id looks like "local:9f3c..."; snapshot_list has them',
  )

export const OperationId = z.string().regex(/^op_[a-z0-9]{8,40}$/, 'an operation id looks like "op_..."')

/** Ten years: beyond that a date says nothing, and one day is no date any more. */
const LONGEST = '3650d'

/** A duration such as `90s`, `15m`, `72h` or `7d`. */
export const Duration = z
  .string()
  .regex(/^[1-9]\d{0,6}[smhd]$/, 'a duration looks like 90s, 15m, 72h or 7d')
  .refine((text) => !(durationMs(text) > durationMs(LONGEST)), `at most ${LONGEST}`)

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const

export function durationMs(text: string): number {
  return Number(text.slice(0, -1)) * SECONDS[text.at(-1) as keyof typeof SECONDS] * 1000
}

export const Labels = z.preprocess(
  (labels, { issues }) => {
    // A record leaves this key out without a word.
    if (typeof labels === 'object' && labels !== null && Object.hasOwn(labels, '__proto__'))
      issues.push({ code: 'custom', input: labels, message: 'a label cannot be called "__proto__"' })
    return labels
  },
  z
    .record(z.string().min(1).max(64), z.string().max(256))
    .refine((labels) => Object.keys(labels).length <= 32, 'at most 32 labels'),
)
export type Labels = z.infer<typeof Labels>

export const Name = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$/u, 'no control characters')
export const Note = z.string().max(2000)

/** A path inside a source: UTF-8 text, or its bytes in base64 where the name is not valid UTF-8. */
export const PathRef = z.union([
  z.string().min(1).max(16_384),
  z.strictObject({ bytes: z.base64().min(1).max(22_000) }),
])
export type PathRef = z.infer<typeof PathRef>

export const Source = z.object({ kind: z.string(), id: z.string(), name: z.string() })
export type Source = z.infer<typeof Source>

/** What `snapshot_sources` lists: something that can be captured here. */
export const SourceItem = Source.extend({
  provider: z.string(),
  /** What to pass as `source`. */
  source: z.string(),
  snapshots: z.number().int().optional(),
  last_snapshot_at: Time.optional(),
  note: z.string().optional(),
})
export type SourceItem = z.infer<typeof SourceItem>

export const Snapshot = z.object({
  id: SnapshotId,
  provider: z.string(),
  name: z.string(),
  note: z.string().optional(),
  state: State,
  captures: z.array(Capture),
  source: Source,
  created_at: Time,
  size_bytes: Bytes.optional(),
  parent_id: z.string().optional(),
  labels: Labels,
  protected: z.boolean(),
  /** Made by the server as a safety snapshot. */
  auto: z.boolean(),
  expires_at: Time.optional(),
  regions: z.array(z.string()).optional(),
  cost_per_month: z.object({ amount: z.number(), currency: z.string() }).optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  /** What only this provider has, in its own words. */
  native: z.record(z.string(), z.unknown()),
})
export type Snapshot = z.infer<typeof Snapshot>

/** A path in results: readable text, plus the exact bytes when the name is not valid UTF-8. */
export const ShownPath = z.object({ path: z.string(), bytes: z.base64().optional() })
export type ShownPath = z.infer<typeof ShownPath>

export const Skipped = z.object({ reason: z.string(), count: z.number().int(), samples: z.array(ShownPath) })
export type Skipped = z.infer<typeof Skipped>

/** The coverage receipt of a create: what is in the snapshot, and what is not. */
export const Receipt = z.object({
  files: z.number().int(),
  directories: z.number().int(),
  links: z.number().int(),
  hard_links: z.number().int().optional(),
  bytes_captured: Bytes,
  bytes_reused: Bytes,
  skipped: z.array(Skipped),
  changed_during_read: z.array(ShownPath),
})
export type Receipt = z.infer<typeof Receipt>

export const ChangeKind = z.enum(['added', 'removed', 'modified'])
export const EntryType = z.enum(['file', 'directory', 'symlink', 'skipped'])

/** One difference. `aspects` says what differs in a modified entry: content, mode, mtime, owner, target, type, links. */
export const Change = ShownPath.extend({
  kind: ChangeKind,
  type: EntryType,
  aspects: z.array(z.string()).optional(),
  size_before: Bytes.optional(),
  size_after: Bytes.optional(),
  mode_before: z.string().optional(),
  mode_after: z.string().optional(),
  /** Unified diff, when content was asked for and may be shown. */
  diff: z.string().optional(),
  /** Why there is no `diff`: binary, too_large, redacted. */
  diff_omitted: z.string().optional(),
})
export type Change = z.infer<typeof Change>

export const DiffSummary = z.object({
  added: z.number().int(),
  removed: z.number().int(),
  modified: z.number().int(),
  /** Size of added and modified content in `to`, plus removed content of `from`. */
  bytes: Bytes,
})
export type DiffSummary = z.infer<typeof DiffSummary>

/** What a destructive call would do, in facts the server resolved itself. */
export const PlanView = z.object({
  summary: z.string(),
  effects: z.record(z.string(), z.unknown()),
  reversible: z.boolean(),
  undo_until: Time.optional(),
  warnings: z.array(z.string()),
})
export type PlanView = z.infer<typeof PlanView>

export const Undo = z.object({ operation: OperationId, until: Time })
export type Undo = z.infer<typeof Undo>

export const Changed = z.object({
  written: z.number().int(),
  deleted: z.number().int(),
  metadata: z.number().int(),
  bytes: Bytes,
})
export type Changed = z.infer<typeof Changed>

/** The digest of the restored state, computed from the live system after the restore, not from the plan. */
export const Verified = z.object({ digest: z.string(), files: z.number().int(), bytes: Bytes })
export type Verified = z.infer<typeof Verified>
