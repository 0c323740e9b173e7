import type { Exchange } from '../http.ts'
import { refuse } from '../refusal.ts'
import type { Routes } from '../routing.ts'
import { findAction, listActions } from './actions.ts'
import { ASSUMED } from './assumptions.ts'
import { findRegion } from './catalogue.ts'
import { findImage } from './cloud.ts'
import { appeared } from './droplets.ts'
import { type Fields, fields, id, optionalText, text } from './fields.ts'
import type { Cloud, Image } from './model.ts'
import { listing } from './paging.ts'
import { begin, concerns, look } from './progress.ts'
import { forbidden, found, noSuchActionType, unprocessable } from './refusals.ts'
import { actionJson, imageJson } from './wire.ts'

export function imageRoutes(cloud: Cloud): Routes {
  return {
    'GET /v2/images': (x) => {
      look(cloud)
      return listing(x, 'images', filtered(cloud, x).filter(appeared).map(imageJson))
    },
    'GET /v2/images/{image}': (x) => {
      const image = found(findImage(cloud, x.params.image))
      look(cloud, concerns('image', image.id))
      return { status: 200, body: { image: imageJson(image) } }
    },
    'PUT /v2/images/{image}': (x) => {
      const image = ownImage(cloud, x)
      const body = fields(x)
      image.name = optionalText(body, 'name') ?? image.name
      image.distribution = optionalText(body, 'distribution') ?? image.distribution
      if (typeof body.description === 'string') image.description = body.description
      return { status: 200, body: { image: imageJson(image) } }
    },
    'DELETE /v2/images/{image}': (x) => {
      cloud.images.delete(ownImage(cloud, x).id)
      return { status: 204 }
    },
    'GET /v2/images/{image}/actions': (x) => listActions(cloud, x, concerns('image', anyImage(cloud, x).id)),
    'POST /v2/images/{image}/actions': (x) => {
      const image = ownImage(cloud, x)
      look(cloud, concerns('image', image.id))
      return { status: 201, body: { action: actionJson(start(cloud, image, fields(x))) } }
    },
    // By the id of the image: with that of anything else the action is not found.
    'GET /v2/images/{image}/actions/{action}': (x) => {
      const action = findAction(cloud, x, concerns('image', anyImage(cloud, x).id))
      return { status: 200, body: { action: actionJson(action) } }
    },
  }
}

function filtered(cloud: Cloud, { query }: Exchange): Image[] {
  const [type, tag] = [query.get('type'), query.get('tag_name')]
  if (type !== null && type !== 'distribution' && type !== 'application')
    refuse(unprocessable(ASSUMED.filter))
  return [...cloud.images.values()].filter(
    (image) =>
      (query.get('private') !== 'true' || !image.public) &&
      (tag === null || image.tags.includes(tag)) &&
      // There are no applications in stock.
      (type === null || (type === 'distribution' && image.type === 'base')),
  )
}

function anyImage(cloud: Cloud, { params }: Exchange): Image {
  return found(cloud.images.get(id(params.image)))
}

/** One that belongs to the account. */
export function ownImage(cloud: Cloud, x: Exchange): Image {
  const image = anyImage(cloud, x)
  return image.public ? refuse(forbidden()) : image
}

function start(cloud: Cloud, image: Image, body: Fields) {
  const on = { type: 'image', id: image.id } as const
  switch (text(body, 'type')) {
    // A copy: it stays where it was, and several may be on their way at the same time.
    case 'transfer': {
      const region = text(body, 'region')
      if (!findRegion(region)?.available) refuse(unprocessable(ASSUMED.invalidRegion))
      if (image.regions.includes(region)) refuse(unprocessable(ASSUMED.alreadyInRegion))
      return begin(cloud, on, 'transfer', region, () => {
        if (!image.regions.includes(region)) image.regions = [...image.regions, region]
      })
    }
    case 'convert':
      if (image.type !== 'backup') refuse(unprocessable(ASSUMED.notConvertible))
      return begin(cloud, on, 'convert', image.regions[0]!, () => {
        image.type = 'snapshot'
      })
    default:
      return refuse(noSuchActionType())
  }
}
