import type { Exchange } from '../http.ts'
import { refuse } from '../refusal.ts'
import type { Routes } from '../routing.ts'
import { ASSUMED } from './assumptions.ts'
import { addInstance, addSnapshot, afford, ripen, seeInstance } from './cloud.ts'
import { bodyFields, queryFields } from './fields.ts'
import type { Cloud, Instance, Metadata, Snapshot } from './model.ts'
import { begin, type Task, wait } from './progress.ts'
import { invalid, problem } from './refusals.ts'
import { answer, sameDigest } from './snapshots.ts'
import { startUp } from './starts.ts'
import { instanceJson, snapshotJson } from './wire.ts'

/** What makes snapshots of instances. */
export function captureRoutes(cloud: Cloud): Routes {
  return {
    'POST /instance/{id}/snapshot': async (x) => {
      const body = bodyFields(x, true)
      const sync = (body.flag('sync') ?? true) || cloud.synchronous
      const digest = body.text('digest') ?? queryFields(x).text('digest')
      const metadata = body.metadata('metadata') ?? {}
      const ttlSeconds = body.integer('ttl_seconds', 1) ?? null
      body.done()
      const instance = seeInstance(cloud, x.params.id)
      const present = sameDigest(cloud, digest)
      if (present) return answer(present)
      if (instance.status !== 'ready') refuse(problem(409, ASSUMED.notCapturable(instance.status)))
      afford(cloud, { snapshots: 1 })
      const { snapshot, task } = capture(cloud, instance, { digest: digest ?? null, metadata, ttlSeconds })
      if (sync) await wait(cloud, task)
      return answer(snapshot)
    },
    'POST /instance/{id}/branch': (x) => branch(cloud, x),
    'POST /instance/{id}/pause': (x) => {
      const query = queryFields(x)
      const keep = query.flag('snapshot') ?? false
      query.done()
      const instance = seeInstance(cloud, x.params.id)
      if (instance.status !== 'ready') refuse(problem(409, ASSUMED.notPausable(instance.status)))
      if (keep) {
        afford(cloud, { snapshots: 1 })
        capture(cloud, instance, {}, 'paused')
      } else {
        instance.status = 'saving'
        begin(cloud, [instance], () => {
          instance.status = 'paused'
        })
      }
      return { status: 200, body: instanceJson(instance) }
    },
  }
}

/** Begins to save an instance with its memory; it is frozen meanwhile, and then as it was or `next`. */
function capture(
  cloud: Cloud,
  instance: Instance,
  given: Partial<Snapshot>,
  next: Instance['status'] = instance.status,
): { snapshot: Snapshot; task: Task } {
  const { spec, imageId, content } = instance
  const copy = { spec: { ...spec }, imageId, content: { ...content }, status: 'pending' } as const
  const snapshot = addSnapshot(cloud, { ...copy, ...given })
  const ripe = ripen(cloud, snapshot)
  if (cloud.synchronous) cloud.snapshots.delete(snapshot.id)
  instance.status = 'saving'
  const task = begin(cloud, [snapshot, instance], () => {
    if (cloud.synchronous) cloud.snapshots.set(snapshot.id, snapshot)
    ripe()
    instance.status = next
  })
  return { snapshot, task }
}

async function branch(cloud: Cloud, x: Exchange) {
  const query = queryFields(x)
  const count = query.integer('count', 1) ?? 1
  const digest = query.text('digest')
  query.done()
  const body = bodyFields(x, true)
  const metadata = body.metadata('snapshot_metadata') ?? {}
  const each = body.metadataList('instance_metadata')
  body.done()
  if (Array.isArray(each) && each.length !== count)
    refuse(invalid({ loc: ['body', 'instance_metadata'], msg: ASSUMED.metadataCount, type: 'value_error' }))
  const instance = seeInstance(cloud, x.params.id)
  if (instance.status !== 'ready') refuse(problem(409, ASSUMED.notBranchable(instance.status)))
  const present = sameDigest(cloud, digest)
  afford(cloud, { snapshots: present ? 0 : 1, instances: count })

  const snapshot = present ?? (await branchPoint(cloud, instance, { digest: digest ?? null, metadata }))
  const copies = Array.from({ length: count }, (_, n) => {
    const own: Metadata = (Array.isArray(each) ? each[n] : each) ?? {}
    const { spec, imageId, content, id } = snapshot
    const copy = { spec: { ...spec }, imageId, content: { ...content }, snapshotId: id, metadata: { ...own } }
    return startUp(cloud, addInstance(cloud, copy), snapshot)
  })
  return { status: 200, body: { snapshot: snapshotJson(snapshot), instances: copies.map(instanceJson) } }
}

async function branchPoint(cloud: Cloud, instance: Instance, given: Partial<Snapshot>): Promise<Snapshot> {
  const { snapshot, task } = capture(cloud, instance, given)
  await wait(cloud, task)
  return snapshot
}
