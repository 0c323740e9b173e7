import type { z } from 'zod'
import type { RestoreRequest } from '../../snapshots/provider.ts'
import { DigitalOceanRestore } from '../../snapshots/requests.ts'
import { meaninglessOption } from '../refusals.ts'
import { DIGITALOCEAN } from './env.ts'
import { isOfVolume } from './ids.ts'
import type { VendorSnapshot } from './schemas.ts'

type Options = z.output<typeof DigitalOceanRestore>
export type InPlaceOptions = Pick<Options, 'rebuild'>
export type NewDropletOptions = Pick<Options, 'region' | 'size' | 'ssh_keys'>
export type NewVolumeOptions = Pick<Options, 'region' | 'size_gb'>

const TAKES = {
  in_place: ['rebuild'],
  droplet: ['region', 'size', 'ssh_keys'],
  volume: ['region', 'size_gb'],
} as const

const WHAT = {
  in_place: 'a restore in place',
  droplet: 'a new Droplet',
  volume: 'a new volume',
} as const

/** INVALID_ARGUMENT for an option that would be without effect here. */
export function optionsOf({ options, mode }: RestoreRequest, snapshot: VendorSnapshot): Options {
  const parsed = DigitalOceanRestore.parse(options ?? {})
  const kind = mode === 'in_place' ? mode : isOfVolume(snapshot) ? 'volume' : 'droplet'
  const takes: readonly string[] = TAKES[kind]
  const beyond = Object.entries(parsed).find(
    ([name, value]) => value !== undefined && value !== false && !takes.includes(name),
  )
  if (!beyond) return parsed
  throw meaninglessOption(beyond[0], WHAT[kind], takes, DIGITALOCEAN)
}
