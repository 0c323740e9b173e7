import { z } from 'zod'
import { CLOCK_SKEW_MS } from './assumptions.ts'
import type { SnapshotRecord } from './schemas.ts'
import { dockerfileId, sandboxBehind } from './view.ts'

/**
 * What a create has asked for, as it can be seen in the record that comes of it. Kept as the facts of the operation: by
 * it the record is found again after an answer was lost or the process was killed.
 */
export const Asked = z.object({
  name: z.string(),
  /** Milliseconds since the epoch, just before it was sent. */
  since: z.number(),
  /** Of the snapshot, as soon as it is known. */
  id: z.string().optional(),
  /** One of these three. */
  sandbox: z.string().optional(),
  image: z.string().optional(),
  dockerfile: z.string().optional(),
  context: z.array(z.string()).optional(),
  cpu: z.number().optional(),
  memory: z.number().optional(),
  disk: z.number().optional(),
  gpu: z.number().optional(),
  region: z.string().optional(),
  with_memory: z.boolean().optional(),
})
export type Asked = z.infer<typeof Asked>

/** Whether this record is what came of it, and not of somebody else's request for the same name. */
export function isOurs(record: SnapshotRecord, asked: Asked): boolean {
  if (asked.id !== undefined) return record.id === asked.id
  const { cpu, mem, disk, gpu, imageName, buildInfo, regionIds } = record
  const same = <T>(wanted: T | undefined, got: T | null | undefined) =>
    wanted === undefined || got === null || got === undefined || wanted === got
  return (
    !record.general &&
    record.name === asked.name &&
    Date.parse(record.createdAt) >= asked.since - CLOCK_SKEW_MS &&
    same(asked.cpu, cpu) &&
    same(asked.memory, mem) &&
    same(asked.disk, disk) &&
    same(asked.gpu, gpu) &&
    same(asked.sandbox, sandboxBehind(record)) &&
    (asked.image === undefined || asked.image === imageName) &&
    (asked.dockerfile === undefined ||
      (asked.dockerfile === dockerfileId(buildInfo?.dockerfileContent ?? '') &&
        sorted(asked.context) === sorted(buildInfo?.contextHashes))) &&
    (asked.region === undefined || !regionIds || regionIds.includes(asked.region))
  )
}

const sorted = (texts: readonly string[] | null | undefined) => [...(texts ?? [])].sort().join()
