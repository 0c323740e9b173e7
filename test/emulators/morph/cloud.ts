import { randomBytes } from 'node:crypto'
import { refuse } from '../refusal.ts'
import { ASSUMED, LIMITS } from './assumptions.ts'
import type { Cloud, Image, Instance, Snapshot } from './model.ts'
import { begin, look, type Pace } from './progress.ts'
import { problem } from './refusals.ts'

export const DEFAULT_IMAGE = 'morphvm-minimal'

const newId = (kind: string) => `${kind}_${randomBytes(4).toString('hex')}`

export function createCloud(
  now: () => number,
  pace: Pace,
  generation: Pick<Cloud, 'paged' | 'synchronous'>,
): Cloud {
  return {
    now,
    pace,
    ...generation,
    images: [
      image(DEFAULT_IMAGE, 'Debian with the bare necessities', 700_000_000, now()),
      image('img_ubuntu24', 'Ubuntu 24.04', 2_000_000_000, now()),
    ],
    snapshots: new Map(),
    instances: new Map(),
    shares: new Map(),
    account: { credit: true, ...LIMITS },
    doomed: [],
    gate: undefined,
  }
}

function image(id: string, description: string, diskSize: number, createdAt: number): Image {
  return { id, name: id, description, diskSize, createdAt }
}

type Made<T, Needed extends keyof T> = Partial<T> & Pick<T, Needed>

export function addSnapshot(cloud: Cloud, given: Made<Snapshot, 'spec' | 'imageId' | 'content'>): Snapshot {
  const now = cloud.now()
  const snapshot: Snapshot = {
    id: newId('snapshot'),
    createdAt: now,
    status: 'ready',
    digest: null,
    metadata: {},
    ttlSeconds: null,
    usedAt: now,
    ...given,
  }
  cloud.snapshots.set(snapshot.id, snapshot)
  return snapshot
}

export function addInstance(cloud: Cloud, given: Made<Instance, 'spec' | 'imageId' | 'content'>): Instance {
  const now = cloud.now()
  const instance: Instance = {
    id: newId('morphvm'),
    createdAt: now,
    status: 'ready',
    // Of one that is gone since.
    snapshotId: newId('snapshot'),
    metadata: {},
    ttlSeconds: null,
    ttlAction: null,
    usedAt: now,
    wakeOn: { ssh: false, http: false },
    ...given,
  }
  cloud.instances.set(instance.id, instance)
  return instance
}

/** Has a pending snapshot come to its end, in so far as it is still wanted. */
export function ripen(cloud: Cloud, snapshot: Snapshot): () => void {
  const fate = doomed(cloud, 'snapshot') ? 'failed' : 'ready'
  return () => {
    if (snapshot.status === 'pending') snapshot.status = fate
  }
}

/** Whether the next one of this kind is to end badly. */
export function doomed(cloud: Cloud, kind: Cloud['doomed'][number]): boolean {
  const index = cloud.doomed.indexOf(kind)
  if (index >= 0) cloud.doomed.splice(index, 1)
  return index >= 0
}

/** The snapshot that the path or the query names, after a look at it. */
export function seeSnapshot(cloud: Cloud, id: string | undefined): Snapshot {
  const snapshot = cloud.snapshots.get(id ?? '')
  if (snapshot) look(cloud, [snapshot])
  return cloud.snapshots.get(id ?? '') ?? refuse(problem(404, 'Snapshot not found'))
}

/** The same for one that can be used and changed. */
export function liveSnapshot(cloud: Cloud, id: string | undefined): Snapshot {
  const snapshot = seeSnapshot(cloud, id)
  return isLeaving(snapshot) ? refuse(problem(404, 'Snapshot not found')) : snapshot
}

export const isLeaving = ({ status }: Snapshot) => status === 'deleting' || status === 'deleted'

export function seeInstance(cloud: Cloud, id: string | undefined): Instance {
  const instance = cloud.instances.get(id ?? '') ?? refuse(problem(404, 'Instance not found'))
  look(cloud, [instance])
  return instance
}

/** Refuses what the account does not allow. */
export function afford(cloud: Cloud, more: { snapshots?: number; instances?: number }): void {
  const { credit, snapshots, instances } = cloud.account
  if (!credit) refuse(problem(402, ASSUMED.noCredit))
  const kept = [...cloud.snapshots.values()].filter((one) => !isLeaving(one)).length
  if (more.snapshots && kept + more.snapshots > snapshots) refuse(problem(403, ASSUMED.snapshotLimit))
  if (more.instances && cloud.instances.size + more.instances > instances)
    refuse(problem(403, ASSUMED.instanceLimit))
}

/** Marked first, collected later. */
export function softDelete(cloud: Cloud, snapshot: Snapshot): void {
  if (isLeaving(snapshot)) return
  snapshot.status = 'deleting'
  begin(cloud, [snapshot], () => {
    snapshot.status = 'deleted'
    begin(cloud, [snapshot], () => cloud.snapshots.delete(snapshot.id))
  })
}

/** What has outlived its time goes. */
export function expire(cloud: Cloud): void {
  const over = ({ ttlSeconds, usedAt }: Snapshot | Instance) =>
    ttlSeconds !== null && cloud.now() >= usedAt + ttlSeconds * 1000
  for (const snapshot of cloud.snapshots.values()) if (over(snapshot)) softDelete(cloud, snapshot)
  for (const instance of cloud.instances.values()) {
    if (!over(instance)) continue
    if (instance.ttlAction !== 'pause') cloud.instances.delete(instance.id)
    else if (instance.status === 'ready') instance.status = 'paused'
  }
}
