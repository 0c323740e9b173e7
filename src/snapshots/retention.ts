import type { Snapshot } from './model.ts'

/** Which snapshots to spare. A rule that is absent or 0 spares nothing; the rules add up. */
export interface Retention {
  keep_last?: number | undefined
  /** The newest of each of the last N hours (UTC) that have one; likewise days and ISO weeks. */
  keep_hourly?: number | undefined
  keep_daily?: number | undefined
  keep_weekly?: number | undefined
  /** Milliseconds: younger ones are spared. */
  older_than_ms?: number | undefined
}

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Time to the number of its bucket. Day 0 was a Thursday, and weeks begin on Monday. */
const BUCKETS = {
  keep_hourly: (time: number) => Math.floor(time / HOUR),
  keep_daily: (time: number) => Math.floor(time / DAY),
  keep_weekly: (time: number) => Math.floor((Math.floor(time / DAY) + 3) / 7),
}

/** True when at least one rule says something: without one, everything would go. */
export function hasRule(rules: Retention): boolean {
  return Object.values(rules).some((rule) => rule !== undefined && rule > 0)
}

/**
 * The snapshots to remove, oldest first. Each source is looked at for itself. Only `ready` snapshots that people or
 * agents made count at all; the newest of a source and protected ones always stay.
 */
export function selectForRemoval(snapshots: readonly Snapshot[], rules: Retention, now: number): Snapshot[] {
  const bySource = new Map<string, Snapshot[]>()
  for (const snapshot of snapshots) {
    if (snapshot.state !== 'ready' || snapshot.auto) continue
    const key = `${snapshot.provider}\n${snapshot.source.kind}\n${snapshot.source.id}`
    bySource.set(key, [...(bySource.get(key) ?? []), snapshot])
  }
  return [...bySource.values()]
    .flatMap((ofOneSource) => selectOfOneSource(ofOneSource, rules, now))
    .sort(oldestFirst)
}

function selectOfOneSource(snapshots: Snapshot[], rules: Retention, now: number): Snapshot[] {
  const newestFirst = [...snapshots].sort(oldestFirst).reverse()
  const spared = new Set(newestFirst.slice(0, Math.max(1, rules.keep_last ?? 0)))

  for (const rule of ['keep_hourly', 'keep_daily', 'keep_weekly'] as const) {
    const seen = new Set<number>()
    for (const snapshot of newestFirst) {
      if (seen.size >= (rules[rule] ?? 0)) break
      const bucket = BUCKETS[rule](timeOf(snapshot))
      if (!seen.has(bucket)) spared.add(snapshot)
      seen.add(bucket)
    }
  }

  const youngest = rules.older_than_ms === undefined ? Number.POSITIVE_INFINITY : now - rules.older_than_ms
  return newestFirst.filter(
    (snapshot) => !spared.has(snapshot) && !snapshot.protected && timeOf(snapshot) < youngest,
  )
}

const timeOf = ({ created_at }: Snapshot) => Date.parse(created_at)

const oldestFirst = (a: Snapshot, b: Snapshot) => timeOf(a) - timeOf(b) || (a.id < b.id ? -1 : 1)
