import type { Routes } from '../routing.ts'
import { isLeaving } from './cloud.ts'
import type { Cloud } from './model.ts'

export function quotaRoutes(cloud: Cloud): Routes {
  return {
    'GET /user/service/quota': () => {
      const kept = [...cloud.snapshots.values()].filter((one) => !isLeaving(one)).length
      const quotas = [
        { quota_code: 'snapshots', limit_value: cloud.account.snapshots, used_value: kept },
        { quota_code: 'instances', limit_value: cloud.account.instances, used_value: cloud.instances.size },
      ]
      const service = { service_id: 'infinibranch', service_name: 'Infinibranch', quotas }
      return { status: 200, body: { services: [service] } }
    },
  }
}
