import type { Snapshot } from './model.ts'

/**
 * What no source settles, all in one place: the choices of this emulator. The wording of every message is its own, but
 * for those of FastAPI. Besides what stands below:
 *
 * - A missing or wrong key is told before anything else.
 * - Lists are newest first and leave out what is deleted, not what is being deleted. Any `limit` from 1 up is taken.
 * - An instance that is started from a snapshot still in the making waits for it.
 * - A second delete succeeds until the snapshot is gone altogether. One that is on its way out cannot be used or changed.
 * - Only an instance that is ready can be captured, branched or paused, and only a paused one resumed.
 * - A cold start can make a disk larger, never smaller.
 * - A branch is captured synchronously. As many maps of metadata as instances, or one for all.
 * - The time to live of an instance counts from when it was last set, started or resumed; that of a snapshot also from
 *   when it was last set.
 */
export const ASSUMED = {
  unauthorized: 'Invalid or missing API key',
  noCredit: 'Insufficient credit',
  snapshotLimit: 'Snapshot quota exceeded',
  instanceLimit: 'Instance quota exceeded',
  noToken: 'Token not found or expired',
  notCapturable: (status: string) => `Instance cannot be snapshotted while it is ${status}`,
  notBranchable: (status: string) => `Instance cannot be branched while it is ${status}`,
  notPausable: (status: string) => `Instance cannot be paused while it is ${status}`,
  notResumable: (status: string) => `Instance cannot be resumed while it is ${status}`,
  failedSnapshot: 'Snapshot has failed',
  notRebootable: 'Instance is busy',
  smallerDisk: 'Disk size cannot be smaller than that of the snapshot',
  metadataCount: 'One set of metadata for each instance is needed',
} as const

/** Whether a snapshot stands for its digest. A failed one does: whoever gets it has to look at its status. */
export const answersForDigest = ({ status }: Snapshot) => status !== 'deleting' && status !== 'deleted'

export const LIMITS = { snapshots: 1000, instances: 100 } as const
/** Of a token, in seconds, as the description has it. */
export const TOKEN_SECONDS = 3600
