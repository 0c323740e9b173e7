import { randomUUID } from 'node:crypto'
import type { Answer, Exchange } from '../http.ts'
import type { Routes } from '../routing.ts'
import { ASSUMED, LIMITS, SIZES, TRIGGERS } from './assumptions.ts'
import { fields, flag, optional, text } from './fields.ts'
import { refuseBusy, sandboxOf } from './lookup.ts'
import type { Sandbox, Snapshot, World } from './model.ts'
import { begin, nameKey } from './progress.ts'
import { isCapturing } from './provisioning.ts'
import { refuseManySnapshots, refuseOversize, refuseSuspended } from './quotas.ts'
import { refuse } from './refusals.ts'
import { isName, refuseTaken } from './rules.ts'
import { sandboxJson, snapshotJson } from './wire.ts'
import { change, nameTaken, REGISTRY, takeDoom } from './world.ts'

export function captureRoutes(world: World): Routes {
  return { 'POST /api/sandbox/{sandbox}/snapshot': (x) => captureSandbox(world, x) }
}

/** A snapshot of a sandbox, in the way of each generation of the server. */
function captureSandbox(world: World, x: Exchange): Answer {
  const { name, includeMemory = false } = fields<{ name: string; includeMemory?: boolean }>(x, {
    name: text,
    includeMemory: optional(flag),
  })
  const sandbox = sandboxOf(world, x)
  const { state } = sandbox
  if (state !== 'started' && state !== 'stopped')
    refuse(400, 'Sandbox must be in started or stopped state to create a snapshot')
  refuseBusy(world, sandbox)
  refuseWrongMemory(world, sandbox, includeMemory)
  refuseSuspended(world)
  refuseOversize(world, { cpu: sandbox.cpu, memory: sandbox.memory, disk: sandbox.disk })
  refuseManySnapshots(world)

  const now = world.now()
  if (world.generation === 'v0.190') {
    change(sandbox, now, { state: 'snapshotting', lastActivityAt: now })
    captureSilently(world, sandbox, name, state)
    return { status: 200, body: sandboxJson(world, sandbox) }
  }
  if (nameTaken(world, name)) refuseTaken(name)
  change(sandbox, now, { state: 'snapshotting', lastActivityAt: now })
  const snapshot = recordOf(world, sandbox, name, {
    state: world.generation === 'proposed' ? 'capturing' : 'snapshotting',
    size: null,
    lastUsedAt: null,
    ref: null,
  })
  world.snapshots.set(snapshot.id, snapshot)
  captureOnRecord(world, sandbox, snapshot, state)
  return world.generation === 'proposed'
    ? { status: 202, body: snapshotJson(world, snapshot) }
    : { status: 200, body: sandboxJson(world, sandbox) }
}

/** Virtual machines can be captured with or without memory, and each needs its own state. */
function refuseWrongMemory(world: World, { sandboxClass, state }: Sandbox, memory: boolean): void {
  const old = world.generation === 'v0.190'
  if (sandboxClass === 'windows' || (sandboxClass === 'linux-vm' && !old)) {
    const kind = old ? 'the Windows sandbox' : ASSUMED.virtualMachine
    if (memory && state !== 'started')
      refuse(400, `Snapshots with memory require ${kind} to be running (STARTED)`)
    if (!memory && state !== 'stopped')
      refuse(400, `Filesystem-only snapshots require ${kind} to be stopped (STOPPED)`)
  } else if (memory)
    refuse(400, old ? 'includeMemory is only supported for Windows sandboxes' : ASSUMED.memoryOfContainer)
}

function recordOf(world: World, sandbox: Sandbox, name: string, given: Partial<Snapshot>): Snapshot {
  const { cpu, gpu, memory, disk, target, sandboxClass, runnerId, content } = sandbox
  const now = world.now()
  return {
    id: randomUUID(),
    organizationId: world.organizationId,
    general: false,
    name,
    imageName: '',
    state: 'active',
    size: SIZES.captured,
    entrypoint: null,
    cpu,
    gpu,
    mem: memory,
    disk,
    errorReason: null,
    createdAt: now,
    updatedAt: now,
    lastUsedAt: now,
    regionIds: [target],
    runnerId,
    ref: refOf(sandbox, name),
    sourceSandboxId: sandbox.id,
    sandboxClass,
    content,
    ...given,
  }
}

const refOf = (sandbox: Sandbox, name: string) => `${REGISTRY}/snapshot-${sandbox.id}-${name}:latest`

/** The record is made when all is well; what goes wrong leaves no trace, and the sandbox looks the same after both. */
function captureSilently(world: World, sandbox: Sandbox, name: string, former: Sandbox['state']): void {
  const failure = takeFailure(world, name)
  const snapshot = recordOf(world, sandbox, name, {})
  begin(
    world,
    [sandbox.id, nameKey(name)],
    (at) => {
      change(sandbox, at, { state: former })
      if (failure !== undefined || nameTaken(world, name)) return
      Object.assign(snapshot, { createdAt: at, updatedAt: at, lastUsedAt: at })
      world.snapshots.set(snapshot.id, snapshot)
    },
    hanging(name, LIMITS.captureV0, (at) => change(sandbox, at, { state: former })),
  )
}

/** The record is there from the start, and it is what tells how it went. */
function captureOnRecord(world: World, sandbox: Sandbox, snapshot: Snapshot, former: Sandbox['state']): void {
  const { name } = snapshot
  const failure = takeFailure(world, name)
  const end = (at: number, to: Partial<Snapshot>) => {
    change(sandbox, at, { state: former })
    // Unless it is being deleted meanwhile.
    if (isCapturing(snapshot)) change(snapshot, at, to)
  }
  begin(
    world,
    [sandbox.id, snapshot.id],
    (at) =>
      failure === undefined
        ? end(at, { state: 'active', size: SIZES.captured, lastUsedAt: at, ref: refOf(sandbox, name) })
        : end(at, { state: 'error', errorReason: failure }),
    hanging(name, LIMITS.capture, (at) => end(at, { state: 'error', errorReason: ASSUMED.captureTimeout })),
  )
}

/** A name that is none is accepted here; only the runner stumbles over it. */
function takeFailure(world: World, name: string): string | undefined {
  const fails = TRIGGERS.failingCapture.test(name) || !isName(name)
  return takeDoom(world, 'capture') ?? (fails ? ASSUMED.captureFailed : undefined)
}

function hanging(name: string, after: number, step: (at: number) => void) {
  return TRIGGERS.slowCapture.test(name) ? { hangs: { after, step } } : {}
}
