import type { Snapshot, Source } from '../../snapshots/model.ts'
import type { Context, Provider } from '../../snapshots/provider.ts'
import { snapshotPage } from '../pages.ts'
import { noSnapshot } from '../refusals.ts'
import type { Cloud } from './cloud.ts'
import { LONGEST_DOCKERFILE, locateDockerfile, readReal } from './dockerfile-place.ts'
import { isAddressable } from './names.ts'
import type { SnapshotRecord } from './schemas.ts'
import { DAYTONA, dockerfileId, sandboxBehind, view } from './view.ts'

export interface Listing extends Pick<Provider, 'list' | 'get'> {
  /** The record by id or name. NOT_FOUND also for what could be neither; then nothing is asked. */
  record(idOrName: string, ctx: Context): Promise<SnapshotRecord>
  shown(record: SnapshotRecord, ctx: Context): Promise<Snapshot>
}

export function createListing({ api, names, roots }: Cloud): Listing {
  const listing: Listing = {
    async record(idOrName, ctx) {
      const found = isAddressable(idOrName) ? await api.findSnapshot(idOrName, ctx) : undefined
      if (found) return found
      throw noSnapshot(idOrName, DAYTONA)
    },
    async shown(record, ctx) {
      await names.learn([sandboxBehind(record)], ctx)
      return view(record, names.nameOf)
    },
    async get(idOrName, ctx) {
      return listing.shown(await listing.record(idOrName, ctx), ctx)
    },
    async list({ source, ...query }, ctx) {
      const records = await api.snapshots(ctx)
      await names.learn(records.map(sandboxBehind), ctx)
      const all = records.map((record) => view(record, names.nameOf))
      return snapshotPage(all, { ...query, ...(source && { source: await asRecorded(source, roots) }) })
    },
  }
  return listing
}

/** Of a Dockerfile the vendor keeps the text: what is found was made of the file as it is now. */
async function asRecorded(source: Source, roots: readonly string[]): Promise<Source> {
  if (source.kind !== 'dockerfile' || source.id.startsWith('sha256:')) return source
  const { id: path } = await locateDockerfile(source.id, roots)
  const { bytes } = await readReal(path, LONGEST_DOCKERFILE)
  return { ...source, id: dockerfileId(bytes.toString('utf8')) }
}
