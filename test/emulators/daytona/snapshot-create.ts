import { randomUUID } from 'node:crypto'
import type { Answer, Exchange } from '../http.ts'
import { buildInfoOf, type GivenBuild } from './build-info.ts'
import { GPU_TYPES } from './catalogue.ts'
import { entrypointOf } from './dockerfile.ts'
import { fields, integer, object, oneOf, optional, text, texts } from './fields.ts'
import { SANDBOX_CLASSES, type SandboxClass, type Snapshot, type World } from './model.ts'
import { provision } from './provisioning.ts'
import { refuseManySnapshots, refuseOversize, refuseSuspended } from './quotas.ts'
import { refuse } from './refusals.ts'
import { refuseBadImage, refuseBadName, refuseForeignClass, refuseTaken, regionFor } from './rules.ts'
import { snapshotJson } from './wire.ts'
import { nameTaken, REGISTRY } from './world.ts'

interface CreateSnapshot {
  name: string
  imageName?: string
  buildInfo?: GivenBuild
  entrypoint?: string[]
  cpu?: number
  gpu?: number
  gpuType?: string[]
  memory?: number
  disk?: number
  regionId?: string
  sandboxClass?: SandboxClass
}

const count = optional(integer(0, Number.MAX_SAFE_INTEGER))

export function createSnapshot(world: World, x: Exchange): Answer {
  const asked = fields<CreateSnapshot>(x, {
    name: text,
    imageName: optional(text),
    buildInfo: optional(object),
    entrypoint: optional(texts),
    cpu: count,
    gpu: optional(integer(0, 1)),
    gpuType: optional(texts),
    memory: count,
    disk: count,
    regionId: optional(text),
    sandboxClass: optional(oneOf(SANDBOX_CLASSES)),
  })
  const build = asked.buildInfo && buildInfoOf(world, asked.buildInfo)
  if (build && asked.imageName) refuse(400, 'Cannot specify an image name when using a build info entry')
  if (build && asked.entrypoint) refuse(400, 'Cannot specify an entrypoint when using a build info entry')
  if (!build && !asked.imageName) refuse(400, 'Must specify an image name when not using a build info entry')
  const regionId = regionFor(asked.regionId)
  const sandboxClass = asked.sandboxClass ?? 'container'
  refuseForeignClass(regionId, sandboxClass)
  refuseBadName(asked.name)
  if (asked.imageName) refuseBadImage(asked.imageName)
  const wrongType = asked.gpuType?.find((type) => !GPU_TYPES.includes(type))
  if (wrongType !== undefined)
    refuse(400, `each value in gpuType must be one of the following values: ${GPU_TYPES.join(', ')}`)
  refuseSuspended(world)
  refuseOversize(world, asked)
  refuseManySnapshots(world)
  if (nameTaken(world, asked.name)) refuseTaken(asked.name)

  const now = world.now()
  const entrypoint = build ? entrypointOf(build.dockerfileContent) : (asked.entrypoint ?? [])
  const snapshot: Snapshot = {
    id: randomUUID(),
    organizationId: world.organizationId,
    general: false,
    name: asked.name,
    imageName: asked.imageName ?? '',
    state: 'pending',
    size: null,
    entrypoint: entrypoint.some((part) => part.trim() !== '') ? entrypoint : null,
    cpu: asked.cpu ?? 1,
    gpu: asked.gpu ?? 0,
    mem: asked.memory ?? 1,
    disk: asked.disk ?? 3,
    errorReason: null,
    createdAt: now,
    updatedAt: now,
    lastUsedAt: null,
    ...(build ? { buildInfo: build, log: { lines: [], ended: false } } : {}),
    regionIds: [regionId],
    runnerId: null,
    ref: build ? `${REGISTRY}/${build.snapshotRef}` : null,
    sourceSandboxId: null,
    sandboxClass,
    content: build ? `built: ${build.dockerfileContent}` : `as published: ${asked.imageName}`,
  }
  // The runner still has what was built before from the same Dockerfile and context.
  const same = [...world.snapshots.values()].some(
    (one) => build && one.ref === snapshot.ref && one.state === 'active' && one.regionIds.includes(regionId),
  )
  world.snapshots.set(snapshot.id, snapshot)
  if (same) Object.assign(snapshot, { state: 'active', log: { lines: [], ended: true } })
  else provision(world, snapshot)
  return { status: 200, body: snapshotJson(world, snapshot, true) }
}
