import type { Answer, Exchange } from '../http.ts'
import { refuse } from '../refusal.ts'
import type { Routes } from '../routing.ts'
import { answersForDigest } from './assumptions.ts'
import { addSnapshot, afford, DEFAULT_IMAGE, liveSnapshot, ripen, seeSnapshot, softDelete } from './cloud.ts'
import { bodyFields, bodyMetadata } from './fields.ts'
import { filtered, page, whole } from './lists.ts'
import type { Cloud, Snapshot } from './model.ts'
import { begin, look } from './progress.ts'
import { problem } from './refusals.ts'
import { DEFAULT_SPEC, specOf } from './spec.ts'
import { imageJson, snapshotJson } from './wire.ts'

export const answer = (snapshot: Snapshot): Answer => ({ status: 200, body: snapshotJson(snapshot) })

export function snapshotRoutes(cloud: Cloud): Routes {
  const listed = (x: Exchange) => {
    look(cloud, cloud.snapshots.values())
    const all = [...cloud.snapshots.values()].filter(({ status }) => status !== 'deleted')
    return filtered(x, all).map(snapshotJson)
  }
  return {
    'GET /image': () => whole(cloud.images.map(imageJson)),
    'POST /snapshot': (x) => create(cloud, x),
    'GET /snapshot': (x) => whole(listed(x)),
    ...(cloud.paged && { 'GET /snapshot/list': (x: Exchange) => page(x, 'snapshots', listed(x)) }),
    'GET /snapshot/{id}': ({ params }) => answer(seeSnapshot(cloud, params.id)),
    'DELETE /snapshot/{id}': ({ params }) => {
      softDelete(cloud, seeSnapshot(cloud, params.id))
      return { status: 204 }
    },
    'POST /snapshot/{id}/metadata': (x) => {
      const snapshot = liveSnapshot(cloud, x.params.id)
      snapshot.metadata = bodyMetadata(x)
      return answer(snapshot)
    },
    'POST /snapshot/{id}/ttl': (x) => {
      const snapshot = liveSnapshot(cloud, x.params.id)
      const body = bodyFields(x)
      body.required('ttl_seconds')
      const ttl = body.integer('ttl_seconds', 1) ?? null
      body.done()
      snapshot.ttlSeconds = ttl
      snapshot.usedAt = cloud.now()
      return answer(snapshot)
    },
  }
}

/** The one that stands for this digest, if there is one. */
export function sameDigest(cloud: Cloud, digest: string | undefined): Snapshot | undefined {
  if (digest === undefined) return undefined
  return [...cloud.snapshots.values()].find((one) => one.digest === digest && answersForDigest(one))
}

function create(cloud: Cloud, x: Exchange): Answer {
  const body = bodyFields(x)
  const imageId = body.text('image_id') ?? DEFAULT_IMAGE
  const spec = { ...DEFAULT_SPEC, ...specOf(body) }
  const digest = body.text('digest')
  const metadata = body.metadata('metadata') ?? {}
  const ttlSeconds = body.integer('ttl_seconds', 1) ?? null
  body.done()
  const image = cloud.images.find(({ id }) => id === imageId) ?? refuse(problem(404, 'Image not found'))
  const present = sameDigest(cloud, digest)
  if (present) return answer(present)
  afford(cloud, { snapshots: 1 })

  const content = { disk: `fresh ${image.id}`, memory: 'just booted' }
  const status = 'pending'
  const made = {
    spec,
    imageId: image.id,
    digest: digest ?? null,
    metadata,
    ttlSeconds,
    content,
    status,
  } as const
  const snapshot = addSnapshot(cloud, made)
  begin(cloud, [snapshot], ripen(cloud, snapshot))
  return answer(snapshot)
}
