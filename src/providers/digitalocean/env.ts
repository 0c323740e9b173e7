import type { Vendor } from '../cloud.ts'
import type { Clock } from '../http/time.ts'
import type { Api } from './api.ts'

/** What every part of this provider works with. */
export interface Env extends Clock {
  api: Api
  /** Whether a restore in place saves first what it is about to overwrite. */
  safetySnapshots: boolean
}

export const PROVIDER = 'digitalocean'
export const DIGITALOCEAN = { provider: PROVIDER, title: 'DigitalOcean' } as const satisfies Vendor
