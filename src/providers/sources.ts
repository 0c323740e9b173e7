import { type ErrorCode, fail } from '../snapshots/errors.ts'
import type { Source, SourceItem } from '../snapshots/model.ts'
import { plain, quotedName } from '../snapshots/plain.ts'
import type { Vendor } from './cloud.ts'

/** Sources as callers write and read them. */

export const sourceKey = ({ kind, id }: Pick<Source, 'kind' | 'id'>) => `${kind}:${id}`

/** `note` is in the words of the vendor. */
export const sourceItem = ({ provider }: Vendor, source: Source, note = ''): SourceItem => ({
  ...source,
  provider,
  source: sourceKey(source),
  ...(note !== '' && { note: plain(note) }),
})

/** How the sources of a vendor are called. */
export interface SourceWords {
  one: string
  many: string
  /** How each kind is written: `image:NAME`. */
  forms: string
}

/** What is meant by a caller who names nothing: the only one that there is. */
export function onlySource(all: readonly Source[], words: SourceWords, { provider, title }: Vendor): Source {
  const [only] = all
  if (only && all.length === 1) return only
  const found = only ? `are ${all.length} ${words.many}` : `is no ${words.one}`
  throw fail(
    'INVALID_ARGUMENT',
    `There ${found} at ${title}, so the source has to be named. Nothing was changed.`,
    hintFor(words),
    { provider },
  )
}

export const noSource = (
  text: string,
  words: SourceWords,
  { provider, title }: Vendor,
  code: ErrorCode = 'INVALID_ARGUMENT',
) =>
  fail(code, `${quotedName(text, 80)} is no source at ${title}. Nothing was changed.`, hintFor(words), {
    provider,
  })

const hintFor = ({ many, forms }: SourceWords) =>
  `Pass source as ${forms}. snapshot_sources lists the ${many}.`
