import { digest } from '../../guard/digest.ts'
import type { Snapshot } from '../../snapshots/model.ts'
import { plain } from '../../snapshots/plain.ts'
import type { Context, DeletePlan, DeleteResult } from '../../snapshots/provider.ts'
import { type Deletion, deleteAll, deletionSummary } from '../deleting.ts'
import { nativeId } from '../native-id.ts'
import { checkUnprotected, protectedOnes } from '../refusals.ts'
import { sourceKey } from '../sources.ts'
import { FIRST_LOOK_MS, GONE_MS } from './assumptions.ts'
import { MORPH, type Morph } from './engine.ts'
import { toSnapshot } from './view.ts'
import type { Instance, MorphSnapshot } from './wire.ts'

/** NOT_FOUND for any that is not there, PROTECTED for any that must stay. */
export async function planDelete({ api }: Morph, ids: readonly string[], ctx: Context): Promise<DeletePlan> {
  const snapshots: Snapshot[] = []
  for (const id of new Set(ids)) snapshots.push(toSnapshot(await api.snapshot(id, ctx)))
  checkUnprotected(snapshots, MORPH)
  const users = usersOf(snapshots, await api.instances({}, ctx))
  const facts = snapshots.map(({ id, name, state, created_at, source }) => ({
    id,
    name,
    state,
    created_at,
    source: sourceKey(source),
  }))
  return {
    snapshots,
    summary: deletionSummary(MORPH.title, snapshots),
    effects: { snapshots: facts, ...(users.length > 0 && { instances: users }) },
    reversible: false,
    warnings: warningsFor(users),
    fingerprint: digest({ facts, users }),
  }
}

export function deleteSnapshots(
  morph: Morph,
  { snapshots }: DeletePlan,
  ctx: Context,
): Promise<DeleteResult> {
  const { api } = morph
  const deletion: Deletion<MorphSnapshot> = {
    title: MORPH.title,
    look: api.snapshot,
    refusal(seen) {
      const snapshot = toSnapshot(seen)
      return snapshot.protected ? protectedOnes([snapshot], MORPH) : undefined
    },
    remove: api.deleteSnapshot,
    ...{ firstMs: FIRST_LOOK_MS, timeoutMs: GONE_MS },
  }
  return deleteAll(deletion, snapshots, morph, ctx)
}

interface User {
  instance: string
  snapshot: string
}

const usersOf = (snapshots: readonly Snapshot[], instances: readonly Instance[]): User[] => {
  const ids = new Set(snapshots.map(nativeId))
  return instances.flatMap(({ id, refs }) => {
    const snapshot = refs?.snapshot_id ?? ''
    return ids.has(snapshot) ? [{ instance: id, snapshot: `morph:${snapshot}` }] : []
  })
}

function warningsFor(users: readonly User[]): string[] {
  if (users.length === 0) return []
  const [first] = users
  const others = users.length > 1 ? ` and ${users.length - 1} more` : ''
  return [
    `Instance ${plain(first!.instance, 80)}${others} was started from what is to be deleted: it cannot be started from there again.`,
  ]
}
