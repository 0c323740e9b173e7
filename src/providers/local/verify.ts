import type { Verified } from '../../snapshots/model.ts'
import type { Context } from '../../snapshots/provider.ts'
import { adoptTimes } from './adopt-times.ts'
import { type Suspects, suspectsOf } from './check.ts'
import { stateDigest } from './digest.ts'
import type { Directory } from './directory.ts'
import type { Engine } from './engine.ts'
import { createPause } from './pause.ts'
import { stepsTo } from './plan.ts'
import { childrenOf, createRoster, type Roster } from './roster.ts'
import { FLAG } from './roster-layout.ts'
import { type Scan, type ScanOptions, scan } from './scan.ts'
import type { Scope } from './scope.ts'
import { type DirectoryPlan, isEmptySteps, type RestoreSteps } from './steps.ts'
import type { Stored } from './store/manifests.ts'
import { storedView } from './view.ts'

export interface Verification {
  found: Scan
  /** What still differs from the snapshot; undefined when nothing does. */
  remaining: RestoreSteps | undefined
  verified: Verified
}

/**
 * Reads a restored directory again and plans the same restore once more: it is right when nothing is left to do. What
 * was written has a new inode, so its content is hashed from the disk; `previous` spares what was not touched.
 */
export async function verify(
  engine: Engine,
  directory: Directory,
  stored: Stored,
  scope: Scope,
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
    remaining: isEmptySteps(steps) ? undefined : steps,
    verified: {
      digest: `sha256:${stateDigest(root, found.linksId)}`,
      files: found.receipt.files,
      bytes: found.size,
    },
  }
}

/**
 * What a restore may have changed: the directories it worked in, the entries in them, what it took away whole, and the
 * other names of all these.
 */
export function touchedBy(plan: DirectoryPlan, { columns }: Roster): Suspects {
  const touched = new Set<number>()
  const inodes = new Set<bigint | undefined>()
  const isDirectory = (at: number) => ((columns.flags[at] as number) & FLAG.kind) === FLAG.directory
  const visit = ({ live, steps }: DirectoryPlan) => {
    if (live?.seat) {
      touched.add(live.seat.at)
      for (const at of childrenOf(columns, live.seat.at)) if (!isDirectory(at)) touched.add(at)
    }
    for (const step of steps) {
      if (step.do === 'link' && step.leader.live) inodes.add(BigInt.asIntN(64, step.leader.live.stat.ino))
      if (step.do === 'enter' || step.do === 'make') visit(step.plan)
      if (step.do !== 'enter' && step.live?.type === 'directory' && step.live.seat) {
        const { at } = step.live.seat
        for (let below = 0; below < (columns.span[at] as number); below++) touched.add(at + below)
      }
    }
  }
  visit(plan)
  for (const at of touched)
    if (((columns.flags[at] as number) & FLAG.linked) !== 0) inodes.add(columns.ino[at])
  if (inodes.size === 0) return suspectsOf(columns, (at) => touched.has(at))
  return suspectsOf(columns, (at) => touched.has(at) || inodes.has(columns.ino[at]))
}
