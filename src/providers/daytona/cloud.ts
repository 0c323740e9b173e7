import type { Context } from '../../snapshots/provider.ts'
import type { Time } from '../http/time.ts'
import type { Api } from './api.ts'
import type { SandboxNames } from './sandbox-names.ts'
import type { Storage } from './storage.ts'

/** What every part of this provider works with. */
export interface Cloud {
  readonly api: Api
  readonly storage: Storage
  readonly names: SandboxNames
  readonly time: Time
  readonly random: () => number
  /** Where things are made unless the call says otherwise; undefined leaves it to the vendor. */
  readonly region: string | undefined
  /** Where Dockerfiles may be read. */
  readonly roots: readonly string[]
}

/** The same context for work in several steps, each of which counts its progress from one: in messages. */
export function counting(ctx: Context): Context {
  let told = 0
  return { ...ctx, progress: (_done, _total, message) => ctx.progress(++told, undefined, message) }
}
