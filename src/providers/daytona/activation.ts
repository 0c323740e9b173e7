import { fail } from '../../snapshots/errors.ts'
import { plain, quotedName } from '../../snapshots/plain.ts'
import type { Context, Provider } from '../../snapshots/provider.ts'
import { sendOnce } from '../once.ts'
import { waitFor } from '../wait.ts'
import { FIRST_LOOK_MS, PATIENCE } from './assumptions.ts'
import { type Cloud, counting } from './cloud.ts'
import type { Listing } from './listing.ts'
import type { SnapshotRecord } from './schemas.ts'
import { lookTwice } from './twice.ts'
import { PROVIDER, reasonOf, stateOf } from './view.ts'

/**
 * Snapshots that nobody uses become inactive after two weeks: no sandbox can be made from one until it is activated,
 * which can take as long as a pull. The only thing about a snapshot that can be changed.
 */
export function createActivation(
  cloud: Cloud,
  listing: Listing,
): Required<Pick<Provider, 'update'>> & {
  activate(record: SnapshotRecord, ctx: Context): Promise<SnapshotRecord>
} {
  const { api } = cloud

  /** Sends it when the state is the one to leave; what was sent twice would be refused the second time. */
  async function leave(
    { id }: SnapshotRecord,
    state: 'ready' | 'inactive',
    send: (id: string, ctx: Context) => Promise<unknown>,
    ctx: Context,
  ): Promise<void> {
    await sendOnce(
      {
        send: async () => {
          await send(id, ctx)
          return true
        },
        find: async (call) => stateOf(await api.snapshot(id, call)) !== state || undefined,
      },
      cloud,
      ctx,
    )
  }

  async function activate(record: SnapshotRecord, ctx: Context): Promise<SnapshotRecord> {
    await leave(record, 'inactive', api.activate, ctx)
    const now = await waitFor(
      {
        what: 'The activation',
        read: (call) => lookTwice((ctx) => api.snapshot(record.id, ctx), isInactive, cloud, call),
        settled: (seen) => !['creating', 'unknown'].includes(stateOf(seen)),
        describe: ({ state }) => `the snapshot is being activated: ${plain(state, 30)}`,
        ...{ firstMs: FIRST_LOOK_MS, timeoutMs: PATIENCE.activation },
      },
      cloud,
      ctx,
    )
    if (stateOf(now) === 'ready') return now
    throw fail(
      'PROVIDER_UNAVAILABLE',
      `The snapshot ${quotedName(now.name)} could not be activated: it is ${quotedName(now.state)} now (${reasonOf(now.errorReason)}).`,
      'snapshot_get shows how it is.',
      { provider: PROVIDER, outcome: 'partial', retryable: false },
    )
  }

  async function deactivate(record: SnapshotRecord, ctx: Context): Promise<SnapshotRecord> {
    await leave(record, 'ready', api.deactivate, ctx)
    return waitFor(
      {
        what: 'The deactivation',
        read: (call) => api.snapshot(record.id, call),
        settled: isInactive,
        describe: ({ state }) => `the snapshot is being deactivated: ${plain(state, 30)}`,
        ...{ firstMs: FIRST_LOOK_MS, timeoutMs: PATIENCE.activation },
      },
      cloud,
      ctx,
    )
  }

  return {
    activate,
    async update(nativeId, { active, ...others }, given) {
      const ctx = counting(given)
      const record = await listing.record(nativeId, ctx)
      const other = Object.entries(others).find(([, value]) => value !== undefined)?.[0]
      if (other !== undefined) throw fixed(other)
      const state = stateOf(record)
      const wanted = active ? 'ready' : 'inactive'
      if (active === undefined || state === wanted) return listing.shown(record, ctx)
      if (record.general) throw notOurs(record)
      // A removal would be taken back by a deactivation, and a pull would be broken off.
      if (state !== 'ready' && state !== 'inactive') throw midway(record)
      return listing.shown(await (active ? activate : deactivate)(record, ctx), ctx)
    },
  }
}

const isInactive = (seen: SnapshotRecord) => stateOf(seen) === 'inactive'

const fixed = (field: string) =>
  fail(
    'UNSUPPORTED',
    `Daytona cannot change "${field}" of a snapshot. Nothing was changed.`,
    'It can change: active. For another name, capture again with snapshot_create.',
    { provider: PROVIDER },
  )

const notOurs = ({ name }: SnapshotRecord) =>
  fail(
    'FORBIDDEN',
    `${quotedName(name)} is one of Daytona's own snapshots, which nobody else can change. Nothing was changed.`,
    'snapshot_list shows the ones of this organisation.',
    { provider: PROVIDER },
  )

function midway({ name, state }: SnapshotRecord) {
  return fail(
    stateOf({ state } as SnapshotRecord) === 'creating' ? 'BUSY' : 'CONFLICT',
    `The snapshot ${quotedName(name)} is in state ${quotedName(state)}. Nothing was changed.`,
    'snapshot_get shows when that is over; only an active or inactive one can be switched.',
    { provider: PROVIDER },
  )
}
