import type { Image, Instance, Snapshot } from './model.ts'

const seconds = (ms: number) => Math.floor(ms / 1000)

function ttl({ ttlSeconds, usedAt }: Snapshot | Instance) {
  return {
    ttl_seconds: ttlSeconds,
    ttl_expire_at: ttlSeconds === null ? null : seconds(usedAt) + ttlSeconds,
  }
}

export function imageJson({ id, name, description, diskSize, createdAt }: Image) {
  return { id, object: 'image', created: seconds(createdAt), name, description, disk_size: diskSize }
}

export function snapshotJson(snapshot: Snapshot) {
  const { id, createdAt, status, spec, imageId, digest, metadata } = snapshot
  return {
    id,
    object: 'snapshot',
    created: seconds(createdAt),
    status,
    spec,
    refs: { image_id: imageId },
    digest,
    metadata,
    ttl: ttl(snapshot),
  }
}

export function instanceJson(instance: Instance) {
  const { id, createdAt, status, spec, imageId, snapshotId, metadata, ttlAction, wakeOn } = instance
  return {
    id,
    object: 'instance',
    created: seconds(createdAt),
    status,
    spec,
    refs: { snapshot_id: snapshotId, image_id: imageId },
    networking: { internal_ip: status === 'pending' ? null : '10.0.0.2', http_services: [] },
    metadata,
    ttl: { ...ttl(instance), ttl_action: ttlAction },
    wake_on: { wake_on_ssh: wakeOn.ssh, wake_on_http: wakeOn.http },
  }
}
