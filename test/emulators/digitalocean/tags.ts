import type { Exchange } from '../http.ts'
import { refuse } from '../refusal.ts'
import type { Routes } from '../routing.ts'
import { type Fields, fields, text, texts } from './fields.ts'
import type { Cloud } from './model.ts'
import { listing } from './paging.ts'
import { badRequest, found, unprocessable } from './refusals.ts'

const NAME = /^[a-zA-Z0-9_:-]{1,255}$/

/** Where the four kinds of things that can have tags are found. */
const KINDS = {
  droplet: 'droplets',
  image: 'images',
  volume: 'volumes',
  volume_snapshot: 'volumeSnapshots',
} as const
type Kind = keyof typeof KINDS
const kinds = Object.keys(KINDS) as Kind[]

interface Tagged {
  id: number | string
  tags: string[] | null
}

export function tagRoutes(cloud: Cloud): Routes {
  const findTag = ({ params }: Exchange) => found(cloud.tags.has(params.tag!) ? params.tag! : undefined)
  return {
    'GET /v2/tags': (x) =>
      listing(
        x,
        'tags',
        [...cloud.tags].map((tag) => tagJson(cloud, tag)),
      ),
    'POST /v2/tags': (x) => {
      const name = text(fields(x), 'name')
      if (!NAME.test(name)) return invalidName(name)
      cloud.tags.add(name)
      return { status: 201, body: { tag: tagJson(cloud, name) } }
    },
    'GET /v2/tags/{tag}': (x) => ({ status: 200, body: { tag: tagJson(cloud, findTag(x)) } }),
    'DELETE /v2/tags/{tag}': (x) => {
      const tag = findTag(x)
      for (const kind of kinds) for (const one of resources(cloud, kind)) untag(one, tag)
      cloud.tags.delete(tag)
      return { status: 204 }
    },
    'POST /v2/tags/{tag}/resources': (x) => {
      const tag = findTag(x)
      for (const one of named(cloud, fields(x))) one.tags = [...new Set([...(one.tags ?? []), tag])]
      return { status: 204 }
    },
    'DELETE /v2/tags/{tag}/resources': (x) => {
      const tag = findTag(x)
      for (const one of named(cloud, fields(x))) untag(one, tag)
      return { status: 204 }
    },
  }
}

/** The tags that a new thing is to have. They need not be known yet. */
export function givenTags(body: Fields): string[] | undefined {
  const tags = texts(body, 'tags')
  for (const tag of tags ?? []) if (!NAME.test(tag)) refuse(invalidName(tag))
  return tags
}

/** The one place where the API has another shape of error. */
function invalidName(name: string) {
  const error = `Error validating resource tag: "tag-name "${name}" contains invalid characters"`
  return { status: 400, body: { error, messages: null, root_causes: [error] } }
}

function resources(cloud: Cloud, kind: Kind): Tagged[] {
  return [...cloud[KINDS[kind]].values()]
}

function untag(one: Tagged, tag: string): void {
  one.tags = one.tags?.filter((other) => other !== tag) ?? null
}

/** All of them, or a refusal before anything is changed. */
function named(cloud: Cloud, { resources: given }: Fields): Tagged[] {
  if (!Array.isArray(given)) return refuse(badRequest())
  return given.map((one) => {
    const { resource_id, resource_type } = (one ?? {}) as Fields
    const kind = kinds.find((known) => known === resource_type)
    if (kind === undefined) return refuse(unprocessable('resource_type is not one that can be tagged'))
    return found(resources(cloud, kind).find(({ id }) => String(id) === String(resource_id)))
  })
}

function tagJson(cloud: Cloud, name: string) {
  const counts = kinds.map((kind) => {
    const count = resources(cloud, kind).filter(({ tags }) => tags?.includes(name)).length
    return [`${kind}s`, { count }] as const
  })
  const count = counts.reduce((sum, [, one]) => sum + one.count, 0)
  return { name, resources: { count, ...Object.fromEntries(counts), databases: { count: 0 } } }
}
