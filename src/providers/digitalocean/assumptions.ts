/**
 * What no document of DigitalOcean settles, all in one place. Besides what stands below:
 *
 * - A name may hold a tilde and be as long as 255 characters, that of a volume snapshot as well.
 * - A tag that exists already can be created again, or that is refused with a 4xx that does no harm.
 * - Tags keep the case in which they were first made: a label may come back in another case than it was given.
 * - A new action of the type that was asked for, on a Droplet that takes one event at a time, is the one asked for, when
 *   it began about then.
 * - Ids of actions grow.
 * - After a restore or a rebuild a Droplet that was off may be on or off.
 * - GPU Droplets are not listed as sources (the list leaves them out unless asked for them alone); their ids work.
 */
export const ASSUMED = {
  /** Bytes in what is called a gigabyte: volumes are said to be billed by the GiB, and disks are shown in it. */
  bytesPerGigabyte: 2 ** 30,
  /** How long an event of somebody else is waited for before the own one is given up. */
  busyMs: 600_000,
  /** How far the clock here and that of DigitalOcean may be apart. */
  skewMs: 300_000,
  /** The longest that an action on a whole disk is watched. Those of an hour are known. */
  actionMs: 4 * 3_600_000,
  /** How long a machine may take to start. */
  bootMs: 600_000,
  /** How long a deleted snapshot may still be shown, and a finished one not yet. */
  lagMs: 60_000,
  /** What a machine that was switched off for us is given to come back after the caller has cancelled. */
  graceMs: 30_000,
  /** Refusals are known to say "limit" in some way: the words are nowhere described. */
  quota: /\blimit(s|ed)?\b|capacity/i,
  /** US dollars a month for one GiB of a volume, from the public price list; the API does not tell. */
  usdPerVolumeGigabyte: 0.1,
} as const
