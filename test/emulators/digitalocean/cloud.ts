import { randomUUID } from 'node:crypto'
import { ASSUMED, USED } from './assumptions.ts'
import { DISTRIBUTION_REGIONS, DISTRIBUTIONS, findSize, type Size } from './catalogue.ts'
import type { Cloud, Droplet, Image, Volume } from './model.ts'
import type { Pace } from './progress.ts'

export function createCloud(now: () => number, pace: Pace): Cloud {
  let last = 3_164_443
  return {
    now,
    pace,
    droplets: new Map(),
    volumes: new Map(),
    images: new Map(DISTRIBUTIONS.map((one) => [one.id, publicImage(one, now())])),
    volumeSnapshots: new Map(),
    actions: new Map(),
    transfers: new Map(),
    tags: new Set(),
    keys: new Map(),
    account: {
      droplet_limit: 25,
      floating_ip_limit: 5,
      volume_limit: 100,
      email: 'sammy@example.com',
      name: 'Sammy',
      uuid: randomUUID(),
      email_verified: true,
      status: 'active',
      status_message: '',
      team: { uuid: randomUUID(), name: 'My Team' },
      otherTeams: [],
    },
    doomed: [],
    snapshotLag: 0,
    statusLag: 1,
    nextId: () => ++last,
  }
}

function publicImage(of: (typeof DISTRIBUTIONS)[number], createdAt: number): Image {
  return {
    ...of,
    type: 'base',
    public: true,
    regions: [...DISTRIBUTION_REGIONS],
    createdAt,
    minDiskSize: 7,
    sizeGigabytes: USED.droplet,
    description: `${of.distribution} ${of.name}`,
    tags: [],
    content: `fresh ${of.slug}`,
    hidden: 0,
  }
}

export function addDroplet(cloud: Cloud, given: Partial<Droplet> = {}): Droplet {
  const id = cloud.nextId()
  const image = given.image ?? [...cloud.images.values()][0]!
  const droplet: Droplet = {
    id,
    name: `droplet-${id}`,
    size: findSize('s-1vcpu-1gb')!,
    region: 'nyc3',
    image,
    status: 'active',
    tags: [],
    features: ['droplet_agent'],
    createdAt: cloud.now(),
    content: image.content,
    ignoresShutdown: false,
    blocked: 0,
    ...given,
  }
  for (const tag of droplet.tags) cloud.tags.add(tag)
  cloud.droplets.set(droplet.id, droplet)
  return droplet
}

export function addVolume(cloud: Cloud, given: Partial<Volume> = {}): Volume {
  const id = randomUUID()
  const volume: Volume = {
    id,
    name: `volume-${id.slice(0, 8)}`,
    description: '',
    region: 'nyc3',
    sizeGigabytes: 10,
    filesystemType: '',
    filesystemLabel: '',
    tags: [],
    createdAt: cloud.now(),
    content: '',
    ...given,
  }
  for (const tag of volume.tags) cloud.tags.add(tag)
  cloud.volumes.set(volume.id, volume)
  return volume
}

/** A snapshot or backup of a Droplet as it is now, or with another content. */
export function addImage(cloud: Cloud, droplet: Droplet, given: Partial<Image> = {}): Image {
  const image = imageOf(cloud, droplet, given)
  cloud.images.set(image.id, image)
  return image
}

/** The same without putting it into the account. */
export function imageOf(cloud: Cloud, droplet: Droplet, given: Partial<Image> = {}): Image {
  return {
    id: cloud.nextId(),
    name: `${droplet.name}-${cloud.now()}`,
    type: 'snapshot',
    distribution: droplet.image.distribution,
    slug: null,
    public: false,
    regions: [droplet.region],
    createdAt: cloud.now(),
    minDiskSize: droplet.size.disk,
    sizeGigabytes: USED.droplet,
    description: '',
    tags: [],
    dropletId: droplet.id,
    content: droplet.content,
    hidden: 0,
    ...given,
  }
}

/** By id, or by the slug of a public one. */
export function findImage(cloud: Cloud, reference: unknown): Image | undefined {
  const images = cloud.images
  if (typeof reference === 'number') return images.get(reference)
  if (typeof reference !== 'string' || reference === '') return undefined
  if (/^\d+$/.test(reference)) return images.get(Number(reference))
  return [...images.values()].find(({ slug }) => slug === reference)
}

/** Why an image cannot become the disk of such a machine. One that is not in the region is as good as none. */
export function misfit(
  image: Image | undefined,
  region: string,
  size: Size,
  invalid: string,
): string | undefined {
  if (!image?.regions.includes(region)) return invalid
  return size.disk < image.minDiskSize ? ASSUMED.smallDisk : undefined
}
