import type { Size } from './catalogue.ts'
import type { Image } from './model.ts'

/**
 * What neither the vendor's description nor its documentation settles, all in one place: the choices of this emulator.
 * Everything else in this directory has its source in the API description, in the documentation or in a public thread,
 * but for the wording of messages about missing and malformed members, which is its own. Besides what stands below:
 *
 * - Restore and rebuild boot a Droplet that was off; an errored action changes nothing at all.
 * - An image id for restore must be a number, as described; for rebuild and create its digits as a text do as well.
 * - Lists are in the order of creation, actions in the opposite one. `total` counts after filtering.
 * - A refused request does not count towards the rate limit, nor does one without a valid token.
 * - Deleting a Droplet detaches its volumes at once, where the service takes a moment.
 * - A new snapshot of a volume needs ten minutes since the last one, even if that has been deleted meanwhile.
 */
export const ASSUMED = {
  /** Outside of what the description allows; the service may as well clamp. */
  paging: 'per_page must be between 1 and 200, and page at least 1',
  filter: 'invalid value of a filter',
  /** An image of another Droplet. The description asks for a backup of this one; own snapshots work in practice. */
  foreignImage: 'The image is neither a backup nor a snapshot of this Droplet.',
  imageOfAction: 'You specified an invalid image for this Droplet.',
  smallDisk: 'The image needs a larger disk than this size has.',
  alreadyOn: 'The droplet is already on.',
  alreadyInRegion: 'The image is already in this region.',
  invalidRegion: 'You specified an invalid region.',
  dropletRegion: 'You specified an invalid region for Droplet creation.',
  notConvertible: 'Only a backup can be converted to a snapshot.',
  transferPending: 'The image has a pending account transfer.',
  /** As for volumes, where it is known to be a 403 with these words after the verb. */
  tooManyVolumeSnapshots: 'failed to create snapshot: volume/snapshot capacity limit exceeded',
  snapshotInOtherRegion: 'failed to create volume: the snapshot is not in this region',
  volumeAttached: 'attached volume cannot be deleted',
  attachment: 'The volume cannot be attached to this Droplet.',
  detachment: 'The volume is not attached to this Droplet.',
  volumeShrinks: 'failed to resize volume: the new size must be larger',
  keyInUse: 'SSH Key is already in use on your account',
} as const

/** Gigabytes that the emulator counts as used on every new Droplet, and of a volume per gigabyte of its size. */
export const USED = { droplet: 2.34, volumeShare: 0.05 } as const

/** Where a new Droplet goes when no region is given: the first one that has both. */
export function regionByDefault(image: Image, size: Size): string {
  return image.regions.find((one) => size.regions.includes(one)) ?? 'nyc3'
}
