import { fail } from '../../snapshots/errors.ts'
import { plain } from '../../snapshots/plain.ts'
import { absent } from '../absent.ts'
import type { CallContext } from '../http/exchange.ts'
import type { Env } from './env.ts'
import { numberIn } from './ids.ts'
import type { Droplet, Size, VendorSnapshot } from './schemas.ts'

/** Where and as what a new Droplet is made. */
export interface Place {
  region: string
  size: Size
}

/**
 * The region and the size that were asked for; else those of the Droplet that the snapshot is of; else the first region
 * of the snapshot and the cheapest size that will do. Refused here is what DigitalOcean would refuse in vaguer words.
 */
export async function placeFor(
  { api }: Env,
  snapshot: VendorSnapshot,
  wanted: { region?: string | undefined; size?: string | undefined },
  ctx: CallContext,
): Promise<Place> {
  const origin = numberIn(String(snapshot.resource_id))
  const [droplet, sizes] = await Promise.all([
    origin === undefined ? undefined : api.droplet(origin, ctx).catch(absent),
    api.sizes(ctx),
  ])
  const region = regionFor(snapshot, wanted.region, droplet)
  const least = snapshot.min_disk_size ?? 0
  const here = sizes.filter((size) => size.available !== false && size.regions.includes(region))
  const fitting = here
    .filter(({ disk }) => disk >= least)
    .sort((a, b) => a.price_monthly - b.price_monthly || a.disk - b.disk)
  const [cheapest] = fitting
  if (wanted.size === undefined) {
    const size = fitting.find(({ slug }) => slug === droplet?.size_slug) ?? cheapest
    if (size) return { region, size }
    throw unfit(`No size has a disk of ${least} GB in ${region}.`, 'Choose another region of the snapshot.')
  }
  const size = fitting.find(({ slug }) => slug === wanted.size)
  if (size) return { region, size }
  const small = here.find(({ slug }) => slug === wanted.size)
  const why = small
    ? `The snapshot needs a disk of ${least} GB, and ${small.slug} has ${small.disk} GB.`
    : `There is no size ${wanted.size} in ${region}.`
  throw unfit(
    why,
    cheapest ? `${plain(cheapest.slug)} would do, for example.` : 'Choose another region of the snapshot.',
  )
}

function regionFor(
  { regions }: VendorSnapshot,
  wanted: string | undefined,
  droplet: Droplet | undefined,
): string {
  const has = regions ?? []
  const home = droplet && has.includes(droplet.region.slug) ? droplet.region.slug : has[0]
  const region = wanted ?? home
  if (region !== undefined && has.includes(region)) return region
  throw fail(
    'CONFLICT',
    `The snapshot is not in the region ${region ?? 'of anything'}; it is in ${has.map((one) => plain(one)).join(', ') || 'none'}. Nothing was made.`,
    region === undefined
      ? 'Look at it in the control panel of DigitalOcean.'
      : `Choose one of these, or call snapshot_update with add_regions:["${region}"] first.`,
  )
}

const unfit = (why: string, hint: string) =>
  fail('INVALID_ARGUMENT', `${why} Nothing was made.`, `${hint} It goes in digitalocean:{"size"}.`)
