import { SnapshotError } from '../../snapshots/errors.ts'
import type { Source, SourceItem } from '../../snapshots/model.ts'
import { quotedName } from '../../snapshots/plain.ts'
import type { Context, Page, SourceQuery } from '../../snapshots/provider.ts'
import { sourcePage } from '../pages.ts'
import { noSource, onlySource, type SourceWords, sourceItem, sourceKey } from '../sources.ts'
import { DEFAULT_IMAGE } from './assumptions.ts'
import { failure, MORPH, type Morph } from './engine.ts'
import { factsOf, KEY } from './metadata.ts'
import type { Image, Instance } from './wire.ts'

const WORDS: SourceWords = {
  one: 'instance',
  many: 'instances',
  forms: `instance:ID or image:ID, such as image:${DEFAULT_IMAGE} to begin with`,
}

/** All instances and all images. */
export async function sources({ api }: Morph, query: SourceQuery, ctx: Context): Promise<Page<SourceItem>> {
  const [instances, images] = await Promise.all([api.instances({}, ctx), api.images(ctx)])
  const items = [
    ...instances.map((instance) => sourceItem(MORPH, instanceSource(instance), describe(instance))),
    ...images.map((image) => sourceItem(MORPH, imageSource(image), image.description ?? '')),
  ]
  return sourcePage(items, query)
}

/** `ready, 2 vCPU, 4096 MB of memory, 8192 MB of disk` */
function describe({ status, spec }: Instance): string {
  if (!spec) return status
  const { vcpus, memory, disk_size } = spec
  return `${status}, ${vcpus} vCPU, ${memory} MB of memory, ${disk_size} MB of disk`
}

/**
 * `instance:ID`, `image:ID`, or the id of an instance alone. What is gone but has snapshots is still a source: one may
 * ask for its snapshots. Without a text the only instance; an image is captured only when it is named.
 */
export async function resolveSource(morph: Morph, text: string | undefined, ctx: Context): Promise<Source> {
  if (text === undefined)
    return onlySource((await morph.api.instances({}, ctx)).map(instanceSource), WORDS, MORPH)
  const [, kind = '', id = ''] = /^(?:(instance|image):)?(.*)$/s.exec(text) ?? []
  if (kind === 'image') return image(morph, id || DEFAULT_IMAGE, ctx)
  if (kind === 'instance' || id.startsWith('morphvm_')) return instance(morph, id, ctx)
  throw noSource(text, WORDS, MORPH)
}

async function instance(morph: Morph, id: string, ctx: Context): Promise<Source> {
  try {
    return instanceSource(await morph.api.instance(id, ctx))
  } catch (error) {
    if (!(error instanceof SnapshotError) || error.code !== 'NOT_FOUND') throw error
    const past = await captured(morph, { kind: 'instance', id }, ctx)
    if (past) return past
    throw error
  }
}

/** Some are known by their name. The default one need not be listed. */
async function image(morph: Morph, id: string, ctx: Context): Promise<Source> {
  const images = await morph.api.images(ctx)
  const found = images.find((each) => each.id === id) ?? images.find(({ name }) => name === id)
  if (found) return imageSource(found)
  if (id === DEFAULT_IMAGE) return { kind: 'image', id, name: id }
  const past = await captured(morph, { kind: 'image', id }, ctx)
  if (past) return past
  throw failure(
    'NOT_FOUND',
    `There is no image ${quotedName(id)}. Nothing was changed.`,
    'snapshot_sources lists the images.',
  )
}

/** As the snapshots of it name it, where there are some. */
async function captured(
  { api }: Morph,
  source: Pick<Source, 'kind' | 'id'>,
  ctx: Context,
): Promise<Source | undefined> {
  const [one] = await api.snapshots({ metadata: { [KEY.source]: sourceKey(source) } }, ctx)
  return one && factsOf(one.metadata ?? {}).source
}

export const instanceSource = ({ id, metadata }: Instance): Source => ({
  kind: 'instance',
  id,
  name: factsOf(metadata ?? {}).name ?? id,
})

const imageSource = ({ id, name }: Image): Source => ({ kind: 'image', id, name: name || id })
