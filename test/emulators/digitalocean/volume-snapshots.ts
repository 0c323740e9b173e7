import { randomUUID } from 'node:crypto'
import type { Exchange } from '../http.ts'
import { refuse } from '../refusal.ts'
import type { Routes } from '../routing.ts'
import { ASSUMED, USED } from './assumptions.ts'
import { fields, text } from './fields.ts'
import type { Cloud, VolumeSnapshot } from './model.ts'
import { listing } from './paging.ts'
import { conflict, forbidden, found, tooManyRequests } from './refusals.ts'
import { givenTags } from './tags.ts'
import { findVolume } from './volumes.ts'
import { snapshotJson } from './wire.ts'

const PER_VOLUME = 25
/** Milliseconds. */
const BETWEEN = 600_000

/** Finished at once; they outlive their volume, and never leave their region. */
export function volumeSnapshotRoutes(cloud: Cloud): Routes {
  const findSnapshot = (x: Exchange) => found(cloud.volumeSnapshots.get(x.params.snapshot!))
  return {
    'GET /v2/volumes/{volume}/snapshots': (x) => {
      const { id } = findVolume(cloud, x)
      return listing(x, 'snapshots', snapshotsOf(cloud, id).map(snapshotJson))
    },
    'POST /v2/volumes/{volume}/snapshots': (x) => ({
      status: 201,
      body: { snapshot: snapshotJson(create(cloud, x)) },
    }),
    'GET /v2/volumes/snapshots/{snapshot}': (x) => ({
      status: 200,
      body: { snapshot: snapshotJson(findSnapshot(x)) },
    }),
    'DELETE /v2/volumes/snapshots/{snapshot}': (x) => {
      cloud.volumeSnapshots.delete(findSnapshot(x).id)
      return { status: 204 }
    },
  }
}

function snapshotsOf(cloud: Cloud, volume: string): VolumeSnapshot[] {
  return [...cloud.volumeSnapshots.values()].filter((one) => one.volumeId === volume)
}

function create(cloud: Cloud, x: Exchange): VolumeSnapshot {
  const volume = findVolume(cloud, x)
  const body = fields(x)
  const name = text(body, 'name')
  const tags = givenTags(body)
  if ([...cloud.volumeSnapshots.values()].some((one) => one.name === name)) refuse(conflict('already exists'))
  // The product's own limit: the rate limit of the API has nothing to do with it, and no header says how long.
  if (volume.lastSnapshotAt !== undefined && cloud.now() - volume.lastSnapshotAt < BETWEEN)
    refuse(
      tooManyRequests('failed to create snapshot: this operation is rate-limited - one request per 10m0s'),
    )
  if (snapshotsOf(cloud, volume.id).length >= PER_VOLUME) refuse(forbidden(ASSUMED.tooManyVolumeSnapshots))
  volume.lastSnapshotAt = cloud.now()
  for (const tag of tags ?? []) cloud.tags.add(tag)
  const snapshot: VolumeSnapshot = {
    id: randomUUID(),
    name,
    volumeId: volume.id,
    region: volume.region,
    minDiskSize: volume.sizeGigabytes,
    sizeGigabytes: volume.sizeGigabytes * USED.volumeShare,
    tags: tags ?? null,
    createdAt: cloud.now(),
    content: volume.content,
  }
  cloud.volumeSnapshots.set(snapshot.id, snapshot)
  return snapshot
}
