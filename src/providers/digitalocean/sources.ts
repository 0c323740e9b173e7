import { SnapshotError } from '../../snapshots/errors.ts'
import type { Source, SourceItem } from '../../snapshots/model.ts'
import type { Page, SourceQuery } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { sourcePage } from '../pages.ts'
import { noSource, onlySource, type SourceWords, sourceItem } from '../sources.ts'
import { DIGITALOCEAN, type Env } from './env.ts'
import { isUuid, numberIn } from './ids.ts'
import type { Droplet, VendorSnapshot, Volume } from './schemas.ts'

export const dropletSource = ({ id, name }: Droplet): Source => ({ kind: 'droplet', id: String(id), name })
export const volumeSource = ({ id, name }: Volume): Source => ({ kind: 'volume', id, name })

const WORDS: SourceWords = {
  one: 'Droplet or volume',
  many: 'Droplets and volumes',
  forms: 'droplet:ID or volume:UUID, such as droplet:3164444',
}

/** `droplet:ID`, `volume:UUID`, or the id alone; nothing, where there is only one thing to capture. */
export async function resolveSource(env: Env, text: string | undefined, ctx: CallContext): Promise<Source> {
  if (text === undefined) {
    const [droplets, volumes] = await everything(env, ctx)
    return onlySource([...droplets.map(dropletSource), ...volumes.map(volumeSource)], WORDS, DIGITALOCEAN)
  }
  const [, kind, id = text] = /^(droplet|volume):(.*)$/s.exec(text) ?? []
  const number = kind === 'volume' ? undefined : numberIn(id)
  if (number !== undefined) return dropletSource(await env.api.droplet(number, ctx))
  if (kind !== 'droplet' && isUuid(id)) return volumeSource(await env.api.volume(id.toLowerCase(), ctx))
  throw noSource(text, WORDS, DIGITALOCEAN)
}

async function everything({ api }: Env, ctx: CallContext): Promise<[Droplet[], Volume[]]> {
  return Promise.all([api.droplets(ctx), api.volumes(ctx)])
}

export async function listSources(env: Env, query: SourceQuery, ctx: CallContext): Promise<Page<SourceItem>> {
  const [droplets, volumes] = await everything(env, ctx)
  return sourcePage([...droplets.map(dropletItem), ...volumes.map(volumeItem)], query)
}

function dropletItem(droplet: Droplet): SourceItem {
  const { status, region, disk, snapshot_ids } = droplet
  const note = `${status}, ${region.slug}, disk of ${disk} GB`
  const item = sourceItem(DIGITALOCEAN, dropletSource(droplet), note)
  return { ...item, ...(snapshot_ids && { snapshots: snapshot_ids.length }) }
}

function volumeItem(volume: Volume): SourceItem {
  const { region, size_gigabytes } = volume
  return sourceItem(DIGITALOCEAN, volumeSource(volume), `${region.slug}, ${size_gigabytes} GB`)
}

export type NameOf = (snapshot: VendorSnapshot) => string | undefined

/** What the sources of these snapshots are called; undefined for those that are gone, or that the key may not see. */
export async function sourceNames(
  { api }: Env,
  snapshots: readonly VendorSnapshot[],
  ctx: CallContext,
): Promise<NameOf> {
  const ids = (kind: string) => [
    ...new Set(snapshots.filter((one) => one.resource_type === kind).map((one) => String(one.resource_id))),
  ]
  const [droplets, volumes] = [ids('droplet'), ids('volume')]
  const [only] = droplets.map(numberIn)
  const named: Promise<{ id: string | number; name: string }[]>[] = [
    droplets.length === 1 && only !== undefined
      ? api.droplet(only, ctx).then((one) => [one])
      : droplets.length > 0
        ? api.droplets(ctx)
        : Promise.resolve([]),
    volumes.length === 1
      ? api.volume(volumes[0]!, ctx).then((one) => [one])
      : volumes.length > 0
        ? api.volumes(ctx)
        : Promise.resolve([]),
  ]
  const found = await Promise.all(named.map((each) => each.catch(unseen)))
  const names = new Map(found.flat().map(({ id, name }) => [String(id), name]))
  return ({ resource_id }) => names.get(String(resource_id))
}

/** A name is not worth a failure: whoever may see snapshots need not be allowed to see machines. */
function unseen(error: unknown): [] {
  if (error instanceof SnapshotError && ['NOT_FOUND', 'FORBIDDEN'].includes(error.code)) return []
  throw error
}
