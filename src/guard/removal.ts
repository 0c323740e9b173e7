import { fail } from '../snapshots/errors.ts'
import { durationMs, type Snapshot } from '../snapshots/model.ts'
import type { Mode } from './doors.ts'
import { matchesGlob } from './glob.ts'
import type { RemovalWay, Removes, Renaming } from './guard-api.ts'
import { deletionOf, denied, onlyReversible, type Policy, permit } from './policy.ts'

/** Snapshots that a deed takes away. */
export interface Removal extends RemovalWay, Removes {}

/** Throws what the policy does not let go: PROTECTED or POLICY_DENIED. */
export async function permitRemoval(policy: Policy, removal: Removal, now: number): Promise<void> {
  const { provider, reversible, snapshots: removes, shelf } = removal
  if (removes.length === 0) return
  if (!reversible && deletionOf(policy, provider) === 'trash') throw onlyReversible()
  for (const snapshot of removes) {
    if (snapshot.protected) throw isProtected(snapshot)
    if (isSpared(policy, snapshot)) throw isSparedByPolicy(snapshot)
    if (isTooYoung(policy, snapshot, now)) {
      throw denied(
        `${snapshot.id} is younger than ${policy.min_age}, and the operator lets only older snapshots go.`,
        `Leave it out, or call again when it is ${policy.min_age} old.`,
      )
    }
  }
  const least = keepAtLeast(policy, removal)
  if (least === 0 || !removes.some(isHistory)) return
  const going = new Set(removes.map(({ id }) => id))
  for (const snapshots of bySource(await shelf())) {
    if (!snapshots.some(({ id }) => going.has(id))) continue
    const [newest] = snapshots
    if (newest && going.has(newest.id)) {
      throw denied(
        `${newest.id} is the newest snapshot of ${newest.source.name}, which the operator wants kept.`,
        'Leave it out, or call snapshot_create first.',
      )
    }
    if (snapshots.filter(({ id }) => !going.has(id)).length >= least) continue
    throw denied(
      `The operator wants at least ${least} snapshots of ${newest?.source.name} kept, and fewer would stay.`,
      'Name fewer snapshots.',
    )
  }
}

/**
 * What of `due` the policy lets go, oldest first: for what decides by itself which snapshots go, such as a retention
 * rule or an expiry.
 */
export function removable(
  policy: Policy,
  due: readonly Snapshot[],
  shelf: readonly Snapshot[],
  { reversible, now }: { reversible: boolean; now: number },
): Snapshot[] {
  const least = keepAtLeast(policy, { reversible })
  const left = new Map<string, number>()
  const newest = new Set<string>()
  for (const snapshots of bySource(shelf)) {
    const [first] = snapshots
    if (!first) continue
    left.set(sourceKey(first), snapshots.length)
    if (least > 0) newest.add(first.id)
  }
  return [...due].sort(oldestFirst).filter((snapshot) => {
    if (isSpared(policy, snapshot) || isTooYoung(policy, snapshot, now)) return false
    if (!isHistory(snapshot)) return true
    const count = left.get(sourceKey(snapshot)) ?? 0
    if (newest.has(snapshot.id) || count <= least) return false
    left.set(sourceKey(snapshot), count - 1)
    return true
  })
}

/** An expiry is a delete that happens when nobody can be asked: where a person must agree to each, there is none. */
export function permitExpiry(
  policy: Policy,
  snapshot: Snapshot,
  { mode, reversible }: { mode: Mode; reversible: boolean },
): void {
  const { provider } = snapshot
  permit(policy, { type: 'delete', provider })
  if (!reversible && deletionOf(policy, provider) !== 'permanent') throw onlyReversible()
  if (isSpared(policy, snapshot)) throw isSparedByPolicy(snapshot)
  if (mode === 'human') {
    throw denied(
      'Here a person agrees to every delete, and nobody can be asked when a snapshot expires.',
      'Call snapshot_delete when the snapshot should go: a person then decides.',
    )
  }
}

/** Else a new name or label would take a snapshot out of the operator's protection. */
export function permitChange(policy: Policy, before: Snapshot, change: Renaming): void {
  const { name = before.name, labels = before.labels } = change
  if (!isSpared(policy, before) || isSpared(policy, { ...before, name, labels })) return
  throw denied(
    `${before.id} is protected by the policy for its name or its labels, and would not be with these.`,
    'Keep the name or the label that protects it.',
  )
}

/** What one can go back to: a safety snapshot or a failed one is no reason to let another go. */
export const isHistory = ({ state, auto }: Snapshot) => state === 'ready' && !auto

/** As quotas and rules count it. */
export const sourceKey = ({ provider, source: { kind, id } }: Pick<Snapshot, 'provider' | 'source'>) =>
  `${provider}:${kind}:${id}`

function keepAtLeast({ min_keep }: Policy, { reversible }: Pick<RemovalWay, 'reversible'>): number {
  return min_keep ?? (reversible ? 0 : 1)
}

function isSpared({ protect }: Policy, { id, name, labels }: Snapshot): boolean {
  if (!protect) return false
  return (
    (protect.ids ?? []).some((glob) => matchesGlob(glob, id)) ||
    (protect.names ?? []).some((glob) => matchesGlob(glob, name)) ||
    Object.entries(protect.labels ?? {}).some(([label, glob]) => {
      const value = Object.hasOwn(labels, label) ? labels[label] : undefined
      return value !== undefined && matchesGlob(glob, value)
    })
  )
}

function isTooYoung({ min_age }: Policy, { created_at, auto }: Snapshot, now: number): boolean {
  return min_age !== undefined && !auto && now - Date.parse(created_at) < durationMs(min_age)
}

/** Newest first, in each source. */
function bySource(snapshots: readonly Snapshot[]): Snapshot[][] {
  const sources = new Map<string, Snapshot[]>()
  for (const snapshot of snapshots) {
    if (!isHistory(snapshot)) continue
    const key = sourceKey(snapshot)
    const known = sources.get(key)
    if (known) known.push(snapshot)
    else sources.set(key, [snapshot])
  }
  return [...sources.values()].map((each) => each.sort((a, b) => oldestFirst(b, a)))
}

const oldestFirst = (a: Snapshot, b: Snapshot) =>
  Date.parse(a.created_at) - Date.parse(b.created_at) || (a.id < b.id ? -1 : 1)

const isProtected = ({ id }: Snapshot) =>
  fail(
    'PROTECTED',
    `${id} is protected. Nothing was deleted.`,
    'Leave it out. Only a person can lift the protection, with "snapshot-mcp unprotect".',
  )

const isSparedByPolicy = ({ id }: Snapshot) =>
  fail(
    'PROTECTED',
    `${id} is protected by the policy of the operator. Nothing was deleted.`,
    'Leave it out. Only the operator of this server can change its policy.',
  )
