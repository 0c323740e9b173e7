import { fail, toProblem } from '../../snapshots/errors.ts'
import type { Snapshot } from '../../snapshots/model.ts'
import { quotedName } from '../../snapshots/plain.ts'
import type { Context, DeletePlan, DeleteResult } from '../../snapshots/provider.ts'
import { type Engine, isoTime } from './engine.ts'
import { objectId } from './object-id.ts'
import { find, shelf } from './shelf.ts'
import { isProtected, toSnapshot } from './snapshot-view.ts'
import type { Stored } from './store/manifest.ts'
import { systemError } from './system-error.ts'

/** Deleting moves the manifest into the trash: the data stays, and the snapshot can be taken out again. */
export function planDelete(engine: Engine, ids: readonly string[]): DeletePlan {
  const now = engine.clock()
  const stored = ids.map((id) => deletable(engine, id, now))
  const until = isoTime(now + engine.trashWindowMs)
  return {
    snapshots: stored.map((entry) => toSnapshot(entry, now)),
    summary: `Move ${stored.length} ${stored.length === 1 ? 'snapshot' : 'snapshots'} to the trash; the space comes back some time after ${until}: ${listed(stored)}.`,
    effects: {
      snapshots: stored.map(({ id, manifest, details }) => ({
        id: `local:${id}`,
        name: details.name,
        created_at: manifest.created_at,
        size_bytes: manifest.size,
      })),
    },
    reversible: true,
    undo_until: until,
    warnings: [],
    fingerprint: objectId(
      Buffer.from(JSON.stringify(stored.map(({ id, details, trashed }) => [id, details, trashed]))),
    ),
  }
}

/** Counted first: how many there are must not be for a name to hide. */
function listed(stored: readonly Stored[]): string {
  const shown = stored
    .slice(0, 3)
    .map(
      ({ id, manifest, details }) =>
        `${quotedName(details.name)} of ${manifest.created_at} (...${id.slice(-6)})`,
    )
  const rest = stored.length - shown.length
  return shown.join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}

export function deleteSnapshots(engine: Engine, plan: DeletePlan): DeleteResult {
  const result: DeleteResult = { deleted: [], failed: [] }
  for (const { id } of plan.snapshots) {
    const native = id.slice('local:'.length)
    try {
      const now = engine.clock()
      deletable(engine, native, now)
      moveToTrash(engine, native, now)
      result.deleted.push(native)
    } catch (error) {
      const { code, message } = toProblem(systemError(error, 'The snapshot could not be deleted'))
      result.failed.push({ snapshot: native, code, message })
    }
  }
  return result
}

export function undelete(engine: Engine, ids: readonly string[], { signal }: Context): Promise<Snapshot[]> {
  return withTrash(engine, signal, () => {
    // A purge that was waited for may have taken one of them: then the others stay as well.
    const trashed = ids.map((id) => find(engine, id)).filter((stored) => stored.trashed)
    for (const [done, stored] of trashed.entries()) {
      try {
        takeOut(engine, stored)
      } catch (error) {
        if (done === 0) throw error
        throw systemError(
          error,
          `${done} of ${trashed.length} are out of the trash, the next one failed`,
          'partial',
        )
      }
    }
    return ids.map((id) => toSnapshot(find(engine, id), engine.clock()))
  })
}

/** A snapshot on its way out of the trash could be missed by gc, and found by a purge: neither is at work meanwhile. */
export async function withTrash<T>({ store }: Engine, signal: AbortSignal, work: () => T): Promise<T> {
  const lease = await store.leases.share(signal)
  try {
    return work()
  } finally {
    lease.release()
  }
}

/** Whoever takes an expired snapshot out of the trash wants to keep it. */
function takeOut({ store, clock }: Engine, { id, details }: Stored): void {
  if (details.expires_at !== undefined && clock() >= Date.parse(details.expires_at)) {
    const { expires_at: _, ...kept } = details
    store.manifests.setDetails(id, kept)
  }
  store.manifests.untrash(id)
}

/** Snapshots past their expiry go to the trash, where the undo window still holds them. */
export function trashExpired(engine: Engine): void {
  const now = engine.clock()
  const present = shelf(engine).stored.filter((stored) => !stored.trashed)
  const due = present.filter((stored) => isDue(stored, now))
  if (due.length === 0) return
  const shown = (all: readonly Stored[]) => all.map((stored) => toSnapshot(stored, now))
  for (const { id } of engine.expirable(shown(due), shown(present))) {
    const snapshot = id.slice('local:'.length)
    try {
      moveToTrash(engine, snapshot, now, true)
      engine.log.info('expired snapshot moved to the trash', { snapshot })
    } catch (error) {
      // Another process was quicker, or the store cannot be written: no reason to refuse a new snapshot.
      engine.log.warn('expired snapshot not moved to the trash', { snapshot, error })
    }
  }
}

function isDue(stored: Stored, now: number): boolean {
  const { expires_at: expires } = stored.details
  return expires !== undefined && now >= Date.parse(expires) && !isProtected(stored, now)
}

function moveToTrash(engine: Engine, id: string, now: number, expired = false): void {
  engine.store.manifests.trash(id, {
    at: isoTime(now),
    until: isoTime(now + engine.trashWindowMs),
    seen: engine.passed(),
    ...(expired && { expired }),
  })
}

function deletable(engine: Engine, id: string, now: number): Stored {
  const stored = find(engine, id)
  if (stored.trashed) {
    throw fail(
      'CONFLICT',
      `Snapshot local:${id} is in the trash already. Nothing was changed.`,
      'Leave it out of the call.',
    )
  }
  if (isProtected(stored, now)) {
    const why = stored.details.protected
      ? 'is protected'
      : `is a safety snapshot, protected until ${stored.details.protected_until}`
    throw fail(
      'PROTECTED',
      `Snapshot local:${id} ${why}. Nothing was deleted.`,
      'Leave it out. Only the operator can lift the protection.',
    )
  }
  return stored
}
