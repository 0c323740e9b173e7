/** What Daytona documents nowhere, or says only of servers that are older or newer than the one at hand. */

/** `size` of a snapshot is called GB; the public runner divides by 2^30. */
const BYTES_PER_GB = 2 ** 30

export const bytesOf = (gigabytes: number) => Math.round(gigabytes * BYTES_PER_GB)

/** No length of a name is documented: this is the longest that our own tools take. */
export const LONGEST_NAME = 128

/** The vendor's own clients look every two seconds. */
export const FIRST_LOOK_MS = 2_000

/** What should show by now gets so long to do so. */
export const GRACE_MS = 2_000

const MINUTE = 60_000

/** The vendor gives up a pull or a build after 60 minutes and a capture after 180: we look a little longer. */
export const PATIENCE = {
  recipe: 65 * MINUTE,
  capture: 185 * MINUTE,
  /** Half an hour for what takes seconds as a rule. */
  start: 30 * MINUTE,
  activation: 65 * MINUTE,
  /** Users have seen five minutes. */
  removal: 10 * MINUTE,
} as const

/** A snapshot that was just deactivated cannot be activated for so long; the refusal does not say how much is left. */
export const DEACTIVATION_MS = 10 * MINUTE

/** Region of the signature where an old server hands out credentials without one. */
export const STORAGE_REGION = 'us-east-1'

/** The builder holds a context in memory, and so do we. */
export const CONTEXT_LIMITS = { bytes: 100 * 2 ** 20, files: 20_000 } as const

/** Requests a minute with one key, as published for the lowest tier. */
export const RATE = { calls: 10_000, perMs: MINUTE } as const

/**
 * The record of a snapshot does not tell whether memory is in it. Should it do so one day, it will be by the name that
 * the request has.
 */
export const saysMemory = (record: Record<string, unknown>) => record.includeMemory === true

/**
 * Before its records named the sandbox, the server put it into the reference: `snapshot-<uuid>-<name>:latest`. Seen on
 * v0.190.
 */
export function sandboxInRef(ref: string): string | undefined {
  return /(?:^|\/)snapshot-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-.+:latest$/.exec(ref)?.[1]
}
