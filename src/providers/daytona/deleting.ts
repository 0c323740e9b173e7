import { digest } from '../../guard/digest.ts'
import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Snapshot } from '../../snapshots/model.ts'
import { someNames } from '../../snapshots/plain.ts'
import type { Context, DeletePlan, DeleteResult, Provider } from '../../snapshots/provider.ts'
import { unlessMissing } from './api.ts'
import { PATIENCE } from './assumptions.ts'
import { type Cloud, counting } from './cloud.ts'
import type { Listing } from './listing.ts'
import { PROVIDER, stateOf } from './view.ts'
import { settled } from './waiting.ts'

const nativeOf = ({ id }: Snapshot) => id.slice(PROVIDER.length + 1)

/** Deletes for good. A snapshot goes some time after the request, and its name is taken until then. */
export function createDeleting(cloud: Cloud, listing: Listing): Pick<Provider, 'planDelete' | 'delete'> {
  const { api } = cloud

  async function planDelete(ids: readonly string[], ctx: Context): Promise<DeletePlan> {
    const found: Snapshot[] = []
    for (const id of ids) found.push(await listing.get(id, ctx))
    const snapshots = [...new Map(found.map((each) => [each.id, each])).values()]
    const theirs = snapshots.filter(isGeneral)
    if (theirs.length > 0) throw general(theirs)
    const users = await usersOf(snapshots, ctx)
    const bytes = snapshots.reduce((sum, { size_bytes }) => sum + (size_bytes ?? 0), 0)
    const names = snapshots.map(({ name }) => name)
    return {
      snapshots,
      summary: `Delete ${snapshots.length} Daytona snapshot${snapshots.length === 1 ? '' : 's'} for good${someNames(names)}`,
      effects: { snapshots: snapshots.length, names: names.slice(0, 20), bytes, ...users.effects },
      reversible: false,
      warnings: users.warnings,
      fingerprint: digest(snapshots.map(({ id, name, state }) => [id, name, state])),
    }
  }

  /** Sandboxes go on without the snapshot that they were made from; but whoever reads the plan may want to know. */
  async function usersOf(snapshots: readonly Snapshot[], ctx: Context) {
    const names = new Set(snapshots.map(({ name }) => name))
    try {
      const users = (await api.sandboxes(ctx)).filter(({ snapshot }) => snapshot && names.has(snapshot))
      if (users.length === 0) return { effects: { sandboxes_made_from_them: 0 }, warnings: [] }
      const shown = someNames(users.map(({ id, name }) => name || id))
      const warning = `${users.length} sandboxes were made from them${shown}. They go on, but no more can be made.`
      return { effects: { sandboxes_made_from_them: users.length }, warnings: [warning] }
    } catch (error) {
      if (ctx.signal.aborted) throw error
      ctx.log.info('the sandboxes made from a snapshot are not known', { error })
      return { effects: {}, warnings: ['It is not known whether sandboxes were made from them.'] }
    }
  }

  /** Undefined when it is on its way out; else why not. */
  async function remove(id: string, ctx: Context): Promise<SnapshotError | undefined> {
    try {
      const present = await api.findSnapshot(id, ctx)
      if (present?.general) return general([await listing.shown(present, ctx)])
      if (present) await unlessMissing(api.removeSnapshot(id, ctx))
      return undefined
    } catch (error) {
      if (error instanceof SnapshotError && error.code !== 'CANCELLED') return error
      throw error
    }
  }

  /** Undefined when it is gone; else why not. */
  async function gone(id: string, ctx: Context): Promise<SnapshotError | undefined> {
    try {
      const last = await settled(
        cloud,
        {
          read: async (call) => (await api.findSnapshot(id, call)) ?? 'gone',
          settled: (seen) => seen === 'gone' || stateOf(seen) === 'inactive',
          describe: () => 'the snapshot is being removed',
          timeoutMs: PATIENCE.removal,
        },
        ctx,
      )
      return last === 'gone' ? undefined : broughtBack()
    } catch (error) {
      if (error instanceof SnapshotError && error.code !== 'CANCELLED') return error
      throw error
    }
  }

  return {
    planDelete,
    async delete(plan, given) {
      const ctx = counting(given)
      const outcomes = new Map<string, SnapshotError | undefined>()
      for (const snapshot of plan.snapshots) {
        if (ctx.signal.aborted) throw cancelled(outcomes)
        outcomes.set(nativeOf(snapshot), await remove(nativeOf(snapshot), ctx))
      }
      for (const [id, error] of outcomes) if (!error) outcomes.set(id, await gone(id, ctx))
      return resultOf(plan, outcomes)
    },
  }
}

function resultOf(plan: DeletePlan, outcomes: ReadonlyMap<string, SnapshotError | undefined>): DeleteResult {
  const failed = [...outcomes].flatMap(([snapshot, error]) =>
    error ? [{ snapshot, code: error.code, message: error.message }] : [],
  )
  const done = plan.snapshots.filter((each) => outcomes.get(nativeOf(each)) === undefined)
  const freed_bytes = done.reduce((sum, { size_bytes }) => sum + (size_bytes ?? 0), 0)
  return { deleted: done.map(nativeOf), failed, freed_bytes }
}

const isGeneral = ({ native }: Snapshot) => native.general === true

const general = (theirs: readonly Snapshot[]) =>
  fail(
    'FORBIDDEN',
    `Daytona's own snapshots cannot be deleted by anybody else${someNames(theirs.map(({ name }) => name))}. Nothing was done to them.`,
    'Leave them out; native.general tells them in snapshot_list.',
    { provider: PROVIDER },
  )

const broughtBack = () =>
  fail(
    'CONFLICT',
    'Somebody deactivated the snapshot while it was being removed, which takes the removal back.',
    'Call snapshot_delete again if it is still to go.',
    { provider: PROVIDER, outcome: 'partial' },
  )

const cancelled = ({ size }: ReadonlyMap<string, unknown>) =>
  fail(
    'CANCELLED',
    size === 0
      ? 'The call was cancelled. Nothing was deleted.'
      : `The call was cancelled when ${size} snapshots had been given up to be deleted; the others are there.`,
    size === 0 ? 'Call again.' : 'snapshot_list shows what is left.',
    { provider: PROVIDER, outcome: size === 0 ? 'not_started' : 'partial' },
  )
