import { randomUUID } from 'node:crypto'
import { SIZES } from './assumptions.ts'
import { DEFAULT_SNAPSHOT } from './catalogue.ts'
import type { Sandbox, Snapshot, World } from './model.ts'

export type Given = Pick<World, 'now' | 'pace' | 'generation' | 'key' | 'quotas' | 'origins' | 'objects'>

/** An organisation with the vendor's default snapshot and nothing else. */
export function createWorld(given: Given): World {
  const world: World = {
    ...given,
    organizationId: given.objects.organizationId,
    snapshots: new Map(),
    sandboxes: new Map(),
    jobs: new Set(),
    doomed: [],
    watchers: new Set(),
  }
  addSnapshot(world, { ...DEFAULT_SNAPSHOT, organizationId: randomUUID(), general: true })
  return world
}

/** The one runner that everything is on. */
export const RUNNER = 'f7a52c1e-6d0b-4f3c-9f57-0d8a1f2b7c64'
/** Where the server keeps what it pulls, builds and captures. */
export const REGISTRY = 'registry.internal:6000/daytona'

/** An active snapshot, as if it had always been there, but for what is given. */
export function addSnapshot(world: World, given: Partial<Snapshot> = {}): Snapshot {
  const id = given.id ?? randomUUID()
  const now = world.now()
  const snapshot: Snapshot = {
    id,
    organizationId: world.organizationId,
    general: false,
    name: `snapshot-${id.slice(0, 8)}`,
    imageName: '',
    state: 'active',
    size: SIZES.pulled,
    entrypoint: null,
    cpu: 1,
    gpu: 0,
    mem: 1,
    disk: 3,
    errorReason: null,
    createdAt: now,
    updatedAt: now,
    lastUsedAt: now,
    regionIds: ['us'],
    runnerId: RUNNER,
    ref: `${REGISTRY}/daytona-${id}:daytona`,
    sourceSandboxId: null,
    sandboxClass: 'container',
    content: `as published: ${given.imageName ?? given.name ?? id}`,
    ...given,
  }
  world.snapshots.set(id, snapshot)
  return snapshot
}

/** A started sandbox, but for what is given. */
export function addSandbox(world: World, given: Partial<Sandbox> = {}): Sandbox {
  const id = given.id ?? randomUUID()
  const now = world.now()
  const from = findSnapshot(world, given.snapshot ?? DEFAULT_SNAPSHOT.name)
  const sandbox: Sandbox = {
    id,
    name: id,
    snapshot: DEFAULT_SNAPSHOT.name,
    target: 'us',
    user: 'daytona',
    env: {},
    labels: {},
    volumes: [],
    cpu: from?.cpu ?? 1,
    gpu: 0,
    memory: from?.mem ?? 1,
    disk: from?.disk ?? 3,
    public: false,
    networkBlockAll: false,
    networkAllowList: null,
    domainAllowList: null,
    state: 'started',
    desiredState: 'started',
    errorReason: null,
    recoverable: false,
    autoStopInterval: 15,
    autoArchiveInterval: 10_080,
    autoDeleteInterval: -1,
    sandboxClass: from?.sandboxClass ?? 'container',
    createdAt: now,
    updatedAt: now,
    lastActivityAt: now,
    daemonVersion: 'v0.190.0',
    runnerId: RUNNER,
    content: from?.content ?? '',
    ...given,
  }
  world.sandboxes.set(id, sandbox)
  return sandbox
}

/** By id first, then by name: of our own, then of the vendor's. */
export function findSnapshot({ snapshots }: World, idOrName: string): Snapshot | undefined {
  const named = [...snapshots.values()].filter(({ name }) => name === idOrName)
  return snapshots.get(idOrName) ?? named.find(({ general }) => !general) ?? named[0]
}

/** By id first, then by name. What is destroyed is not found. */
export function findSandbox({ sandboxes }: World, idOrName: string): Sandbox | undefined {
  const all = [...sandboxes.values()].filter(({ state }) => state !== 'destroyed')
  return all.find(({ id }) => id === idOrName) ?? all.find(({ name }) => name === idOrName)
}

/** Whether a snapshot of our own has this name, in whatever state. */
export function nameTaken({ snapshots }: World, name: string): boolean {
  return [...snapshots.values()].some((one) => !one.general && one.name === name)
}

/** Changes a record and notes when. */
export function change<T extends { updatedAt: number }>(record: T, at: number, to: Partial<T>): void {
  Object.assign(record, to, { updatedAt: at })
}

/** Why the next thing of this kind fails, if it does; told once. */
export function takeDoom(world: World, what: World['doomed'][number]['what']): string | undefined {
  const index = world.doomed.findIndex((one) => one.what === what)
  return index < 0 ? undefined : world.doomed.splice(index, 1)[0]!.reason
}
