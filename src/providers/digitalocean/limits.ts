/** What DigitalOcean documents: docs.digitalocean.com/products/snapshots/details, its limits and its pricing page. */

export const SNAPSHOTS_PER_VOLUME = 25

/** Milliseconds between two snapshots of a volume. */
export const BETWEEN_MS = 600_000

/** For one key. */
export const RATE = { calls: 250, perMs: 60_000 } as const

/** After so long a guest that does not go down on its own is switched off. */
export const SHUTDOWN_MS = 120_000

/** Minutes for each GB in use, from its support pages ("How long will my backup or snapshot take to complete?"). */
const MINUTES_PER_GB = { least: 1, most: 3 } as const

const USD_PER_GB_MONTH = 0.06
const LEAST_USD = 0.01

/** US dollars a month for a snapshot of so many gigabytes, in whole cents. Copies in more regions cost nothing. */
export function costOf(gigabytes: number): { amount: number; currency: 'USD' } {
  return dollars(Math.max(LEAST_USD, gigabytes * USD_PER_GB_MONTH))
}

export const dollars = (amount: number) => ({
  amount: Math.round(amount * 100) / 100,
  currency: 'USD' as const,
})

/** The most minutes that it takes to copy a disk of so many gigabytes, all of them in use. */
export const mostMinutes = (gigabytes: number) => Math.ceil(gigabytes * MINUTES_PER_GB.most)

/** In a sentence that a person decides on. */
export function duration(gigabytes: number): string {
  const { least, most } = MINUTES_PER_GB
  return `about ${least} to ${most} minutes for each GB in use, so at most ${mostMinutes(gigabytes)} minutes for this disk`
}
