import { z } from 'zod'

/**
 * What Morph sends, as far as it is read here. Everything else stays in: it is shown as `native`. Tolerant where the
 * descriptions of several years differ: what one of them lacks may be absent or null.
 */

/** Since the epoch, within what a date can tell. */
const Seconds = z.number().min(0).max(8.64e12)
/** Texts, says the description; whoever wrote them may have sent something else. */
const Metadata = z.record(z.string(), z.unknown()).nullish()
export type Metadata = Record<string, unknown>

/** Memory and disk in MB. */
const Spec = z.looseObject({ vcpus: z.number(), memory: z.number(), disk_size: z.number() })

export const MorphSnapshot = z.looseObject({
  id: z.string(),
  created: Seconds,
  /** `pending`, `ready`, `failed`, `deleting`, `deleted`, or what is not known yet. */
  status: z.string(),
  spec: Spec.nullish(),
  refs: z.looseObject({ image_id: z.string().nullish() }).nullish(),
  digest: z.string().nullish(),
  metadata: Metadata,
  ttl: z.looseObject({ ttl_seconds: z.number().nullish(), ttl_expire_at: Seconds.nullish() }).nullish(),
})
export type MorphSnapshot = z.infer<typeof MorphSnapshot>

export const Instance = z.looseObject({
  id: z.string(),
  /** `pending`, `ready`, `paused`, `saving`, `error`, or what is not known yet. */
  status: z.string(),
  spec: Spec.nullish(),
  refs: z.looseObject({ snapshot_id: z.string().nullish() }).nullish(),
  metadata: Metadata,
})
export type Instance = z.infer<typeof Instance>

export const Image = z.looseObject({
  id: z.string(),
  name: z.string().nullish(),
  description: z.string().nullish(),
})
export type Image = z.infer<typeof Image>

export const Quota = z.looseObject({
  services: z.array(
    z.looseObject({
      service_id: z.string(),
      quotas: z.array(
        z.looseObject({ quota_code: z.string(), limit_value: z.number(), used_value: z.number() }),
      ),
    }),
  ),
})
export type Quota = z.infer<typeof Quota>

/** What a branch has made: the snapshot, and the instances that were started from it. */
export const Branched = z.looseObject({ snapshot: MorphSnapshot, instances: z.array(Instance) })
export type Branched = z.infer<typeof Branched>

/** Items of a list are read one by one, see `lists.ts`. */
const Items = z.array(z.unknown())

/** A page of a list, by what the server calls it. */
export const SnapshotPage = z
  .looseObject({ snapshots: Items, has_next: z.boolean().nullish() })
  .transform(({ snapshots: items, has_next }) => ({ items, has_next }))
export const InstancePage = z
  .looseObject({ instances: Items, has_next: z.boolean().nullish() })
  .transform(({ instances: items, has_next }) => ({ items, has_next }))

/** A list that comes as a whole. */
export const Whole = z.looseObject({ data: Items }).transform(({ data }) => data)
