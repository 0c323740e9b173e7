import type { z } from 'zod'
import { fail } from '../../snapshots/errors.ts'
import type { CreateRequest } from '../../snapshots/provider.ts'
import { DaytonaCreate } from '../../snapshots/requests.ts'
import { meaninglessOption } from '../refusals.ts'
import { DAYTONA, PROVIDER } from './view.ts'

export type CreateOptions = z.output<typeof DaytonaCreate>

/** Which options mean something for which kind of source. */
const OPTIONS: Record<string, readonly (keyof CreateOptions)[]> = {
  sandbox: ['include_memory'],
  image: ['cpu', 'memory_gb', 'disk_gb', 'gpu', 'region', 'entrypoint'],
  dockerfile: ['cpu', 'memory_gb', 'disk_gb', 'gpu', 'region', 'context'],
}

/** The options, when all that is asked for can be had. */
export function checkOptions({
  source,
  options,
  note,
  labels,
  expires_at,
  ...request
}: CreateRequest): CreateOptions {
  const allowed = OPTIONS[source.kind]
  if (!allowed)
    throw unsupported(`a snapshot of a ${source.kind}`, 'snapshot_sources lists what it can capture.')
  if (note !== undefined || Object.keys(labels).length > 0)
    throw unsupported('notes and labels of snapshots', 'Leave them out; the name says what it is.')
  if (expires_at !== undefined)
    throw unsupported(
      'an expiry of snapshots',
      'Leave ttl out, and delete the snapshot when it is not needed.',
    )
  if (request.protected) throw unsupported('protection of snapshots', 'Leave it out.')
  const given = DaytonaCreate.parse(options ?? {})
  const foreign = (Object.keys(given) as (keyof CreateOptions)[]).find(
    (key) => given[key] !== undefined && !allowed.includes(key),
  )
  if (foreign === undefined) return given
  throw meaninglessOption(foreign, `a snapshot of a ${source.kind}`, allowed, DAYTONA)
}

const unsupported = (what: string, hint: string) =>
  fail('UNSUPPORTED', `Daytona knows no ${what.replace(/^an? /, '')}. Nothing was changed.`, hint, {
    provider: PROVIDER,
  })

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** Without what is undefined: the server takes null for a value. */
export function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>
}
