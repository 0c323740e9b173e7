import { z } from 'zod'
import { Labels, Time } from '../../../snapshots/model.ts'
import { isEntryName } from '../names.ts'

const Hex = z.string().regex(/^[0-9a-f]{64}$/)
const Count = z.number().int().nonnegative()

/** Far beyond what any store gets to: one forged manifest must not use up the numbers. */
export const LAST_SEQUENCE = 2 ** 52

/** A path that says what it means: nothing in it leads up or is empty. */
function isAbsolutePath(base64: string): boolean {
  const [first, ...names] = Buffer.from(base64, 'base64').toString('latin1').split('/')
  return first === '' && names.length > 0 && names.every(isEntryName)
}

const Path = z.object({ path: z.string(), bytes: z.base64().optional() })

/** What was captured and what was not, as format 1 has it: what results say may grow, what is stored may not. */
const ManifestReceipt = z.object({
  files: Count,
  directories: Count,
  links: Count,
  hard_links: Count.optional(),
  bytes_captured: Count,
  bytes_reused: Count,
  skipped: z.array(z.object({ reason: z.string(), count: Count, samples: z.array(Path) })),
  changed_during_read: z.array(Path),
})

/**
 * A snapshot as the store keeps it. Immutable: its id is the start of the hash of its bytes, so that an altered
 * manifest no longer answers to its name. What may change lives beside it, in Details.
 */
export const Manifest = z.strictObject({
  format: z.literal(1),
  /** Absolute path of the captured directory, as bytes in base64. */
  root: z.base64().refine(isAbsolutePath, 'not the path of a directory'),
  /** Hash of everything below: equal digests mean equal directories. */
  digest: Hex,
  tree: Hex,
  /** The object that lists the groups of hard links, if there are any. */
  links: Hex.nullable(),
  /** Of the root directory itself. mtime in nanoseconds. */
  root_meta: z.strictObject({
    mode: Count.max(0o7777),
    uid: Count.max(0xffffffff),
    gid: Count.max(0xffffffff),
    mtime: z.string().regex(/^-?\d{1,22}$/),
  }),
  created_at: Time,
  /** Orders the snapshots of a store when clocks do not. */
  sequence: Count.max(LAST_SEQUENCE),
  operation: z.string().max(64),
  auto: z.boolean(),
  parent: z.string().max(64).nullable(),
  exclude: z.array(z.string().max(1024)).max(256),
  /** Sum of the sizes of all files. */
  size: Count,
  receipt: ManifestReceipt,
})
export type Manifest = z.infer<typeof Manifest>

/** What may change about a snapshot. */
export const Details = z.object({
  name: z.string(),
  note: z.string().optional(),
  labels: Labels,
  protected: z.boolean(),
  /** A safety snapshot is protected until then. */
  protected_until: Time.optional(),
  expires_at: Time.optional(),
  trashed: z
    .object({
      at: Time,
      until: Time,
      expired: z.boolean().optional(),
      /** When it came into the trash by the store's own count of passed time, in milliseconds. */
      seen: Count.optional(),
    })
    .optional(),
})
export type Details = z.infer<typeof Details>

export interface Stored {
  id: string
  manifest: Manifest
  details: Details
  trashed: boolean
}

/** Sorts by number. Two have the same one only where somebody has used the numbers up: then the time counts. */
export function newestFirst(a: Order, b: Order): number {
  if (a.sequence !== b.sequence) return b.sequence - a.sequence
  return a.created_at === b.created_at ? 0 : a.created_at < b.created_at ? 1 : -1
}
type Order = Pick<Manifest, 'sequence' | 'created_at'>
