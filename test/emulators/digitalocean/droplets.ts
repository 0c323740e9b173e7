import type { Exchange } from '../http.ts'
import { refuse } from '../refusal.ts'
import type { Routes } from '../routing.ts'
import { ASSUMED, regionByDefault } from './assumptions.ts'
import { findRegion, findSize } from './catalogue.ts'
import { addDroplet, findImage, misfit } from './cloud.ts'
import { type Fields, fields, id, optionalText, text, texts } from './fields.ts'
import type { Cloud, Droplet, Image } from './model.ts'
import { listing } from './paging.ts'
import { begin, busy, concerns, look } from './progress.ts'
import { found, unprocessable } from './refusals.ts'
import { givenTags } from './tags.ts'
import { dropletJson, dropletSnapshotJson } from './wire.ts'

export const PENDING = 'Droplet already has a pending event.'
const INVALID_IMAGE = 'You specified an invalid image for Droplet creation.'
const HOST_NAME = /^[a-zA-Z0-9]?[a-z0-9A-Z.-]*[a-z0-9A-Z]$/

export function dropletRoutes(cloud: Cloud): Routes {
  const images = (x: Exchange, key: string, type: Image['type']) => {
    const { id: droplet } = seeDroplet(cloud, x)
    const all = [...cloud.images.values()].filter((one) => one.dropletId === droplet && one.type === type)
    return listing(x, key, all.filter(appeared).map(dropletSnapshotJson))
  }
  return {
    'GET /v2/droplets': (x) => {
      look(cloud, ({ on }) => on.type !== 'image')
      return listing(
        x,
        'droplets',
        filtered(cloud, x).map((one) => dropletJson(cloud, one)),
      )
    },
    'POST /v2/droplets': (x) => create(cloud, x),
    'GET /v2/droplets/{droplet}': (x) => ({
      status: 200,
      body: { droplet: dropletJson(cloud, seeDroplet(cloud, x)) },
    }),
    'DELETE /v2/droplets/{droplet}': (x) => {
      const droplet = seeDroplet(cloud, x)
      if (busy(cloud, 'droplet', droplet.id)) refuse(unprocessable(PENDING))
      cloud.droplets.delete(droplet.id)
      for (const volume of cloud.volumes.values())
        if (volume.dropletId === droplet.id) delete volume.dropletId
      return { status: 204, headers: { 'content-type': 'application/json; charset=utf-8' } }
    },
    'GET /v2/droplets/{droplet}/snapshots': (x) => images(x, 'snapshots', 'snapshot'),
    'GET /v2/droplets/{droplet}/backups': (x) => images(x, 'backups', 'backup'),
  }
}

/** The Droplet that the path names. */
export function findDroplet(cloud: Cloud, x: Exchange): Droplet {
  return found(cloud.droplets.get(id(x.params.droplet)))
}

/** The same after a look at what is done to it. */
export function seeDroplet(cloud: Cloud, x: Exchange): Droplet {
  const droplet = findDroplet(cloud, x)
  look(cloud, concerns('droplet', droplet.id))
  return droplet
}

/** Whether a list shows it already; asking brings it nearer. */
export function appeared(image: Image): boolean {
  if (image.hidden === 0) return true
  image.hidden -= 1
  return false
}

function filtered(cloud: Cloud, { query }: Exchange): Droplet[] {
  const [name, tag, type] = [query.get('name'), query.get('tag_name'), query.get('type')]
  return [...cloud.droplets.values()].filter(
    (one) =>
      (name === null || one.name.toLowerCase() === name.toLowerCase()) &&
      (tag === null || one.tags.includes(tag)) &&
      // None of the sizes for sale has a GPU.
      type !== 'gpus',
  )
}

function create(cloud: Cloud, x: Exchange) {
  const body = fields(x)
  const names = texts(body, 'names') ?? [text(body, 'name')]
  const { volumes, ...spec } = specification(cloud, body)
  if (names.length === 0 || names.some((name) => !HOST_NAME.test(name) || name.length > 255))
    refuse(unprocessable('Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)'))
  if (cloud.droplets.size + names.length > cloud.account.droplet_limit)
    refuse(unprocessable('creating this/these droplet(s) will exceed your droplet limit'))

  const made = names.map((name) => {
    const droplet = addDroplet(cloud, { ...spec, name, status: 'new' })
    for (const volume of volumes) volume.dropletId = droplet.id
    const on = { type: 'droplet', id: droplet.id } as const
    const action = begin(cloud, on, 'create', droplet.region, () => {
      droplet.status = 'active'
    })
    return { droplet, action }
  })
  const droplets = made.map(({ droplet }) => dropletJson(cloud, droplet))
  const links = {
    actions: made.map(({ action }) => ({
      id: action.id,
      rel: 'create',
      href: `http://${x.headers.host}/v2/actions/${action.id}`,
    })),
  }
  return { status: 202, body: 'names' in body ? { droplets, links } : { droplet: droplets[0], links } }
}

function specification(cloud: Cloud, body: Fields) {
  const size =
    findSize(text(body, 'size')) ??
    refuse(unprocessable('You specified an invalid size for Droplet creation.'))
  const image = findImage(cloud, body.image) ?? refuse(unprocessable(INVALID_IMAGE))
  const region = optionalText(body, 'region') ?? regionByDefault(image, size)
  if (!findRegion(region)?.available) refuse(unprocessable(ASSUMED.dropletRegion))
  if (!size.regions.includes(region)) refuse(unprocessable('Size is not available in this region.'))
  const reason = misfit(image, region, size, INVALID_IMAGE)
  if (reason) refuse(unprocessable(reason))
  const volumes = (texts(body, 'volumes') ?? []).map((one) => found(cloud.volumes.get(one)))
  if (volumes.some((one) => one.region !== region || one.dropletId !== undefined))
    refuse(unprocessable(ASSUMED.attachment))
  const tags = givenTags(body) ?? []
  return { size, image, region, tags, volumes, content: image.content }
}
