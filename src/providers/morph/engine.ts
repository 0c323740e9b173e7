import { fail } from '../../snapshots/errors.ts'
import type { Vendor } from '../cloud.ts'
import type { Clock } from '../http/time.ts'
import type { Api } from './api.ts'

export const MORPH = { provider: 'morph', title: 'Morph' } as const satisfies Vendor

/** As `fail`, with the name of the provider. */
export const failure: typeof fail = (code, message, hint, more) =>
  fail(code, message, hint, { provider: MORPH.provider, ...more })

/** What all parts of the provider work with. */
export interface Morph extends Clock {
  api: Api
}
