import { fail } from '../../snapshots/errors.ts'
import { plain } from '../../snapshots/plain.ts'
import { noSnapshot } from '../refusals.ts'
import { DIGITALOCEAN } from './env.ts'
import type { VendorSnapshot } from './schemas.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export const isUuid = (text: string) => UUID.test(text)

/** The id of a Droplet or an image in a text; undefined for what is none. */
export function numberIn(text: string): number | undefined {
  const id = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : undefined
  return Number.isSafeInteger(id) ? id : undefined
}

/** A snapshot id as the API takes it. Anything else names no snapshot, and nobody needs to be asked. */
export function snapshotId(native: string): string {
  if (numberIn(native) !== undefined || isUuid(native)) return native
  throw noSnapshot(native, DIGITALOCEAN)
}

/** By what it is of, not by the shape of its id. */
export const isOfVolume = ({ resource_type }: VendorSnapshot) => resource_type === 'volume'

/** The id of a Droplet's snapshot as bodies need it. */
export function imageId({ id }: Pick<VendorSnapshot, 'id'>): number {
  const image = numberIn(String(id))
  if (image !== undefined) return image
  throw fail(
    'PROVIDER_BUG',
    `DigitalOcean shows the snapshot ${plain(String(id), 80)} of a Droplet, whose id is no number. Nothing was changed.`,
    'Look at it in the control panel of DigitalOcean.',
  )
}
