import { randomUUID } from 'node:crypto'
import type { Answer, Exchange } from '../http.ts'
import type { Routes } from '../routing.ts'
import { ASSUMED, TRIGGERS } from './assumptions.ts'
import { buildInfoOf, type GivenBuild } from './build-info.ts'
import { DEFAULT_SNAPSHOT } from './catalogue.ts'
import { fields, flag, integer, object, optional, text } from './fields.ts'
import { refuseWithForks } from './forks.ts'
import { destroy, transition } from './lifecycle.ts'
import { refuseBusy, sandboxOf, seeSandbox } from './lookup.ts'
import type { BuildInfo, Sandbox, Snapshot, World } from './model.ts'
import { refuseManySandboxes, refuseOversize, refuseSuspended } from './quotas.ts'
import { refuse } from './refusals.ts'
import { regionFor } from './rules.ts'
import { listSandboxes } from './sandbox-list.ts'
import { sandboxJson } from './wire.ts'
import { addSandbox, change, findSandbox, findSnapshot, takeDoom } from './world.ts'

export function sandboxRoutes(world: World): Routes {
  return {
    'POST /api/sandbox': (x) => createSandbox(world, x),
    'GET /api/sandbox': (x) => listSandboxes(world, x),
    'GET /api/sandbox/{sandbox}': (x) => ({ status: 200, body: sandboxJson(world, seeSandbox(world, x)) }),
    'DELETE /api/sandbox/{sandbox}': (x) => {
      const sandbox = sandboxOf(world, x)
      refuseBusy(world, sandbox)
      refuseWithForks(world, sandbox)
      destroy(world, sandbox)
      return { status: 200, body: sandboxJson(world, sandbox) }
    },
    'PUT /api/sandbox/{sandbox}/labels': (x) => {
      const { labels } = fields<{ labels: Sandbox['labels'] }>(x, { labels: object })
      change(sandboxOf(world, x), world.now(), { labels })
      return { status: 200, body: { labels } }
    },
  }
}

interface CreateSandbox {
  name?: string
  snapshot?: string
  buildInfo?: GivenBuild
  target?: string
  user?: string
  env?: Sandbox['env']
  labels?: Sandbox['labels']
  public?: boolean
  networkBlockAll?: boolean
  networkAllowList?: string
  domainAllowList?: string
  cpu?: number
  gpu?: number
  memory?: number
  disk?: number
  autoStopInterval?: number
  autoArchiveInterval?: number
  autoDeleteInterval?: number
}

const size = optional(integer(0, Number.MAX_SAFE_INTEGER))
const minutes = optional(integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER))

function createSandbox(world: World, x: Exchange): Answer {
  const asked = fields<CreateSandbox>(x, {
    ...{ name: optional(text), snapshot: optional(text), buildInfo: optional(object) },
    ...{ target: optional(text), user: optional(text), env: optional(object), labels: optional(object) },
    ...{ public: optional(flag), networkBlockAll: optional(flag) },
    ...{ networkAllowList: optional(text), domainAllowList: optional(text) },
    ...{ cpu: size, gpu: size, memory: size, disk: size },
    ...{ autoStopInterval: minutes, autoArchiveInterval: minutes, autoDeleteInterval: minutes },
  })
  const { cpu, gpu, memory, disk, snapshot: from, buildInfo, ...settings } = asked
  const build = buildInfo && buildInfoOf(world, buildInfo)
  if (build && from) refuse(400, 'Cannot specify a snapshot when using a build info entry')
  if (!build && (cpu || gpu || memory || disk))
    refuse(400, 'Cannot specify Sandbox resources when using a snapshot')
  const target = regionFor(asked.target)
  const snapshot = build ? undefined : usable(world, from?.trim() || DEFAULT_SNAPSHOT.name, target)
  refuseSuspended(world)
  const resources = {
    cpu: snapshot?.cpu ?? cpu ?? 1,
    memory: snapshot?.mem ?? memory ?? 1,
    disk: snapshot?.disk ?? disk ?? 3,
  }
  refuseOversize(world, { ...resources, gpu: gpu ?? 0 })
  refuseManySandboxes(world, resources)
  if (asked.name !== undefined && findSandbox(world, asked.name))
    refuse(409, `Sandbox with name ${asked.name} already exists`)

  const id = randomUUID()
  const sandbox = addSandbox(world, {
    ...settings,
    ...resources,
    id,
    name: asked.name || id,
    ...(snapshot ? madeFrom(snapshot) : builtFrom(build!)),
    target,
    state: 'creating',
    daemonVersion: undefined,
  })
  if (snapshot) change(snapshot, world.now(), { lastUsedAt: world.now() })
  const failure = startFailure(world, sandbox)
  if (snapshot && failure !== undefined) {
    // The row stays, and nothing in the answer tells its id.
    change(sandbox, world.now(), { state: 'error', errorReason: failure })
    refuse(400, `Sandbox failed to start: ${failure}`)
  }
  // Taken before the server waits for the start, so that it never shows a started one.
  const body = sandboxJson(world, sandbox, true)
  transition(world, sandbox, snapshot ? ['started'] : ['building_snapshot', 'started'])
  return { status: 200, body }
}

/** The snapshot by id or name, if a sandbox can be made from it in this region. */
function usable(world: World, idOrName: string, region: string): Snapshot {
  const snapshot =
    findSnapshot(world, idOrName) ??
    refuse(400, `Snapshot ${idOrName} not found. Did you add it through the Daytona Dashboard?`)
  if (!snapshot.regionIds.includes(region))
    refuse(400, `Snapshot ${idOrName} is not available in region ${region}`)
  if (snapshot.state !== 'active') refuse(400, `Snapshot ${idOrName} is ${snapshot.state}`)
  return snapshot
}

const madeFrom = ({ name, sandboxClass, content }: Snapshot) => ({ snapshot: name, sandboxClass, content })

const builtFrom = (buildInfo: BuildInfo) => ({
  snapshot: undefined,
  buildInfo,
  content: `built: ${buildInfo.dockerfileContent}`,
})

function startFailure(world: World, { name }: Sandbox): string | undefined {
  return takeDoom(world, 'start') ?? (TRIGGERS.failingStart.test(name) ? ASSUMED.startFailed : undefined)
}
