import type { Exchange } from '../http.ts'
import { refuse } from '../refusal.ts'
import type { Routes } from '../routing.ts'
import { ASSUMED } from './assumptions.ts'
import { appeared } from './droplets.ts'
import type { Cloud, Image, VolumeSnapshot } from './model.ts'
import { listing } from './paging.ts'
import { concerns, look } from './progress.ts'
import { badRequest, notFound, unprocessable } from './refusals.ts'
import { snapshotJson } from './wire.ts'

/** The snapshots of Droplets and volumes under one roof. Backups and other images are not among them. */
export function snapshotRoutes(cloud: Cloud): Routes {
  return {
    'GET /v2/snapshots': (x) => {
      look(cloud)
      const type = x.query.get('resource_type')
      if (type !== null && type !== 'droplet' && type !== 'volume') refuse(unprocessable(ASSUMED.filter))
      const images = [...cloud.images.values()].filter((image) => image.type === 'snapshot')
      const all = [
        ...(type === 'volume' ? [] : images.filter(appeared)),
        ...(type === 'droplet' ? [] : cloud.volumeSnapshots.values()),
      ]
      return listing(x, 'snapshots', all.map(snapshotJson))
    },
    'GET /v2/snapshots/{snapshot}': (x) => ({
      status: 200,
      body: { snapshot: snapshotJson(findSnapshot(cloud, x)) },
    }),
    'DELETE /v2/snapshots/{snapshot}': (x) => {
      const snapshot = findSnapshot(cloud, x)
      if ('volumeId' in snapshot) cloud.volumeSnapshots.delete(snapshot.id)
      else cloud.images.delete(snapshot.id)
      return { status: 204 }
    },
  }
}

function findSnapshot(cloud: Cloud, { params }: Exchange): Image | VolumeSnapshot {
  const id = params.snapshot!
  const image = /^\d+$/.test(id) ? cloud.images.get(Number(id)) : undefined
  if (image) look(cloud, concerns('image', image.id))
  if (image && image.type !== 'snapshot') refuse(badRequest('the resource is not a snapshot'))
  return image ?? cloud.volumeSnapshots.get(id) ?? refuse(notFound())
}
