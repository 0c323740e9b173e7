import { fail } from '../../snapshots/errors.ts'
import type { Source, SourceItem } from '../../snapshots/model.ts'
import { quotedName } from '../../snapshots/plain.ts'
import type { Context, Provider } from '../../snapshots/provider.ts'
import { sourcePage } from '../pages.ts'
import { noSource, onlySource, type SourceWords, sourceItem } from '../sources.ts'
import type { Cloud } from './cloud.ts'
import { locateDockerfile } from './dockerfile-place.ts'
import { checkImage } from './image.ts'
import type { SandboxRecord } from './schemas.ts'
import { DAYTONA, PROVIDER } from './view.ts'

export const SOURCE_KINDS = ['sandbox', 'image', 'dockerfile'] as const

const WORDS: SourceWords = {
  one: 'sandbox',
  many: 'sandboxes',
  forms: 'sandbox:ID, image:NAME:TAG or dockerfile:PATH',
}

/** What can be captured: the sandboxes are listed, images and Dockerfiles are named by whoever has them. */
export function createSources(cloud: Cloud): Pick<Provider, 'resolveSource' | 'sources'> {
  const { api, names, roots } = cloud

  async function everySandbox(ctx: Context) {
    const all = await api.sandboxes(ctx)
    for (const { id, name } of all) names.tell(id, name)
    return all
  }

  async function sandbox(idOrName: string, ctx: Context): Promise<Source> {
    const found = await api.findSandbox(idOrName, ctx)
    if (!found)
      throw fail(
        'NOT_FOUND',
        `There is no sandbox ${quotedName(idOrName)}. Nothing was changed.`,
        'snapshot_sources lists the sandboxes.',
        { provider: PROVIDER },
      )
    names.tell(found.id, found.name)
    return sourceOf(found)
  }

  return {
    async resolveSource(text, ctx) {
      if (text === undefined) return onlySource((await everySandbox(ctx)).map(sourceOf), WORDS, DAYTONA)
      const { kind, id } = split(text)
      if (kind === 'image') return { kind, id: checkImage(id), name: id }
      if (kind === 'dockerfile') return locateDockerfile(id, roots)
      return sandbox(id, ctx)
    },
    async sources(query, ctx) {
      return sourcePage((await everySandbox(ctx)).map(itemOf), query)
    },
  }
}

/** Without a kind it is a sandbox. A word with a colon behind it is taken for a kind, so that none passes for a name. */
function split(text: string): { kind: string; id: string } {
  const [, kind = 'sandbox', id = ''] = /^(?:([a-z][a-z0-9_]*):)?(.*)$/s.exec(text) ?? []
  if ((SOURCE_KINDS as readonly string[]).includes(kind) && id !== '') return { kind, id }
  const code = kind === 'sandbox' || id === '' ? 'INVALID_ARGUMENT' : 'UNSUPPORTED'
  throw noSource(text, WORDS, DAYTONA, code)
}

const sourceOf = ({ id, name }: SandboxRecord): Source => ({ kind: 'sandbox', id, name: name || id })

function itemOf(sandbox: SandboxRecord): SourceItem {
  const { state, snapshot, target } = sandbox
  const facts = [state, target && `in ${target}`, snapshot && `made from ${snapshot}`]
  return sourceItem(DAYTONA, sourceOf(sandbox), facts.filter(Boolean).join(', '))
}
