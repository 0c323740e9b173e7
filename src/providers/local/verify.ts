import type { Verified } from '../../snapshots/model.ts'
import type { Context } from '../../snapshots/provider.ts'
import { adoptTimes } from './adopt-times.ts'
import { type Suspects, suspectsOf } from './check.ts'
import { stateDigest } from './digest.ts'
import type { Directory } from './directory.ts'
import type { Engine } from './engine.ts'
import type { LiveDirectory } from './live.ts'
import { type ByteString, showText } from './names.ts'
import { createPause } from './pause.ts'
import { stepsTo } from './plan.ts'
import { createRoster, type Roster } from './roster.ts'
import { FLAG } from './roster-layout.ts'
import { type Scan, type ScanOptions, scan } from './scan.ts'
import type { Scope } from './scope.ts'
import { type DirectoryPlan, isEmptySteps, type RestoreSteps, type Step } from './steps.ts'
import type { Stored } from './store/manifest.ts'
import { storedView } from './view.ts'

export interface Verification {
  found: Scan
  /** What still differs from the snapshot, and what has come in the way; undefined when there is neither. */
  remaining: RestoreSteps | undefined
  verified: Verified
}

/** What a restore was to bring about. */
export interface Wanted {
  stored: Stored
  scope: Scope
  /** What was in the way when it was planned, and so is no news. */
  blocked: readonly ByteString[]
}

/**
 * Reads a restored directory again and plans the same restore once more: it is right when nothing is left to do, and
 * nothing has come in the way of it. What was written has a new inode, so its content is hashed from the disk;
 * `previous` spares what was not touched.
 */
export async function verify(
  engine: Engine,
  directory: Directory,
  { stored, scope, blocked }: Wanted,
  previous: ScanOptions['previous'],
  ctx: Context,
): Promise<Verification> {
  const { manifest } = stored
  const { exclude } = manifest
  const { objects } = engine.store
  const pause = createPause(ctx)
  const found = await scan(directory, {
    exclude,
    previous,
    idOf: objects.idOf,
    pause,
    clock: engine.clock,
  })
  const steps = await stepsTo(engine, stored, found, scope, ctx)
  const target = await storedView(objects, stored)
  const root = await adoptTimes(found.root, target, BigInt(manifest.root_meta.mtime), objects)
  return {
    found: root === found.root ? found : { ...found, root, roster: createRoster(root, exclude) },
    remaining: remainingOf(steps, new Set(blocked)),
    verified: {
      digest: `sha256:${stateDigest(root, found.linksId)}`,
      files: found.receipt.files,
      bytes: found.size,
    },
  }
}

function remainingOf(steps: RestoreSteps, known: ReadonlySet<ByteString>): RestoreSteps | undefined {
  const blocked = steps.blocked.filter((path) => !known.has(path))
  return isEmptySteps(steps) && blocked.length === 0 ? undefined : { ...steps, blocked }
}

/** How many paths still differ, and the first of each kind. */
export function differing({ totals, retimed, blocked, samples }: RestoreSteps) {
  const { written, deleted, metadata } = samples
  return {
    count: totals.written + totals.deleted + totals.metadata + retimed + blocked.length,
    paths: [...written, ...deleted, ...metadata, ...blocked.slice(0, 10)].map(showText),
  }
}

/**
 * What a restore may have changed: the names in the directories it worked in, the entries it had steps for, what it took
 * away whole, and the other names of all these.
 */
export function touchedBy(plan: DirectoryPlan, { columns }: Roster): Suspects {
  const touched = new Set<number>()
  const inodes = new Set<bigint | undefined>()
  const visit = ({ live, steps }: DirectoryPlan) => {
    if (live?.seat) touch(live, live.seat.at, steps)
    for (const step of steps) {
      if (step.do === 'link' && step.leader.live) inodes.add(BigInt.asIntN(64, step.leader.live.stat.ino))
      if (step.do === 'enter' || step.do === 'make') visit(step.plan)
    }
  }
  const touch = (live: LiveDirectory, directory: number, steps: readonly Step[]) => {
    const changed = new Set(steps.filter((step) => step.do !== 'enter').map(({ name }) => name))
    touched.add(directory)
    let at = directory + 1
    for (const { name } of live.children) {
      const end = at + (columns.span[at] as number)
      if (!changed.has(name)) at = end
      while (at < end) touched.add(at++)
    }
  }
  visit(plan)
  for (const at of touched)
    if (((columns.flags[at] as number) & FLAG.linked) !== 0) inodes.add(columns.ino[at])
  if (inodes.size === 0) return suspectsOf(columns, (at) => touched.has(at))
  return suspectsOf(columns, (at) => touched.has(at) || inodes.has(columns.ino[at]))
}
