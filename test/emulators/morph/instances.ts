import type { Answer, Exchange } from '../http.ts'
import { refuse } from '../refusal.ts'
import type { Routes } from '../routing.ts'
import { ASSUMED } from './assumptions.ts'
import { seeInstance } from './cloud.ts'
import { bodyFields, bodyMetadata } from './fields.ts'
import { filtered, page, whole } from './lists.ts'
import type { Cloud, Instance } from './model.ts'
import { look } from './progress.ts'
import { invalid, problem } from './refusals.ts'
import { resized, specOf } from './spec.ts'
import { cold, startUp } from './starts.ts'
import { instanceJson } from './wire.ts'

const answer = (instance: Instance): Answer => ({ status: 200, body: instanceJson(instance) })

/** Instances that are there. */
export function instanceRoutes(cloud: Cloud): Routes {
  const listed = (x: Exchange) => {
    look(cloud, cloud.instances.values())
    return filtered(x, cloud.instances.values()).map(instanceJson)
  }
  const see = ({ params }: Exchange) => seeInstance(cloud, params.id)
  return {
    'GET /instance': (x) => whole(listed(x)),
    ...(cloud.paged && { 'GET /instance/list': (x: Exchange) => page(x, 'instances', listed(x)) }),
    'GET /instance/{id}': (x) => answer(see(x)),
    'DELETE /instance/{id}': (x) => {
      cloud.instances.delete(see(x).id)
      return { status: 204 }
    },
    'POST /instance/{id}/resume': (x) => {
      const instance = see(x)
      if (instance.status !== 'paused') refuse(problem(409, ASSUMED.notResumable(instance.status)))
      return answer(startUp(cloud, instance))
    },
    'POST /instance/{id}/reboot': (x) => {
      const body = bodyFields(x, true)
      const wanted = specOf(body)
      body.done()
      const instance = see(x)
      if (instance.task)
        refuse(invalid({ loc: ['path', 'instance_id'], msg: ASSUMED.notRebootable, type: 'value_error' }))
      instance.spec = resized(instance.spec, wanted)
      instance.content = cold(instance)
      return answer(startUp(cloud, instance))
    },
    'POST /instance/{id}/metadata': (x) => {
      const instance = see(x)
      instance.metadata = bodyMetadata(x)
      return answer(instance)
    },
    'POST /instance/{id}/ttl': (x) => {
      const instance = see(x)
      const body = bodyFields(x)
      body.required('ttl_seconds')
      const ttlSeconds = body.integer('ttl_seconds', 1) ?? null
      const ttlAction = body.choice('ttl_action', ['stop', 'pause']) ?? instance.ttlAction
      body.done()
      return answer(Object.assign(instance, { ttlSeconds, ttlAction, usedAt: cloud.now() }))
    },
    'POST /instance/{id}/wake-on': (x) => {
      const instance = see(x)
      const body = bodyFields(x)
      const { ssh, http } = instance.wakeOn
      const wakeOn = { ssh: body.flag('wake_on_ssh') ?? ssh, http: body.flag('wake_on_http') ?? http }
      body.done()
      return answer(Object.assign(instance, { wakeOn }))
    },
  }
}
