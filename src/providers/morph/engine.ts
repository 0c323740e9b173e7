import type { Vendor } from '../cloud.ts'
import type { Clock } from '../http/time.ts'
import type { Api } from './api.ts'

export const MORPH = { provider: 'morph', title: 'Morph' } as const satisfies Vendor

/** What all parts of the provider work with. */
export interface Morph extends Clock {
  api: Api
}
