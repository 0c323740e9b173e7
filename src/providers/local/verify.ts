import type { Verified } from '../../snapshots/model.ts'
import type { Context } from '../../snapshots/provider.ts'
import { adoptTimes } from './adopt-times.ts'
import { stateDigest } from './digest.ts'
import type { Directory } from './directory.ts'
import type { Engine } from './engine.ts'
import { compileExclude } from './exclude.ts'
import type { LiveDirectory } from './live.ts'
import { createPause } from './pause.ts'
import { stepsTo } from './plan.ts'
import { type Scan, scan } from './scan.ts'
import type { Scope } from './scope.ts'
import { rootOf } from './snapshot-view.ts'
import { isEmptySteps, type RestoreSteps } from './steps.ts'
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
 * was written has a new inode, so its content is hashed from the disk; `previous` spares the rest.
 */
export async function verify(
  engine: Engine,
  directory: Directory,
  stored: Stored,
  scope: Scope,
  previous: LiveDirectory | undefined,
  ctx: Context,
): Promise<Verification> {
  const { manifest } = stored
  const found = await scan(directory, {
    exclude: compileExclude(manifest.exclude),
    previous,
    path: rootOf(manifest),
    pause: createPause(ctx),
    clock: engine.clock,
  })
  const steps = await stepsTo(engine, stored, found, scope, ctx)
  const target = await storedView(engine.store.objects, stored)
  await adoptTimes(found.root, target, BigInt(manifest.root_meta.mtime))
  return {
    found,
    remaining: isEmptySteps(steps) ? undefined : steps,
    verified: {
      digest: `sha256:${stateDigest(found.root, found.linksId)}`,
      files: found.receipt.files,
      bytes: found.size,
    },
  }
}
