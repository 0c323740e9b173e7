import { digest } from '../../guard/digest.ts'
import { fail } from '../../snapshots/errors.ts'
import type { Snapshot } from '../../snapshots/model.ts'
import { someNames } from '../../snapshots/plain.ts'
import type { Context, DeletePlan, Provider } from '../../snapshots/provider.ts'
import { type Deletion, deleteAll, deletionSummary } from '../deleting.ts'
import { FIRST_LOOK_MS, PATIENCE } from './assumptions.ts'
import { type Cloud, counting } from './cloud.ts'
import type { Listing } from './listing.ts'
import type { SnapshotRecord } from './schemas.ts'
import { DAYTONA, PROVIDER, stateOf } from './view.ts'

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
      summary: deletionSummary(DAYTONA.title, snapshots),
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

  function deletion(): Deletion<SnapshotRecord> {
    const back = new Set<string>()
    return {
      title: DAYTONA.title,
      look: api.snapshot,
      refusal: (seen) => (seen.general ? general([seen]) : undefined),
      remove: api.removeSnapshot,
      stays(seen) {
        if (stateOf(seen) !== 'inactive') return undefined
        // Once may be how it was before.
        if (back.has(seen.id)) return broughtBack()
        back.add(seen.id)
      },
      ...{ firstMs: FIRST_LOOK_MS, timeoutMs: PATIENCE.removal },
    }
  }
  return {
    planDelete,
    delete: ({ snapshots }, ctx) => deleteAll(deletion(), snapshots, cloud, counting(ctx)),
  }
}

const isGeneral = ({ native }: Snapshot) => native.general === true

const general = (theirs: readonly Pick<Snapshot, 'name'>[]) =>
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
