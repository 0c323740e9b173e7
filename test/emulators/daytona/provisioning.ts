import { createHash } from 'node:crypto'
import { ASSUMED, LIMITS, SIZES, TRIGGERS } from './assumptions.ts'
import { planBuild } from './dockerfile.ts'
import type { BuildInfo, Snapshot, SnapshotState, World } from './model.ts'
import { begin, cancel } from './progress.ts'
import { change, REGISTRY, RUNNER, takeDoom } from './world.ts'

/** From `pending` on, step by step: also the way of a snapshot that was inactive. */
export function provision(world: World, snapshot: Snapshot): void {
  begin(world, [snapshot.id], (at) => {
    if (snapshot.buildInfo && snapshot.size === null) build(world, snapshot, snapshot.buildInfo, at)
    else pull(world, snapshot, at)
  })
}

export const isCapturing = ({ state }: Snapshot): boolean => state === 'snapshotting' || state === 'capturing'

/** Whatever is under way ends here, but for a capture, which its sandbox waits for. */
export function abandon(world: World, snapshot: Snapshot): void {
  if (isCapturing(snapshot)) return
  if (snapshot.log) snapshot.log.ended = true
  cancel(world, snapshot.id)
}

function pull(world: World, snapshot: Snapshot, at: number): void {
  const { imageName } = snapshot
  const missing = TRIGGERS.missingImage.test(imageName)
  const failure =
    takeDoom(world, 'pull') ?? (missing ? `image docker.io/${imageName} not found in registry` : undefined)
  if (failure !== undefined) {
    fail(snapshot, at, failure)
    return
  }
  const hash = createHash('sha256').update(imageName).digest('hex')
  change(snapshot, at, {
    state: 'pulling',
    size: snapshot.size ?? SIZES.pulled,
    ref: snapshot.ref ?? `${REGISTRY}/daytona-${hash}:daytona`,
    runnerId: RUNNER,
  })
  begin(world, [snapshot.id], (when) => change(snapshot, when, { state: 'active', lastUsedAt: when }), {
    at,
    hangs: TRIGGERS.slowImage.test(imageName)
      ? { after: LIMITS.pull, step: (when) => fail(snapshot, when, ASSUMED.pullTimeout) }
      : undefined,
  })
}

/** Its log begins with the first step; the rest comes at the end. */
function build(world: World, snapshot: Snapshot, info: BuildInfo, at: number): void {
  const plan = planBuild(world.objects, info.dockerfileContent, info.contextHashes ?? [])
  const failure = takeDoom(world, 'build') ?? plan.error
  const log = snapshot.log!
  log.lines.push(...plan.lines.slice(0, 1))
  change(snapshot, at, { state: 'building', runnerId: RUNNER })
  const end = (when: number) => {
    log.lines.push(...plan.lines.slice(1))
    if (failure === undefined) log.lines.push(`Successfully tagged ${info.snapshotRef}\n`)
    log.ended = true
    if (failure === undefined)
      change(snapshot, when, { state: 'active', size: SIZES.built, lastUsedAt: when })
    else fail(snapshot, when, failure, world.generation === 'v0.190' ? 'error' : ASSUMED.stateOfFailedBuild)
  }
  begin(world, [snapshot.id], end, { at })
}

function fail(snapshot: Snapshot, at: number, errorReason: string, state: SnapshotState = 'error'): void {
  change(snapshot, at, { state, errorReason })
}
