import { SnapshotError } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import type { PurgePlan, PurgeRequest, PurgeResult } from '../../snapshots/upkeep.ts'
import type { Engine } from './engine.ts'
import { createPause } from './pause.ts'
import { isProtected, toSnapshot } from './snapshot-view.ts'
import { collect, estimate, insistOnTurn, SHARE } from './store/gc.ts'
import type { Stored } from './store/manifest.ts'
import type { Store } from './store/store.ts'
import { systemError } from './system-error.ts'

/** What the operator's `purge` would delete for good: of all sources, for the space belongs to all of them. */
export async function planPurge(
  { store, clock }: Engine,
  request: PurgeRequest,
  ctx: Context,
): Promise<PurgePlan> {
  const now = clock()
  const trashed = store.manifests.list().stored.filter((stored) => stored.trashed)
  const chosen = trashed.filter((stored) => isChosen(stored, request, now))
  const except = new Set(chosen.map(({ id }) => id))
  const plan = {
    request,
    snapshots: chosen.map((stored) => toSnapshot(stored, now)),
    kept: trashed.length - chosen.length,
  }
  try {
    const expected = await estimate(store, { share: SHARE.all, pause: createPause(ctx), except })
    return { ...plan, used_bytes: store.objects.size(), expected_bytes: expected }
  } catch (error) {
    if (!(error instanceof SnapshotError && error.code === 'CORRUPT')) throw error
    return { ...plan, used_bytes: store.objects.size(), expected_bytes: 0, problem: error.problem }
  }
}

/** Deletes what was planned, where it still lies in the trash, then frees what no snapshot needs. */
export async function purge({ store, clock }: Engine, plan: PurgePlan, ctx: Context): Promise<PurgeResult> {
  const pause = createPause(ctx)
  const planned = new Set(plan.snapshots.map(({ id }) => id.slice('local:'.length)))
  const turn = await insistOnTurn(store.leases, pause)
  let deleted: string[]
  try {
    const now = clock()
    const { stored } = store.manifests.list()
    const chosen = stored.filter((each) => planned.has(each.id) && isChosen(each, plan.request, now))
    deleted = store.manifests.remove(
      chosen.map(({ id }) => id),
      'trash',
    )
  } finally {
    turn.release()
  }
  try {
    const { freed, left } = await collect(store, { share: SHARE.all, pause, insist: true })
    const more = { freed_bytes: Math.max(0, freed), used_bytes: store.objects.size() }
    return { deleted, ...more, ...(left && { left: LEFT[left] }) }
  } catch (error) {
    if (!(error instanceof SnapshotError && error.code === 'CORRUPT')) {
      throw systemError(error, 'What was to be deleted is, but its space could not be freed', 'partial')
    }
    const { message, hint } = error.problem
    return { deleted, freed_bytes: 0, used_bytes: store.objects.size(), left: `${message} ${hint}` }
  }
}

const LEFT = {
  busy: 'Snapshots were being made meanwhile, so some space was not freed. Run it again later.',
  no_room:
    'The disk has no room to copy what is still needed, so some space was not freed. Free some elsewhere.',
  damaged:
    'Some stored data is damaged and was left where it is. snapshot-mcp verify says what it belongs to.',
}

function isChosen(stored: Stored, { all }: PurgeRequest, now: number): boolean {
  const { trashed, details } = stored
  if (!trashed || isProtected(stored, now)) return false
  return all || (details.trashed !== undefined && now >= Date.parse(details.trashed.until))
}

/**
 * Deletes for good what has been in the trash for its whole window, both by its date and by the store's own count of
 * time, which a clock that jumps does not move. Does nothing while somebody is at work.
 */
export function dropEnded(
  store: Store,
  { clock, passed, log, expirable }: Pick<Engine, 'clock' | 'passed' | 'log' | 'expirable'>,
): void {
  const { manifests } = store
  const now = clock()
  const trashed = () => manifests.list().stored.filter((stored) => stored.trashed)
  const isEnded = (stored: Stored) => isChosen(stored, { all: false }, now)
  const allowed = (all: Stored[]) => {
    const may = new Set(
      expirable(
        all.map((stored) => toSnapshot(stored, now)),
        [],
      ).map(({ id }) => id),
    )
    return all.filter(({ id }) => may.has(`local:${id}`))
  }
  if (!trashed().some(isEnded)) return
  const turn = store.leases.exclude()
  if (!turn) return
  try {
    const time = passed()
    const ended = allowed(trashed().filter(isEnded))
    for (const stored of ended) countFrom(store, stored, time)
    const lasted = ended.filter((stored) => hasLasted(stored, time))
    const dropped = manifests.remove(
      lasted.map(({ id }) => id),
      'trash',
    )
    if (dropped.length > 0)
      log.info('deleted for good what had left the trash window', { snapshots: dropped })
  } finally {
    turn.release()
  }
}

function hasLasted({ details: { trashed } }: Stored, time: number): boolean {
  if (trashed?.seen === undefined) return false
  return time - trashed.seen >= Date.parse(trashed.until) - Date.parse(trashed.at)
}

/** What was deleted by another count of time, or by none, is counted from now on. */
function countFrom({ manifests }: Store, { id, details }: Stored, time: number): void {
  const { trashed } = details
  if (!trashed || (trashed.seen !== undefined && trashed.seen <= time)) return
  manifests.setDetails(id, { ...details, trashed: { ...trashed, seen: time } })
}
