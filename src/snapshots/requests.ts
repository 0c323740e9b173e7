import { z } from 'zod'
import {
  Duration,
  Labels,
  Name,
  Note,
  OperationId,
  PathRef,
  RestoreMode,
  SnapshotId,
  State,
  Time,
} from './model.ts'

/**
 * The arguments of every operation: types, validation, wire schema and docs in one. Strict: an unknown key is an
 * error, because a misspelt `dry_run` must not execute. Tools and commands both parse with these. Descriptions go to
 * the agent with every `tools/list`: they say what the name does not.
 */

const provider = z.string().min(1).max(32)
const source = z.string().min(1).max(16_384)
const limit = (fallback: number, max: number) => z.number().int().min(1).max(max).default(fallback)
const cursor = z.string().min(1).max(4096)
const wait = (fallback: number) => z.number().min(0).max(50).default(fallback)
const confirmation = z
  .string()
  .regex(
    /^cfm_[A-Za-z0-9_-]{8,64}$/,
    'a confirmation looks like "cfm_..." and comes from the reply of the first call',
  )
  .describe('From the first reply, to run its plan')
const dryRun = (fallback: boolean) => z.boolean().default(fallback).describe('Only show the plan')
const paths = z.array(PathRef).min(1).max(1000)
const keep = z.number().int().min(0).max(10_000)

/**
 * What only one provider takes, under its name. Offered where that provider is enabled; the service refuses the object
 * of a provider that the call does not go to.
 */

const whole = (max: number) => z.int().min(1).max(max)
const slug = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dots, hyphens and underscores')

export const LocalCreate = z.strictObject({
  exclude: z.array(z.string().min(1).max(1024)).max(256).optional().describe('Patterns as in .gitignore'),
})

export const MorphCreate = z.strictObject({
  vcpus: whole(1024).optional(),
  memory_mb: whole(10_000_000).optional(),
  disk_mb: whole(100_000_000).optional(),
  digest: z.string().min(1).max(256).optional().describe('Same digest: the snapshot there is'),
  branch: whole(100).optional().describe('Of an instance: also start so many copies'),
})

export const MorphList = z.strictObject({ digest: z.string().min(1).max(256).optional() })

export const DaytonaCreate = z.strictObject({
  cpu: whole(1024).optional(),
  memory_gb: whole(100_000).optional(),
  disk_gb: whole(1_000_000).optional(),
  gpu: whole(64).optional(),
  entrypoint: z.array(z.string().max(4096)).min(1).max(64).optional(),
  region: slug.optional(),
  context: z
    .array(z.string().min(1).max(4096))
    .max(1000)
    .optional()
    .describe('Of a Dockerfile: files it copies, from its directory. Default: those it names'),
  include_memory: z.boolean().optional().describe('Of a VM sandbox'),
})

export const DigitalOceanCreate = z.strictObject({
  power_off: z.boolean().optional().describe('Switch the Droplet off meanwhile; a person must agree'),
  tags: z
    .array(z.string().regex(/^[A-Za-z0-9_:-]{1,255}$/, 'letters, digits, colons, hyphens and underscores'))
    .max(50)
    .optional(),
})

export const DigitalOceanList = z.strictObject({
  type: z.enum(['droplet', 'volume']).optional(),
  region: slug.optional(),
})

export const MorphRestore = z.strictObject({
  vcpus: whole(1024).optional().describe('Other resources: boots cold'),
  memory_mb: whole(10_000_000).optional(),
  disk_mb: whole(100_000_000).optional(),
  ttl_seconds: whole(315_360_000).optional(),
  ttl_action: z.enum(['stop', 'pause']).optional(),
})

export const DaytonaRestore = z.strictObject({
  region: slug.optional(),
  auto_stop_minutes: z.int().min(0).max(525_600).optional(),
  fork: z.boolean().optional().describe('Fork the source sandbox as it is now instead'),
})

export const DigitalOceanRestore = z.strictObject({
  region: slug.optional(),
  size: slug.optional().describe('Of the new Droplet, e.g. s-1vcpu-1gb'),
  size_gb: whole(1_000_000).optional().describe('Of the new volume'),
  ssh_keys: z
    .array(z.union([z.int(), z.string().min(1).max(128)]))
    .max(50)
    .optional(),
  rebuild: z.boolean().optional().describe('In place: rebuild instead of restore'),
})

export const CreateArgs = z.strictObject({
  source: source
    .optional()
    .describe('Default: the only root. snapshot_sources lists them, e.g. path:/abs/dir'),
  provider: provider.optional(),
  name: Name.optional(),
  note: Note.optional().describe('Why, for later'),
  labels: Labels.optional(),
  ttl: Duration.optional().describe('Expire after, e.g. 7d'),
  wait_seconds: wait(30),
  idempotency_key: z.string().min(1).max(128).optional().describe('Same key: same snapshot, made once'),
  confirmation: confirmation.optional(),
  local: LocalCreate.optional(),
  morph: MorphCreate.optional(),
  daytona: DaytonaCreate.optional(),
  digitalocean: DigitalOceanCreate.optional(),
})
export type CreateArgs = z.output<typeof CreateArgs>

export const ListArgs = z.strictObject({
  provider: provider.optional(),
  source: source.optional(),
  name: z.string().min(1).max(128).optional().describe('Part of the name'),
  labels: Labels.optional().describe('All must match'),
  state: State.optional(),
  created_after: Time.optional(),
  created_before: Time.optional(),
  include_auto: z.boolean().default(false).describe('Also safety snapshots'),
  include_trashed: z.boolean().default(false),
  limit: limit(20, 100),
  cursor: cursor.optional(),
  morph: MorphList.optional(),
  digitalocean: DigitalOceanList.optional(),
})
export type ListArgs = z.output<typeof ListArgs>

export const GetArgs = z.strictObject({
  snapshot: SnapshotId,
  wait_seconds: wait(0).describe('For a pending one'),
})
export type GetArgs = z.output<typeof GetArgs>

export const DiffArgs = z.strictObject({
  from: SnapshotId,
  to: z
    .union([z.literal('current'), SnapshotId])
    .default('current')
    .describe('Snapshot id, or "current" for the live source'),
  paths: paths.optional().describe('Only these files and directories'),
  limit: limit(100, 1000),
  cursor: cursor.optional(),
  content: z.boolean().default(false).describe('Add unified diffs of text files'),
})
export type DiffArgs = z.output<typeof DiffArgs>

export const RestoreArgs = z.strictObject({
  snapshot: SnapshotId,
  mode: RestoreMode.default('in_place').describe('in_place: make the source equal; new: a copy beside it'),
  to: z.string().min(1).max(16_384).optional().describe('With new: path or name of the copy'),
  paths: paths.optional().describe('Only these files and directories'),
  count: z.number().int().min(1).max(100).default(1).describe('With new: number of copies'),
  wait_seconds: wait(30),
  confirmation: confirmation.optional(),
  dry_run: dryRun(false),
  morph: MorphRestore.optional(),
  daytona: DaytonaRestore.optional(),
  digitalocean: DigitalOceanRestore.optional(),
})
export type RestoreArgs = z.output<typeof RestoreArgs>

export const DeleteArgs = z.strictObject({
  snapshots: z.array(SnapshotId).min(1).max(50),
  confirmation: confirmation.optional(),
  dry_run: dryRun(false),
})
export type DeleteArgs = z.output<typeof DeleteArgs>

export const UndoArgs = z.strictObject({
  operation: OperationId.describe('op_... of the restore or delete'),
  confirmation: confirmation.optional(),
  dry_run: dryRun(false),
})
export type UndoArgs = z.output<typeof UndoArgs>

export const UpdateArgs = z.strictObject({
  snapshot: SnapshotId,
  name: Name.optional(),
  note: Note.optional(),
  labels: Labels.optional().describe('Replaces all'),
  /** From now; `never` removes the expiry. */
  ttl: z
    .union([Duration, z.literal('never')])
    .optional()
    .describe('From now, e.g. 7d, or "never"'),
  protected: z.literal(true).optional().describe('Only a person can take it back'),
  active: z.boolean().optional(),
  add_regions: z.array(z.string().min(1).max(32)).min(1).max(20).optional(),
})
export type UpdateArgs = z.output<typeof UpdateArgs>

export const PruneArgs = z.strictObject({
  provider: provider.optional(),
  source: source.optional(),
  keep_last: keep.optional(),
  keep_hourly: keep.optional(),
  keep_daily: keep.optional(),
  keep_weekly: keep.optional(),
  older_than: Duration.optional().describe('Spare younger ones, e.g. 7d'),
  confirmation: confirmation.optional(),
  dry_run: dryRun(true),
})
export type PruneArgs = z.output<typeof PruneArgs>

export const SourcesArgs = z.strictObject({
  provider: provider.optional(),
  query: z.string().min(1).max(256).optional().describe('Part of the name or path'),
  limit: limit(20, 100),
  cursor: cursor.optional(),
})
export type SourcesArgs = z.output<typeof SourcesArgs>

export const StatusArgs = z.strictObject({ provider: provider.optional() })
export type StatusArgs = z.output<typeof StatusArgs>
