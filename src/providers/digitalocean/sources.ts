import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Source, SourceItem } from '../../snapshots/model.ts'
import { plain } from '../../snapshots/plain.ts'
import type { Page, SourceQuery } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { sourcePage } from '../pages.ts'
import { type Env, PROVIDER } from './env.ts'
import { isUuid, numberIn } from './ids.ts'
import type { Droplet, VendorSnapshot, Volume } from './schemas.ts'

export const dropletSource = ({ id, name }: Droplet): Source => ({ kind: 'droplet', id: String(id), name })
export const volumeSource = ({ id, name }: Volume): Source => ({ kind: 'volume', id, name })

/** `droplet:ID`, `volume:UUID`, or the id alone; nothing, where there is only one thing to capture. */
export async function resolveSource(env: Env, text: string | undefined, ctx: CallContext): Promise<Source> {
  if (text === undefined) return onlySource(env, ctx)
  const [, kind, id = text] = /^(droplet|volume):(.*)$/s.exec(text) ?? []
  const number = kind === 'volume' ? undefined : numberIn(id)
  if (number !== undefined) return dropletSource(await env.api.droplet(number, ctx))
  if (kind !== 'droplet' && isUuid(id)) return volumeSource(await env.api.volume(id.toLowerCase(), ctx))
  throw fail(
    'INVALID_ARGUMENT',
    `${JSON.stringify(plain(text, 80))} is not a source here. Nothing was changed.`,
    'A source looks like droplet:3164444 or volume:UUID; snapshot_sources lists them.',
  )
}

async function onlySource(env: Env, ctx: CallContext): Promise<Source> {
  const [droplets, volumes] = await Promise.all([env.api.droplets(ctx), env.api.volumes(ctx)])
  const all = [...droplets.map(dropletSource), ...volumes.map(volumeSource)]
  const [only] = all
  if (only && all.length === 1) return only
  throw fail(
    'INVALID_ARGUMENT',
    `There are ${droplets.length} Droplets and ${volumes.length} volumes: say which is meant. Nothing was changed.`,
    'snapshot_sources lists them; pass one as "source".',
  )
}

export async function listSources(env: Env, query: SourceQuery, ctx: CallContext): Promise<Page<SourceItem>> {
  const [droplets, volumes] = await Promise.all([env.api.droplets(ctx), env.api.volumes(ctx)])
  const item = (source: Source, more: Partial<SourceItem>): SourceItem => ({
    ...source,
    provider: PROVIDER,
    source: `${source.kind}:${source.id}`,
    ...more,
  })
  const items = [
    ...droplets.map((each) =>
      item(dropletSource(each), {
        note: `${each.status}, ${each.region.slug}, disk of ${each.disk} GB`,
        ...(each.snapshot_ids && { snapshots: each.snapshot_ids.length }),
      }),
    ),
    ...volumes.map((each) =>
      item(volumeSource(each), { note: `${each.region.slug}, ${each.size_gigabytes} GB` }),
    ),
  ]
  return sourcePage(items, query)
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
