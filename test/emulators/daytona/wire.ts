import type { BuildInfo, Sandbox, Snapshot, World } from './model.ts'

/** The state as the API shows it. What is undefined does not get into JSON. */

const iso = (time: number) => new Date(time).toISOString()

/**
 * The record of the old server has nulls where the description of the newer one knows only texts; there, what is not
 * known is left out.
 */
function unknowns(world: World, values: Record<string, unknown>): Record<string, unknown> {
  if (world.generation === 'v0.190') return values
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null))
}

function buildJson(world: World, build: BuildInfo) {
  const { dockerfileContent, contextHashes, snapshotRef, createdAt, updatedAt } = build
  return {
    dockerfileContent,
    ...unknowns(world, { contextHashes }),
    createdAt: iso(createdAt),
    updatedAt: iso(updatedAt),
    snapshotRef,
  }
}

/** `fresh` is the answer to the request that made it: what the database fills in is not there yet. */
export function snapshotJson(world: World, snapshot: Snapshot, fresh = false) {
  const { id, organizationId, general, name, imageName, state, size, entrypoint } = snapshot
  const { cpu, gpu, gpuType, mem, disk, errorReason, buildInfo, regionIds, sandboxClass } = snapshot
  const { runnerId: initialRunnerId, ref, sourceSandboxId, lastUsedAt } = snapshot
  return {
    ...{ id, organizationId, general, name, imageName, state, size, entrypoint, cpu, gpu, gpuType },
    ...{ mem, disk, errorReason },
    createdAt: iso(snapshot.createdAt),
    updatedAt: iso(snapshot.updatedAt),
    lastUsedAt: lastUsedAt === null ? null : iso(lastUsedAt),
    buildInfo: buildInfo && buildJson(world, buildInfo),
    regionIds,
    ...(fresh ? { ref: ref ?? undefined } : unknowns(world, { initialRunnerId, ref })),
    sandboxClass,
    ...(world.generation === 'v0.190' ? {} : { sourceSandboxId }),
  }
}

function commonJson(world: World, sandbox: Sandbox, fresh: boolean) {
  const { id, name, target, snapshot, user, cpu, gpu, gpuType, memory, disk, labels } = sandbox
  const { networkBlockAll, networkAllowList, domainAllowList, errorReason, state, desiredState } = sandbox
  const { recoverable, sandboxClass, daemonVersion, runnerId, lastActivityAt } = sandbox
  const { autoStopInterval, autoArchiveInterval, autoDeleteInterval } = sandbox
  return {
    ...{ id, organizationId: world.organizationId, name, target, snapshot, user, cpu, gpu, gpuType },
    ...{ memory, disk, public: sandbox.public, networkBlockAll, labels, state, desiredState, recoverable },
    ...(fresh ? {} : unknowns(world, { networkAllowList, domainAllowList, errorReason })),
    ...{ backupState: 'None', autoStopInterval, autoArchiveInterval, autoDeleteInterval, sandboxClass },
    createdAt: iso(sandbox.createdAt),
    updatedAt: iso(sandbox.updatedAt),
    lastActivityAt: lastActivityAt === null ? undefined : iso(lastActivityAt),
    daemonVersion,
    ...unknowns(world, { runnerId }),
    toolboxProxyUrl: `${world.origins.proxy}/toolbox`,
  }
}

export function sandboxJson(world: World, sandbox: Sandbox, fresh = false) {
  const { env, volumes, buildInfo } = sandbox
  return {
    ...commonJson(world, sandbox, fresh),
    ...{ env, volumes, buildInfo: buildInfo && buildJson(world, buildInfo) },
  }
}

/** In a list a sandbox shows less of itself. */
export function sandboxItemJson(world: World, sandbox: Sandbox) {
  return commonJson(world, sandbox, false)
}
