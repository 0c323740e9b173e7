import { randomBytes, randomUUID } from 'node:crypto'
import { accountRoutes } from './digitalocean/account.ts'
import { accountTransferRoutes, offerImage } from './digitalocean/account-transfers.ts'
import { actionRoutes } from './digitalocean/actions.ts'
import { addDroplet, addImage, addVolume, createCloud } from './digitalocean/cloud.ts'
import { dropletActionRoutes } from './digitalocean/droplet-actions.ts'
import { dropletRoutes } from './digitalocean/droplets.ts'
import { imageRoutes } from './digitalocean/images.ts'
import type { Cloud, Droplet, Image, Transfer, Volume } from './digitalocean/model.ts'
import { type Action, begin, look, type Pace } from './digitalocean/progress.ts'
import { type RateLimits, rateLimiter } from './digitalocean/rate-limit.ts'
import { badRequest, notFound, unauthorized } from './digitalocean/refusals.ts'
import { snapshotRoutes } from './digitalocean/snapshots.ts'
import { tagRoutes } from './digitalocean/tags.ts'
import { volumeActionRoutes } from './digitalocean/volume-actions.ts'
import { volumeSnapshotRoutes } from './digitalocean/volume-snapshots.ts'
import { volumeRoutes } from './digitalocean/volumes.ts'
import { type EmulatorServer, serveEmulator } from './http.ts'
import { refusing } from './refusal.ts'
import type { Routes } from './routing.ts'

export interface DigitalOceanOptions {
  /** Default: a random one. */
  token?: string
  /** Milliseconds since the epoch. */
  now?: () => number
  /** Looks at an action that still find it in progress; default 2. */
  pollsToComplete?: number
  /** Let actions take seconds of the clock instead, for people who play with it. */
  secondsToComplete?: number
  /** Default: the real ones, 5000 an hour and 250 a minute. */
  limits?: Partial<RateLimits>
  port?: number
}

export interface DigitalOcean extends EmulatorServer {
  token: string
  /** Everything that is there, to look at and to change. */
  cloud: Cloud
  /** What the account starts with: a running Droplet, and a volume that is not attached. Both in nyc3. */
  droplet: Droplet
  volume: Volume
  addDroplet(given?: Partial<Droplet>): Droplet
  addVolume(given?: Partial<Volume>): Volume
  /** As the nightly job does. */
  addBackup(of: Droplet, given?: Partial<Image>): Image
  /** Another account offers an image to this one. */
  offerImage(given?: Partial<Image>): Transfer
  /** The next action of this type ends as `errored`. */
  failNext(type: string): void
  /** Keeps a Droplet busy with an action that nobody asked for. */
  occupy(droplet: Droplet, type?: string): Action
}

/**
 * Emulates the part of the DigitalOcean API v2 that has to do with snapshots, as its public description, documentation
 * and issue threads tell it. Where they are silent, `digitalocean/assumptions.ts` decides.
 */
export async function createDigitalOcean(options: DigitalOceanOptions = {}): Promise<DigitalOcean> {
  const now = options.now ?? Date.now
  const token = options.token ?? `dop_v1_${randomBytes(32).toString('hex')}`
  const { secondsToComplete: seconds, pollsToComplete: polls = 2 } = options
  const pace: Pace = seconds === undefined ? { polls } : { seconds }
  const cloud = createCloud(now, pace)
  const limiter = rateLimiter({ perHour: 5000, perMinute: 250, ...options.limits }, now)

  const server = await serveEmulator({
    routes: routesOf(cloud),
    authorize({ headers }) {
      const [scheme, given] = (headers.authorization ?? '').split(' ')
      if (scheme?.toLowerCase() !== 'bearer' || given !== token) return unauthorized()
      // With a clock, what is due happens whether anybody looks or not.
      if ('seconds' in pace) look(cloud)
      return limiter.take()
    },
    notFound,
    badJson: () => badRequest(),
    headers: () => ({ 'x-request-id': randomUUID(), ...limiter.headers() }),
    ...(options.port === undefined ? {} : { port: options.port }),
  })
  const droplet = addDroplet(cloud, { name: 'web-01', content: 'the first state of web-01' })
  const volume = addVolume(cloud, { name: 'data-01', filesystemType: 'ext4', content: 'data' })
  return {
    ...server,
    token,
    cloud,
    droplet,
    volume,
    addDroplet: (given) => addDroplet(cloud, given),
    addVolume: (given) => addVolume(cloud, given),
    addBackup: (of, given) => addImage(cloud, of, { type: 'backup', ...given }),
    offerImage: (given) => offerImage(cloud, droplet, given),
    failNext: (type) => void cloud.doomed.push(type),
    occupy: (of, type = 'backup') => begin(cloud, { type: 'droplet', id: of.id }, type, of.region),
  }
}

function routesOf(cloud: Cloud): Routes {
  const routes: Routes = {
    ...accountRoutes(cloud),
    ...actionRoutes(cloud),
    ...dropletRoutes(cloud),
    ...dropletActionRoutes(cloud),
    ...snapshotRoutes(cloud),
    ...imageRoutes(cloud),
    ...accountTransferRoutes(cloud),
    ...volumeRoutes(cloud),
    ...volumeSnapshotRoutes(cloud),
    ...volumeActionRoutes(cloud),
    ...tagRoutes(cloud),
  }
  return Object.fromEntries(Object.entries(routes).map(([route, handler]) => [route, refusing(handler)]))
}
