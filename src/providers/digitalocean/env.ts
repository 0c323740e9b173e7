import type { Time } from '../http/time.ts'
import type { Api } from './api.ts'

/** What every part of this provider works with. */
export interface Env {
  api: Api
  time: Time
  random: () => number
  /** Whether a restore in place saves first what it is about to overwrite. */
  safetySnapshots: boolean
}

export const PROVIDER = 'digitalocean'
