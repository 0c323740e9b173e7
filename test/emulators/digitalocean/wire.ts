import { findRegion, regionJson, sizeJson } from './catalogue.ts'
import type { Cloud, Droplet, Image, Volume, VolumeSnapshot } from './model.ts'
import { type Action, busy } from './progress.ts'

/** The state as the API shows it. */

const region = (slug: string) => regionJson(findRegion(slug)!)

/** Showing a status counts as a read: what lags behind gets on. */
export function dropletJson(cloud: Cloud, droplet: Droplet) {
  const images = [...cloud.images.values()].filter((image) => image.dropletId === droplet.id)
  const idsOf = (type: Image['type']) => images.filter((image) => image.type === type).map(({ id }) => id)
  return {
    id: droplet.id,
    name: droplet.name,
    memory: droplet.size.memory,
    vcpus: droplet.size.vcpus,
    disk: droplet.size.disk,
    disk_info: sizeJson(droplet.size).disk_info,
    locked: busy(cloud, 'droplet', droplet.id),
    status: shownStatus(droplet),
    kernel: null,
    created_at: iso(droplet.createdAt),
    features: droplet.features,
    backup_ids: idsOf('backup'),
    next_backup_window: null,
    snapshot_ids: idsOf('snapshot'),
    image: imageJson(droplet.image),
    volume_ids: [...cloud.volumes.values()].filter((one) => one.dropletId === droplet.id).map(({ id }) => id),
    size: sizeJson(droplet.size),
    size_slug: droplet.size.slug,
    networks: { v4: droplet.status === 'new' ? [] : [address(droplet.id)], v6: [] },
    region: region(droplet.region),
    tags: droplet.tags,
  }
}

function shownStatus(droplet: Droplet): Droplet['status'] {
  const { shown } = droplet
  if (!shown || shown.reads === 0) return droplet.status
  shown.reads -= 1
  return shown.status
}

/** The same for the life of a Droplet; from the block for documentation. */
function address(id: number) {
  const host = (id % 250) + 2
  return {
    ip_address: `192.0.2.${host}`,
    netmask: '255.255.255.0',
    gateway: '192.0.2.1',
    type: 'public',
  }
}

export function imageJson(image: Image) {
  return {
    id: image.id,
    name: image.name,
    distribution: image.distribution,
    slug: image.slug,
    public: image.public,
    regions: image.regions,
    created_at: iso(image.createdAt),
    type: image.type,
    min_disk_size: image.minDiskSize,
    size_gigabytes: image.sizeGigabytes,
    description: image.description,
    tags: image.tags,
    status: 'available',
    error_message: '',
  }
}

/** Below a Droplet the id is a number, and nothing tells the origin. */
export function dropletSnapshotJson({
  id,
  name,
  createdAt,
  regions,
  minDiskSize,
  sizeGigabytes,
  type,
}: Image) {
  return {
    id,
    name,
    created_at: iso(createdAt),
    regions,
    min_disk_size: minDiskSize,
    size_gigabytes: sizeGigabytes,
    type,
  }
}

/** Among all snapshots the id is a text, of digits for a Droplet's. */
export function snapshotJson(of: Image | VolumeSnapshot) {
  const ofVolume = 'volumeId' in of
  return {
    id: String(of.id),
    name: of.name,
    created_at: iso(of.createdAt),
    regions: ofVolume ? [of.region] : of.regions,
    min_disk_size: of.minDiskSize,
    size_gigabytes: of.sizeGigabytes,
    resource_id: ofVolume ? of.volumeId : String(of.dropletId),
    resource_type: ofVolume ? 'volume' : 'droplet',
    tags: of.tags,
  }
}

export function volumeJson(volume: Volume) {
  return {
    id: volume.id,
    region: region(volume.region),
    droplet_ids: volume.dropletId === undefined ? [] : [volume.dropletId],
    name: volume.name,
    description: volume.description,
    size_gigabytes: volume.sizeGigabytes,
    filesystem_type: volume.filesystemType,
    filesystem_label: volume.filesystemLabel,
    created_at: iso(volume.createdAt),
    tags: volume.tags,
  }
}

/** `resource_id` is what the action works on, never what comes out of it; a volume's id is no number and left out. */
export function actionJson({ id, status, type, startedAt, completedAt, on, region: slug }: Action) {
  return {
    id,
    status,
    type,
    started_at: iso(startedAt),
    completed_at: completedAt === undefined ? null : iso(completedAt),
    resource_id: on.type === 'volume' ? null : on.id,
    resource_type: on.type,
    region: region(slug),
    region_slug: slug,
  }
}

/** Whole seconds. */
function iso(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z')
}
