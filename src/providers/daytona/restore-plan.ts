import type { z } from 'zod'
import { digest } from '../../guard/digest.ts'
import { fail } from '../../snapshots/errors.ts'
import { quotedName } from '../../snapshots/plain.ts'
import type { Context, RestorePlan, RestoreRequest } from '../../snapshots/provider.ts'
import { DaytonaRestore } from '../../snapshots/requests.ts'
import type { Cloud } from './cloud.ts'
import type { Listing } from './listing.ts'
import { copyNames, isAddressable } from './names.ts'
import { FORKED } from './restore-warnings.ts'
import type { SnapshotRecord } from './schemas.ts'
import { PROVIDER, sandboxBehind, stateOf } from './view.ts'

export type RestoreOptions = z.output<typeof DaytonaRestore>

/** What a restore would make. Changes nothing. */
export async function planRestore(
  cloud: Cloud,
  listing: Listing,
  request: RestoreRequest,
  ctx: Context,
): Promise<RestorePlan> {
  const record = await listing.record(request.snapshot, ctx)
  const snapshot = await listing.shown(record, ctx)
  const options = checkRequest(request, record)
  const { to, count } = request
  checkState(record, options)
  const names = to === undefined ? [] : copyNames({ to, count }, record.name, ctx.operation)
  for (const name of names) await checkFree(cloud, name, ctx)

  const what = count === 1 ? 'a new sandbox' : `${count} new sandboxes`
  const called = names.length === 0 ? '' : ` called ${quotedName(names[0]!)}${count > 1 ? ' and so on' : ''}`
  const of = options.fork
    ? `Fork the sandbox ${quotedName(snapshot.source.name)} as it is now into`
    : `From the Daytona snapshot ${quotedName(record.name)} make`
  const state = stateOf(record)
  return {
    request,
    snapshot,
    target: { kind: 'sandbox', id: to ?? `new of ${record.id}`, name: to ?? `new of ${record.name}` },
    summary: `${of} ${what}${called}`,
    effects: {
      sandboxes: count,
      ...(names.length > 0 && { names }),
      region: options.region ?? cloud.region ?? 'default',
      from: options.fork ? 'sandbox as it is now' : 'snapshot',
      activates_snapshot: !options.fork && state === 'inactive',
    },
    // Nothing goes away.
    reversible: true,
    warnings: [
      ...(options.fork ? [FORKED] : []),
      ...(!options.fork && state === 'inactive'
        ? ['The snapshot is inactive: it is activated first, which can take minutes.']
        : []),
      'Every sandbox that runs costs money until it is stopped or deleted.',
    ],
    fingerprint: digest([record.id, record.name, record.state, names]),
  }
}

/** The options, when all that is asked for can be had. */
function checkRequest({ mode, paths, to, options }: RestoreRequest, record: SnapshotRecord): RestoreOptions {
  if (mode !== 'new')
    throw unsupported('put a sandbox back to a snapshot', 'Use mode:"new", and delete the old sandbox later.')
  if (paths)
    throw unsupported('restore chosen paths', 'Leave "paths" out, and copy them out of the new sandbox.')
  if (to !== undefined && (!isAddressable(to) || to.includes('/')))
    throw wrong(`${quotedName(to)} is no name for a sandbox`, 'Use letters, digits, dots and hyphens.')
  const given = DaytonaRestore.parse(options ?? {})
  if (!given.fork) return given
  if (given.region !== undefined || given.auto_stop_minutes !== undefined)
    throw wrong('A fork takes over the region and the settings of its sandbox', 'Leave them out.')
  if (sandboxBehind(record) === undefined)
    throw unsupported('fork what was not taken of a sandbox', 'Leave "fork" out.')
  return given
}

function checkState(record: SnapshotRecord, { fork }: RestoreOptions): void {
  const state = stateOf(record)
  if (fork || state === 'ready' || state === 'inactive' || state === 'unknown') return
  throw fail(
    state === 'creating' ? 'BUSY' : 'CONFLICT',
    `The snapshot ${quotedName(record.name)} is in state ${quotedName(record.state)}: no sandbox can be made from it. Nothing was changed.`,
    state === 'creating' ? 'snapshot_get with wait_seconds waits for it.' : 'Choose another snapshot.',
    { provider: PROVIDER },
  )
}

async function checkFree({ api }: Cloud, name: string, ctx: Context): Promise<void> {
  if (!(await api.findSandbox(name, ctx))) return
  throw fail(
    'ALREADY_EXISTS',
    `There is a sandbox ${quotedName(name)} already. Nothing was changed.`,
    'Choose another name in "to", or leave it out.',
    { provider: PROVIDER },
  )
}

const unsupported = (what: string, hint: string) =>
  fail('UNSUPPORTED', `Daytona cannot ${what}. Nothing was changed.`, hint, { provider: PROVIDER })

const wrong = (what: string, hint: string) =>
  fail('INVALID_ARGUMENT', `${what}. Nothing was changed.`, hint, { provider: PROVIDER })
