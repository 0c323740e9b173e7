import type { Exchange } from '../http.ts'
import { refuse } from '../refusal.ts'
import type { Routes } from '../routing.ts'
import { ASSUMED } from './assumptions.ts'
import { findRegion } from './catalogue.ts'
import { addVolume } from './cloud.ts'
import { fields, integer, optionalText, text } from './fields.ts'
import type { Cloud, Volume } from './model.ts'
import { listing } from './paging.ts'
import { busy, concerns, look } from './progress.ts'
import { conflict, forbidden, found, unprocessable } from './refusals.ts'
import { givenTags } from './tags.ts'
import { volumeJson } from './wire.ts'

/** GiB */
export const LARGEST_VOLUME = 16_384
const NAME = /^[a-z][a-z0-9-]{0,63}$/

export function volumeRoutes(cloud: Cloud): Routes {
  return {
    'GET /v2/volumes': (x) => {
      look(cloud, ({ on }) => on.type === 'volume')
      const [name, region] = [x.query.get('name'), x.query.get('region')]
      const wanted = [...cloud.volumes.values()].filter(
        (one) => (name ?? one.name) === one.name && (region ?? one.region) === one.region,
      )
      return listing(x, 'volumes', wanted.map(volumeJson))
    },
    'POST /v2/volumes': (x) => ({ status: 201, body: { volume: volumeJson(create(cloud, x)) } }),
    'GET /v2/volumes/{volume}': (x) => ({ status: 200, body: { volume: volumeJson(seeVolume(cloud, x)) } }),
    'DELETE /v2/volumes/{volume}': (x) => {
      const volume = seeVolume(cloud, x)
      if (volume.dropletId !== undefined || busy(cloud, 'volume', volume.id))
        refuse(conflict(ASSUMED.volumeAttached))
      cloud.volumes.delete(volume.id)
      return { status: 204 }
    },
  }
}

export function findVolume(cloud: Cloud, x: Exchange): Volume {
  return found(cloud.volumes.get(x.params.volume!))
}

/** The same after a look at what is done to it. */
export function seeVolume(cloud: Cloud, x: Exchange): Volume {
  const volume = findVolume(cloud, x)
  look(cloud, concerns('volume', volume.id))
  return volume
}

function create(cloud: Cloud, x: Exchange): Volume {
  const body = fields(x)
  const name = text(body, 'name')
  if (!NAME.test(name)) refuse(unprocessable('name must be lowercase and start with a letter'))
  const region = text(body, 'region')
  const known = findRegion(region)
  if (!known?.available || !known.storage) refuse(unprocessable(ASSUMED.invalidRegion))
  if ([...cloud.volumes.values()].some((one) => one.name === name && one.region === region))
    refuse(conflict('already exists'))
  if (cloud.volumes.size >= cloud.account.volume_limit)
    refuse(forbidden('failed to create volume: volume/snapshot capacity limit exceeded'))

  const from = optionalText(body, 'snapshot_id')
  const snapshot = from === undefined ? undefined : found(cloud.volumeSnapshots.get(from))
  if (snapshot && snapshot.region !== region) refuse(unprocessable(ASSUMED.snapshotInOtherRegion))
  // Made from a snapshot, a volume is as large as the one that was captured, whatever was asked for.
  const sizeGigabytes = snapshot ? snapshot.minDiskSize : integer(body, 'size_gigabytes')
  if (sizeGigabytes < 1 || sizeGigabytes > LARGEST_VOLUME)
    refuse(unprocessable(`size_gigabytes must be between 1 and ${LARGEST_VOLUME}`))
  const tags = givenTags(body) ?? []
  return addVolume(cloud, {
    name,
    region,
    sizeGigabytes,
    tags,
    description: typeof body.description === 'string' ? body.description : '',
    filesystemType: optionalText(body, 'filesystem_type') ?? '',
    filesystemLabel: typeof body.filesystem_label === 'string' ? body.filesystem_label : '',
    content: snapshot?.content ?? '',
  })
}
