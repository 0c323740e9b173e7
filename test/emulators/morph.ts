import { randomBytes } from 'node:crypto'
import { type EmulatorServer, serveEmulator } from './http.ts'
import { ASSUMED } from './morph/assumptions.ts'
import { captureRoutes } from './morph/captures.ts'
import { addInstance, addSnapshot, createCloud, DEFAULT_IMAGE, expire } from './morph/cloud.ts'
import { instanceRoutes } from './morph/instances.ts'
import type { Cloud, Instance, Snapshot } from './morph/model.ts'
import type { Pace } from './morph/progress.ts'
import { quotaRoutes } from './morph/quota.ts'
import { invalid, problem } from './morph/refusals.ts'
import { share, sharingRoutes } from './morph/sharing.ts'
import { snapshotRoutes } from './morph/snapshots.ts'
import { startRoutes } from './morph/starts.ts'
import { refusing } from './refusal.ts'
import type { Routes } from './routing.ts'

export interface MorphOptions {
  /** Default: a random one. */
  key?: string
  /** Milliseconds since the epoch. */
  now?: () => number
  /** Looks that still find a thing on its way; default 2. */
  pollsToComplete?: number
  /** Let things take seconds of the clock instead, for people who play with it. */
  secondsToComplete?: number
  /** Without, there are only the unpaged lists, as on older servers. Default true. */
  paged?: boolean
  /** Captures are answered when they are done, whatever `sync` says, and shown only then, as on older servers. */
  synchronous?: boolean
  port?: number
}

export interface Morph extends EmulatorServer {
  key: string
  /** Everything that is there, to look at and to change. */
  cloud: Cloud
  /** What the account starts with: one that is running. */
  instance: Instance
  addInstance(given?: Partial<Instance>): Instance
  addSnapshot(given?: Partial<Snapshot>): Snapshot
  /** Another account hands out a token for a snapshot of its own. */
  offerSnapshot(): string
  /** The next one ends as `failed`, or as `error`. */
  failNext(kind: 'snapshot' | 'instance'): void
  /** Has synchronous captures wait until the returned function is called. */
  hold(): () => void
}

/**
 * Emulates the part of the Morph Cloud API that has to do with snapshots, as its description, documentation and clients
 * tell it. Where they are silent, `morph/assumptions.ts` decides. It answers below `/api`, as the service does, and
 * without it as well.
 */
export async function createMorph(options: MorphOptions = {}): Promise<Morph> {
  const { now = Date.now, pollsToComplete: polls = 2, secondsToComplete: seconds } = options
  const { paged = true, synchronous = false } = options
  const key = options.key ?? `morph_${randomBytes(16).toString('hex')}`
  const pace: Pace = seconds === undefined ? { polls } : { seconds }
  const cloud = createCloud(now, pace, { paged, synchronous })

  const server = await serveEmulator({
    routes: routesOf(cloud),
    authorize({ headers }) {
      if (headers.authorization !== `Bearer ${key}`) return problem(401, ASSUMED.unauthorized)
      expire(cloud)
      return undefined
    },
    notFound: () => problem(404, 'Not Found'),
    badJson: () => invalid({ loc: ['body', 0], msg: 'JSON decode error', type: 'json_invalid' }),
    ...(options.port === undefined ? {} : { port: options.port }),
  })
  const machine = {
    spec: { vcpus: 1, memory: 512, disk_size: 8192 },
    imageId: DEFAULT_IMAGE,
  }
  const content = () => ({ disk: 'the first state', memory: 'at work' })
  const add = (given: Partial<Instance> = {}) =>
    addInstance(cloud, { ...machine, content: content(), ...given })
  const instance = add()
  return {
    ...server,
    key,
    cloud,
    instance,
    addInstance: add,
    addSnapshot: (given) => addSnapshot(cloud, { ...machine, content: content(), ...given }),
    offerSnapshot() {
      const offered = addSnapshot(cloud, { ...machine, content: { disk: 'from elsewhere', memory: '' } })
      cloud.snapshots.delete(offered.id)
      return share(cloud, offered)
    },
    failNext: (kind) => void cloud.doomed.push(kind),
    hold() {
      let release = () => {}
      cloud.gate = new Promise((resolve) => {
        release = resolve
      })
      return () => {
        cloud.gate = undefined
        release()
      }
    },
  }
}

function routesOf(cloud: Cloud): Routes {
  const routes: Routes = {
    ...snapshotRoutes(cloud),
    ...sharingRoutes(cloud),
    ...captureRoutes(cloud),
    ...startRoutes(cloud),
    ...instanceRoutes(cloud),
    ...quotaRoutes(cloud),
  }
  const served = Object.entries(routes).flatMap(([route, handler]) => {
    const names = [route, route.replace(' /instance', ' /instances')]
    return names
      .flatMap((name) => [name, name.replace(' ', ' /api')])
      .map((name) => [name, refusing(handler)] as const)
  })
  return Object.fromEntries(served)
}
