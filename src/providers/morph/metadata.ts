import { Labels, type Source } from '../../snapshots/model.ts'
import { quotedName } from '../../snapshots/plain.ts'
import type { CreateRequest } from '../../snapshots/provider.ts'
import { sourceKey } from '../sources.ts'
import { failure } from './engine.ts'
import type { Metadata } from './wire.ts'

/**
 * Morph keeps a map of texts with everything, and nothing else that one could choose: no name, no note, no protection.
 * What we have to say stands under keys with this prefix; all others are labels.
 */
const PREFIX = 'snapshot_mcp_'

export const KEY = {
  /** The operation that has made it: it is found by this. */
  operation: `${PREFIX}operation`,
  /** Of the copies that one operation starts, from 1. */
  copy: `${PREFIX}copy`,
  name: `${PREFIX}name`,
  note: `${PREFIX}note`,
  /** `kind:id` */
  source: `${PREFIX}source`,
  sourceName: `${PREFIX}source_name`,
  protected: `${PREFIX}protected`,
  auto: `${PREFIX}auto`,
} as const

/** Whether this operation has made it. */
export const isOf = ({ metadata }: { metadata?: Metadata | null | undefined }, operation: string) =>
  metadata?.[KEY.operation] === operation

/** What other programs call the name of a thing, too. */
export const COMMON_NAME = 'name'

const YES = 'true'

export interface Facts {
  name: string | undefined
  note: string | undefined
  source: Source | undefined
  protected: boolean
  auto: boolean
}

export function factsOf(metadata: Metadata): Facts {
  const text = (key: string) => {
    const value = metadata[key]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  return {
    name: text(KEY.name) ?? text(COMMON_NAME),
    note: text(KEY.note),
    source: sourceIn(text(KEY.source), text(KEY.sourceName)),
    protected: text(KEY.protected) === YES,
    auto: text(KEY.auto) === YES,
  }
}

function sourceIn(key: string | undefined, name: string | undefined): Source | undefined {
  const [, kind, id] = /^(instance|image):(.+)$/.exec(key ?? '') ?? []
  return kind === undefined || id === undefined ? undefined : { kind, id, name: name ?? id }
}

export function metadataFor(request: CreateRequest, operation: string): Record<string, string> {
  const { source, name, note } = request
  return {
    ...request.labels,
    [KEY.operation]: operation,
    [KEY.name]: name,
    ...(note !== undefined && { [KEY.note]: note }),
    [KEY.source]: sourceKey(source),
    [KEY.sourceName]: source.name,
    ...(request.protected && { [KEY.protected]: YES }),
    ...(request.auto && { [KEY.auto]: YES }),
  }
}

/** What is to be changed in the facts; undefined leaves one as it is, false takes it away. */
export interface FactsChange {
  name?: string | undefined
  note?: string | undefined
  labels?: Labels | undefined
  protected?: boolean | undefined
}

/** The whole of the new metadata: what nobody speaks of stays. */
export function changed(metadata: Metadata, change: FactsChange): Metadata {
  const { labels, name, note } = change
  const shown = labelsOf(metadata)
  const kept = labels === undefined ? metadata : without(metadata, (key) => Object.hasOwn(shown, key))
  const next: Metadata = {
    ...kept,
    ...labels,
    ...(name !== undefined && { [KEY.name]: name }),
    ...(note !== undefined && { [KEY.note]: note }),
    ...(change.protected && { [KEY.protected]: YES }),
  }
  return change.protected === false ? without(next, (key) => key === KEY.protected) : next
}

const without = (metadata: Metadata, goes: (key: string) => boolean): Metadata =>
  Object.fromEntries(Object.entries(metadata).filter(([key]) => !goes(key)))

/** What others have written may be longer or more than labels can be: that is left to `native`. */
export function labelsOf(metadata: Metadata): Labels {
  const fitting = Object.entries(metadata).filter(
    ([key, value]) => !key.startsWith(PREFIX) && Labels.safeParse({ [key]: value }).success,
  )
  return Object.fromEntries(fitting.slice(0, 32)) as Labels
}

/** INVALID_ARGUMENT for labels that would pass for our own words. */
export function checkLabels(labels: Labels = {}): void {
  const reserved = Object.keys(labels).find((key) => key.startsWith(PREFIX))
  if (reserved === undefined) return
  throw failure(
    'INVALID_ARGUMENT',
    `A label cannot be called ${quotedName(reserved)}: what begins with ${PREFIX} is this server's own. Nothing was changed.`,
    'Choose another name for the label.',
  )
}
