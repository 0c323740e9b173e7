import { z } from 'zod'
import type { SnapshotRecord } from './schemas.ts'
import { originOf } from './view.ts'

/**
 * What a create has asked for, as it can be seen in the record that comes of it. Kept as the facts of the operation: by
 * it the record is found again after an answer was lost or the process was killed.
 */
export const Asked = z.object({
  name: z.string(),
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
  /** What the caller has to be told in the end. */
  warnings: z.array(z.string()).optional(),
})
export type Asked = z.infer<typeof Asked>

/**
 * Whether this record is what came of it, and not of somebody else's request for the same name. Names are unique, and
 * this one was seen free before it was asked for: so it is, unless the record shows that it came of something else. Times
 * tell nothing more, and would have to be those of one clock.
 */
export function isOurs(record: SnapshotRecord, asked: Asked): boolean {
  if (asked.id !== undefined) return record.id === asked.id
  const { cpu, mem, disk, gpu, buildInfo, regionIds } = record
  const { kind, id } = originOf(record)
  const same = <T>(wanted: T | undefined, got: T | null | undefined) =>
    wanted === undefined || got === null || got === undefined || wanted === got
  return (
    !record.general &&
    record.name === asked.name &&
    same(asked.cpu, cpu) &&
    same(asked.memory, mem) &&
    same(asked.disk, disk) &&
    same(asked.gpu, gpu) &&
    (kind === 'unknown' || id === (asked.sandbox ?? asked.image ?? asked.dockerfile)) &&
    (kind !== 'dockerfile' || sorted(asked.context) === sorted(buildInfo?.contextHashes)) &&
    (asked.region === undefined || !regionIds || regionIds.includes(asked.region))
  )
}

const sorted = (texts: readonly string[] | null | undefined) => [...(texts ?? [])].sort().join()
