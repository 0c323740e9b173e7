import { z } from 'zod'

/**
 * What Daytona answers, as far as it is looked at. The rest is kept as it came: the server in production is newer than
 * any description of it. What is described as a text can be null on older ones.
 */

const text = z.string().nullish()
const number = z.number().nullish()
const texts = z.array(z.string()).nullish()

/** As much of an id as ours have room for. */
const id = z.string().regex(/^[\x21-\x7e]{1,200}$/)

export const SnapshotRecord = z.looseObject({
  id,
  name: z.string(),
  state: z.string(),
  createdAt: z.string().refine((time) => !Number.isNaN(Date.parse(time)), 'not a time'),
  organizationId: text,
  general: z.boolean().nullish(),
  imageName: text,
  /** Gigabytes; null until it is known. */
  size: number,
  cpu: number,
  gpu: number,
  mem: number,
  disk: number,
  errorReason: text,
  buildInfo: z.looseObject({ dockerfileContent: text, contextHashes: texts, snapshotRef: text }).nullish(),
  regionIds: texts,
  ref: text,
  sourceSandboxId: text,
})
export type SnapshotRecord = z.infer<typeof SnapshotRecord>

/** Of a list each item is looked at by itself. */
const items = z.array(z.unknown())

export const SnapshotPage = z.looseObject({ items, totalPages: z.number() })

export const SandboxRecord = z.looseObject({
  id: z.string().min(1),
  name: text,
  state: text,
  /** Where it is on its way to, or is. */
  desiredState: text,
  snapshot: text,
  target: text,
  labels: z.record(z.string(), z.unknown()).nullish(),
  errorReason: text,
  /** Minutes without use; 0 for never. */
  autoStopInterval: number,
})
export type SandboxRecord = z.infer<typeof SandboxRecord>

/** Old servers send all of them at once. */
export const SandboxPage = z.union([
  items.transform((items) => ({ items, nextCursor: undefined })),
  z.looseObject({ items, nextCursor: text }),
])

/** To the request for a snapshot of a sandbox: the sandbox, or from a server that is still to come the snapshot. */
export const Captured = z.looseObject({ id: z.string().min(1) })

export const LogAddress = z.looseObject({ url: z.string() })

/** Temporary credentials of an S3 storage for the own prefix. */
export const PushAccess = z.looseObject({
  accessKey: z.string().min(1),
  secret: z.string().min(1),
  sessionToken: z.string().min(1),
  storageUrl: z.string().min(1),
  organizationId: z.string().min(1),
  bucket: z.string().min(1),
  region: text,
})
export type PushAccess = z.infer<typeof PushAccess>

export const KeyRecord = z.looseObject({ permissions: z.array(z.string()) })

export const Usage = z.looseObject({ totalSnapshotQuota: number, currentSnapshotUsage: number })
