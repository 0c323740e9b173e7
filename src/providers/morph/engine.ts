import type { Time } from '../http/time.ts'
import type { Api } from './api.ts'

export interface Clock {
  time: Time
  random: () => number
}

/** What all parts of the provider work with. */
export interface Morph extends Clock {
  api: Api
}
