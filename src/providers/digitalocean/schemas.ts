import { z } from 'zod'

/**
 * What the API answers, as far as it is looked at. Everything else is kept as it came; words that the description does
 * not list are let through.
 */

const Slug = z.looseObject({ slug: z.string() })
const texts = z.array(z.string()).nullish()
const id = z.int().positive()

/** From `/v2/snapshots` and from below a volume: of a Droplet (the id is digits) or of a volume (a UUID). */
export const VendorSnapshot = z.looseObject({
  id: z.union([z.string(), z.number()]),
  name: z.string(),
  created_at: z.iso.datetime({ offset: true }),
  regions: texts,
  min_disk_size: z.number().nullish(),
  size_gigabytes: z.number().nullish(),
  resource_id: z.union([z.string(), z.number()]),
  resource_type: z.string(),
  tags: texts,
})
export type VendorSnapshot = z.infer<typeof VendorSnapshot>

/** From below a Droplet: neither its origin nor its tags are told. */
export const DropletSnapshot = z.looseObject({ id, name: z.string() })
export type DropletSnapshot = z.infer<typeof DropletSnapshot>

export const Droplet = z.looseObject({
  id,
  name: z.string(),
  status: z.string(),
  /** GB. */
  disk: z.number(),
  region: Slug,
  size_slug: z.string(),
  size: z.looseObject({ price_monthly: z.number().nullish() }).nullish(),
  snapshot_ids: z.array(z.number()).nullish(),
  volume_ids: texts,
  tags: texts,
})
export type Droplet = z.infer<typeof Droplet>

export const Volume = z.looseObject({
  id: z.string(),
  name: z.string(),
  region: Slug,
  size_gigabytes: z.number(),
  tags: texts,
})
export type Volume = z.infer<typeof Volume>

export const Action = z.looseObject({
  id,
  status: z.string(),
  type: z.string(),
  started_at: z.string().nullish(),
  /** Of a transfer: where it goes. */
  region_slug: z.string().nullish(),
})
export type Action = z.infer<typeof Action>

export const Size = z.looseObject({
  slug: z.string(),
  /** GB. */
  disk: z.number(),
  /** US dollars. */
  price_monthly: z.number(),
  regions: z.array(z.string()),
  available: z.boolean().nullish(),
})
export type Size = z.infer<typeof Size>

export const Account = z.looseObject({
  status: z.string(),
  status_message: z.string().nullish(),
  droplet_limit: z.number().nullish(),
  volume_limit: z.number().nullish(),
})
export type Account = z.infer<typeof Account>

export const Transfer = z.looseObject({ transfer_id: z.int().nonnegative() })

/** Of a list; the last page has no `next`, and its `links` may be empty or missing. */
export const Links = z
  .looseObject({ pages: z.looseObject({ next: z.string().nullish() }).nullish() })
  .nullish()
