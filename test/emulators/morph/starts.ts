import type { Answer, Exchange } from '../http.ts'
import { refuse } from '../refusal.ts'
import type { Routes } from '../routing.ts'
import { ASSUMED } from './assumptions.ts'
import { addInstance, afford, doomed, liveSnapshot } from './cloud.ts'
import { bodyFields, type Fields, queryFields } from './fields.ts'
import type { Cloud, Instance, Snapshot } from './model.ts'
import { begin } from './progress.ts'
import { invalid, problem } from './refusals.ts'
import { DEFAULT_SPEC, resized, specOf } from './spec.ts'
import { instanceJson } from './wire.ts'

/** What makes instances: of a snapshot, warm or cold, or of an image. */
export function startRoutes(cloud: Cloud): Routes {
  const made = (given: Parameters<typeof addInstance>[1], from?: Snapshot): Answer => {
    afford(cloud, { instances: 1 })
    return { status: 200, body: instanceJson(startUp(cloud, addInstance(cloud, given), from)) }
  }
  return {
    'POST /instance': (x) => {
      const query = queryFields(x)
      query.required('snapshot_id')
      query.done()
      const body = bodyFields(x, true)
      const wishes = wishesOf(body)
      body.done()
      const snapshot = usable(cloud, query.text('snapshot_id'), ['query', 'snapshot_id'])
      return made({ ...copyOf(snapshot), ...wishes, content: { ...snapshot.content } }, snapshot)
    },
    'POST /snapshot/{id}/boot': (x) => {
      const body = bodyFields(x)
      const wishes = wishesOf(body)
      const wanted = specOf(body)
      body.done()
      const snapshot = usable(cloud, x.params.id, ['path', 'snapshot_id'])
      const spec = resized(snapshot.spec, wanted)
      return made({ ...copyOf(snapshot), ...wishes, spec, content: cold(snapshot) }, snapshot)
    },
    'POST /image/{id}/boot': (x) => bootImage(cloud, x, made),
  }
}

function bootImage(
  cloud: Cloud,
  x: Exchange,
  made: (given: Parameters<typeof addInstance>[1]) => Answer,
): Answer {
  const body = bodyFields(x)
  const wishes = wishesOf(body)
  const spec = { ...DEFAULT_SPEC, ...specOf(body) }
  body.done()
  const image = cloud.images.find(({ id }) => id === x.params.id) ?? refuse(problem(404, 'Image not found'))
  return made({
    ...wishes,
    spec,
    imageId: image.id,
    content: cold({ content: { disk: `fresh ${image.id}` } }),
  })
}

/** Has an instance come up, after the snapshot that it is made of. */
export function startUp(cloud: Cloud, instance: Instance, from?: Snapshot): Instance {
  const fails = doomed(cloud, 'instance') || from?.status === 'failed'
  const awaited = from?.status === 'pending' ? from : undefined
  if (from) from.usedAt = cloud.now()
  instance.status = 'pending'
  instance.usedAt = cloud.now()
  const finish = () => {
    instance.status = fails || (awaited && awaited.status !== 'ready') ? 'error' : 'ready'
  }
  begin(cloud, [instance], finish, awaited)
  return instance
}

/** What is on a disk after a start from it. */
export const cold = ({ content }: { content: { disk: string } }) => ({
  disk: content.disk,
  memory: 'just booted',
})

function wishesOf(body: Fields): Pick<Instance, 'metadata' | 'ttlSeconds' | 'ttlAction'> {
  return {
    metadata: body.metadata('metadata') ?? {},
    ttlSeconds: body.integer('ttl_seconds', 1) ?? null,
    ttlAction: body.choice('ttl_action', ['stop', 'pause']) ?? null,
  }
}

const copyOf = ({ id, spec, imageId }: Snapshot) => ({ snapshotId: id, imageId, spec: { ...spec } })

function usable(cloud: Cloud, id: string | undefined, loc: string[]): Snapshot {
  const snapshot = liveSnapshot(cloud, id)
  if (snapshot.status === 'failed') refuse(invalid({ loc, msg: ASSUMED.failedSnapshot, type: 'value_error' }))
  return snapshot
}
