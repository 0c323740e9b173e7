import { refuse } from '../refusal.ts'
import type { Routes } from '../routing.ts'
import { findAction, listActions } from './actions.ts'
import { ASSUMED } from './assumptions.ts'
import { PENDING } from './droplets.ts'
import { type Fields, fields, integer, text } from './fields.ts'
import type { Cloud, Volume } from './model.ts'
import { begin, busy, concerns, look } from './progress.ts'
import { found, noSuchActionType, unprocessable } from './refusals.ts'
import { findVolume, LARGEST_VOLUME, seeVolume } from './volumes.ts'
import { actionJson } from './wire.ts'

export function volumeActionRoutes(cloud: Cloud): Routes {
  return {
    'GET /v2/volumes/{volume}/actions': (x) =>
      listActions(cloud, x, concerns('volume', findVolume(cloud, x).id)),
    'POST /v2/volumes/{volume}/actions': (x) => ({
      status: 202,
      body: { action: actionJson(start(cloud, seeVolume(cloud, x), fields(x))) },
    }),
    'GET /v2/volumes/{volume}/actions/{action}': (x) => ({
      status: 200,
      body: { action: actionJson(findAction(cloud, x, concerns('volume', findVolume(cloud, x).id))) },
    }),
  }
}

function start(cloud: Cloud, volume: Volume, body: Fields) {
  const type = text(body, 'type')
  if (busy(cloud, 'volume', volume.id)) refuse(unprocessable(PENDING))
  if (type === 'resize') {
    const size = integer(body, 'size_gigabytes')
    if (size <= volume.sizeGigabytes || size > LARGEST_VOLUME) refuse(unprocessable(ASSUMED.volumeShrinks))
    return begin(cloud, { type: 'volume', id: volume.id }, type, volume.region, () => {
      volume.sizeGigabytes = size
    })
  }
  if (type !== 'attach' && type !== 'detach') refuse(noSuchActionType())

  const droplet = found(cloud.droplets.get(integer(body, 'droplet_id')))
  look(cloud, concerns('droplet', droplet.id))
  if (busy(cloud, 'droplet', droplet.id)) refuse(unprocessable(PENDING))
  const attach = type === 'attach'
  if (attach && (volume.dropletId !== undefined || droplet.region !== volume.region))
    refuse(unprocessable(ASSUMED.attachment))
  if (!attach && volume.dropletId !== droplet.id) refuse(unprocessable(ASSUMED.detachment))
  const on = { type: 'volume', id: volume.id, droplet: droplet.id } as const
  return begin(cloud, on, `${type}_volume`, volume.region, () => {
    if (attach) volume.dropletId = droplet.id
    else delete volume.dropletId
  })
}
