import { createHash } from 'node:crypto'
import type { Exchange } from '../http.ts'
import { refuse } from '../refusal.ts'
import type { Routes } from '../routing.ts'
import { ASSUMED } from './assumptions.ts'
import { REGIONS, regionJson, SIZES, sizeJson } from './catalogue.ts'
import { fields, text } from './fields.ts'
import type { Cloud, Key } from './model.ts'
import { listing } from './paging.ts'
import { found, unprocessable } from './refusals.ts'

export function accountRoutes(cloud: Cloud): Routes {
  return {
    'GET /v2/account': () => {
      const { otherTeams, ...account } = cloud.account
      return { status: 200, body: { account } }
    },
    'GET /v2/regions': (x) => listing(x, 'regions', REGIONS.map(regionJson)),
    'GET /v2/sizes': (x) => listing(x, 'sizes', SIZES.map(sizeJson)),
    'GET /v2/account/keys': (x) => listing(x, 'ssh_keys', [...cloud.keys.values()]),
    'POST /v2/account/keys': (x) => ({ status: 201, body: { ssh_key: addKey(cloud, x) } }),
    'GET /v2/account/keys/{key}': (x) => ({ status: 200, body: { ssh_key: findKey(cloud, x) } }),
    'PUT /v2/account/keys/{key}': (x) => {
      const key = findKey(cloud, x)
      key.name = text(fields(x), 'name')
      return { status: 200, body: { ssh_key: key } }
    },
    'DELETE /v2/account/keys/{key}': (x) => {
      cloud.keys.delete(findKey(cloud, x).id)
      return { status: 204 }
    },
  }
}

function addKey(cloud: Cloud, x: Exchange): Key {
  const body = fields(x)
  const [name, public_key] = [text(body, 'name'), text(body, 'public_key')]
  const blob = /^(?:ssh|ecdsa)-\S+ ([A-Za-z0-9+/]+=*)(?: |$)/.exec(public_key)?.[1]
  if (blob === undefined)
    refuse(unprocessable('Key invalid, key should be of the format `type key [comment]`'))
  const digest = createHash('md5')
    .update(Buffer.from(blob as string, 'base64'))
    .digest('hex')
  const fingerprint = digest.match(/../g)!.join(':')
  if ([...cloud.keys.values()].some((one) => one.fingerprint === fingerprint))
    refuse(unprocessable(ASSUMED.keyInUse))
  const key = { id: cloud.nextId(), name, public_key, fingerprint }
  cloud.keys.set(key.id, key)
  return key
}

/** By id or by fingerprint. */
function findKey(cloud: Cloud, { params }: Exchange): Key {
  const { key } = params
  return found(
    [...cloud.keys.values()].find(({ id, fingerprint }) => String(id) === key || fingerprint === key),
  )
}
