import { z } from 'zod'
import { plain } from '../../snapshots/plain.ts'
import type { Query } from '../http/address.ts'
import type { CallContext } from '../http/exchange.ts'
import type { BodyCall, Http, Reply } from '../http.ts'
import {
  Account,
  Action,
  Droplet,
  DropletSnapshot,
  Links,
  Size,
  Transfer,
  VendorSnapshot,
  Volume,
} from './schemas.ts'

export type ActionBody =
  | { type: 'snapshot'; name: string }
  | { type: 'restore' | 'rebuild'; image: number }
  | { type: 'shutdown' | 'power_off' | 'power_on' }

export interface NewDroplet {
  name: string
  region: string
  size: string
  image: number
  ssh_keys?: (number | string)[]
  tags: string[]
}

export interface NewVolume {
  name: string
  region: string
  size_gigabytes: number
  snapshot_id: string
  tags: string[]
}

/** What can be tagged here. Ids are texts in this place, whatever they are elsewhere. */
export interface Tagged {
  resource_id: string
  resource_type: 'image' | 'volume_snapshot'
}

/** An offer of an image to another account, or what became of it. */
export type TransferStep = 'accept' | 'decline' | 'cancel'

const PER_PAGE = 200
/** A list that goes on beyond that does not end. */
const MOST_PAGES = 1000

type Path = BodyCall['path']

export type Api = ReturnType<typeof createApi>

/** The calls that are made, by what they are for. Lists are read to their end. */
export function createApi(http: Http) {
  async function get<K extends string, T>(
    path: Path,
    key: K,
    schema: z.ZodType<T>,
    ctx: CallContext,
  ): Promise<T> {
    const { body } = await http.json(
      { method: 'GET', path: ['v2', ...path], schema: within(key, schema) },
      ctx,
    )
    return body[key]
  }

  async function all<K extends string, T>(
    path: Path,
    key: K,
    schema: z.ZodType<T>,
    ctx: CallContext,
    query: Query = {},
  ): Promise<T[]> {
    const Page = z.looseObject({ links: Links }).and(within(key, z.array(schema)))
    const items: T[] = []
    for (let page = 1; page <= MOST_PAGES; page++) {
      const { body } = await http.json(
        { method: 'GET', path: ['v2', ...path], query: { ...query, page, per_page: PER_PAGE }, schema: Page },
        ctx,
      )
      items.push(...body[key])
      if (!body.links?.pages?.next || body[key].length === 0) break
    }
    return items
  }

  /** For lists that people look at: one odd element must not hide all others. */
  async function sound<K extends string, T>(
    path: Path,
    key: K,
    schema: z.ZodType<T>,
    ctx: CallContext,
    query?: Query,
  ): Promise<T[]> {
    return (await all(path, key, z.unknown(), ctx, query)).flatMap((element) => {
      const parsed = schema.safeParse(element)
      if (parsed.success) return [parsed.data]
      const [issue] = parsed.error.issues
      ctx.log.warn('an element of a list is not what DigitalOcean describes, and is left out', {
        list: key,
        at: plain(issue?.path.join('.') ?? ''),
        what: plain(issue?.message ?? ''),
      })
      return []
    })
  }

  async function send<K extends string, T>(
    method: 'POST' | 'PUT',
    path: Path,
    body: object,
    key: K,
    schema: z.ZodType<T>,
    ctx: CallContext,
  ): Promise<T> {
    const reply = await http.json({ method, path: ['v2', ...path], body, schema: within(key, schema) }, ctx)
    return reply.body[key]
  }

  /** For calls whose answer holds nothing of interest, or nothing at all. */
  async function tell(path: Path, body: object, ctx: CallContext): Promise<void> {
    await http.json({ method: 'POST', path: ['v2', ...path], body, schema: z.unknown() }, ctx)
  }

  return {
    /** With its headers, which tell how many calls are left. */
    account: (ctx: CallContext): Promise<Reply<{ account: Account }>> =>
      http.json({ method: 'GET', path: ['v2', 'account'], schema: within('account', Account) }, ctx),
    sizes: (ctx: CallContext) => all(['sizes'], 'sizes', Size, ctx),

    droplet: (id: number, ctx: CallContext) => get(['droplets', id], 'droplet', Droplet, ctx),
    droplets: (ctx: CallContext, query?: { tag_name: string }) =>
      sound(['droplets'], 'droplets', Droplet, ctx, query),
    newDroplet: (body: NewDroplet, ctx: CallContext) =>
      send('POST', ['droplets'], body, 'droplet', Droplet, ctx),
    dropletSnapshots: (id: number, ctx: CallContext) =>
      all(['droplets', id, 'snapshots'], 'snapshots', DropletSnapshot, ctx),
    actions: (droplet: number, ctx: CallContext) =>
      all(['droplets', droplet, 'actions'], 'actions', Action, ctx),
    action: (droplet: number, id: number, ctx: CallContext) =>
      get(['droplets', droplet, 'actions', id], 'action', Action, ctx),
    act: (droplet: number, body: ActionBody, ctx: CallContext) =>
      send('POST', ['droplets', droplet, 'actions'], body, 'action', Action, ctx),

    volume: (id: string, ctx: CallContext) => get(['volumes', id], 'volume', Volume, ctx),
    volumes: (ctx: CallContext, query?: { name: string; region: string }) =>
      sound(['volumes'], 'volumes', Volume, ctx, query),
    newVolume: (body: NewVolume, ctx: CallContext) => send('POST', ['volumes'], body, 'volume', Volume, ctx),
    volumeSnapshots: (id: string, ctx: CallContext) =>
      all(['volumes', id, 'snapshots'], 'snapshots', VendorSnapshot, ctx),
    newVolumeSnapshot: (volume: string, body: { name: string; tags: string[] }, ctx: CallContext) =>
      send('POST', ['volumes', volume, 'snapshots'], body, 'snapshot', VendorSnapshot, ctx),

    snapshot: (id: string, ctx: CallContext) => get(['snapshots', id], 'snapshot', VendorSnapshot, ctx),
    snapshots: (resource_type: 'droplet' | 'volume', ctx: CallContext) =>
      sound(['snapshots'], 'snapshots', VendorSnapshot, ctx, { resource_type }),
    removeSnapshot: (id: string, ctx: CallContext) => http.remove({ path: ['v2', 'snapshots', id] }, ctx),

    renameImage: (id: number, name: string, ctx: CallContext) =>
      send('PUT', ['images', id], { name }, 'image', z.unknown(), ctx),
    transferImage: (id: number, region: string, ctx: CallContext) =>
      send('POST', ['images', id, 'actions'], { type: 'transfer', region }, 'action', Action, ctx),
    imageActions: (image: number, ctx: CallContext) =>
      all(['images', image, 'actions'], 'actions', Action, ctx),
    imageAction: (image: number, id: number, ctx: CallContext) =>
      get(['images', image, 'actions', id], 'action', Action, ctx),

    newTag: (name: string, ctx: CallContext) => tell(['tags'], { name }, ctx),
    tag: (name: string, resource: Tagged, ctx: CallContext) =>
      tell(['tags', name, 'resources'], { resources: [resource] }, ctx),
    untag: (name: string, resource: Tagged, ctx: CallContext) =>
      http.remove({ path: ['v2', 'tags', name, 'resources'], body: { resources: [resource] } }, ctx),

    async offerImage(
      id: number,
      to: { recipient_email: string } | { recipient_uuid: string },
      ctx: CallContext,
    ): Promise<number> {
      const path = ['v2', 'images', id, 'account_transfer']
      const { body } = await http.json({ method: 'POST', path, body: to, schema: Transfer }, ctx)
      return body.transfer_id
    },
    stepTransfer: (image: number, step: TransferStep, body: object, ctx: CallContext) =>
      tell(['images', image, 'account_transfer', step], body, ctx),

    close: () => http.close(),
  }
}

/** An answer is one object under its own name. */
function within<K extends string, T>(key: K, schema: z.ZodType<T>): z.ZodType<Record<K, T>> {
  return z.looseObject({ [key]: schema }) as unknown as z.ZodType<Record<K, T>>
}
