import type { Routes } from '../routing.ts'
import type { World } from './model.ts'

/** Credentials for the upload of a build context. */
export function pushAccessRoutes({ objects, origins, organizationId }: World): Routes {
  const { accessKey, secret, sessionToken, region } = objects.credentials
  return {
    'GET /api/object-storage/push-access': () => ({
      status: 200,
      body: {
        ...{ accessKey, secret, sessionToken, storageUrl: origins.storage },
        ...{ organizationId, bucket: objects.bucket, region },
      },
    }),
  }
}
