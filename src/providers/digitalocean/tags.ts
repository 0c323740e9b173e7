import { fail } from '../../snapshots/errors.ts'
import type { Labels } from '../../snapshots/model.ts'
import { quotedName } from '../../snapshots/plain.ts'

/**
 * Labels are tags here: {env:"prod"} is the tag `env:prod`, {web:""} the tag `web`. Tags of this server's own are no
 * labels, and tags that could not be labels are seen in `native` only.
 */

const OWN = 'snapshot-mcp'
export const PROTECTED = `${OWN}:protected`
export const isProtected = (tags: readonly string[] | null | undefined) =>
  tags?.some((tag) => tag.toLowerCase() === PROTECTED) ?? false
/** On what an operation makes that has no name of its own to carry a mark. */
export const operationTag = (operation: string) => `${OWN}:${operation}`

/** Letters, digits, colons, hyphens and underscores, says the description. */
const TAG = /^[a-zA-Z0-9_:-]{1,255}$/
const MOST_LABELS = 32
const LONGEST_KEY = 64

const isOwn = (tag: string) => tag.toLowerCase() === OWN || tag.toLowerCase().startsWith(`${OWN}:`)

export const labelsOf = (tags: readonly string[]): Labels =>
  Object.fromEntries(shownTags(tags).map((tag) => pairOf(tag)!))

/** The tags that are shown as labels: of two with the same key the first, and no more than labels may be. */
function shownTags(tags: readonly string[]): string[] {
  const byKey = new Map<string, string>()
  for (const tag of tags) {
    const [key] = pairOf(tag) ?? []
    if (key !== undefined && !byKey.has(key)) byKey.set(key, tag)
  }
  return [...byKey.values()].slice(0, MOST_LABELS)
}

/** Undefined for a tag that is no label. */
function pairOf(tag: string): [key: string, value: string] | undefined {
  if (isOwn(tag)) return undefined
  const at = tag.indexOf(':', 1)
  const pair: [string, string] = at < 0 ? [tag, ''] : [tag.slice(0, at), tag.slice(at + 1)]
  return pair[0].length <= LONGEST_KEY && pair[0] !== '__proto__' ? pair : undefined
}

/** INVALID_ARGUMENT for a label that cannot be a tag, or would come back as another one. */
export function tagsOf(labels: Labels, more: readonly string[] = []): string[] {
  const tags = Object.entries(labels).map(([key, value]) => {
    const tag = value === '' ? key : `${key}:${value}`
    if (key.includes(':') || !TAG.test(tag)) throw refused(`The label ${quotedName(key)}`)
    return tag
  })
  const all = [...new Set([...tags, ...more])]
  for (const tag of all) if (isOwn(tag) || !TAG.test(tag)) throw refused(`The tag ${quotedName(tag)}`)
  return all
}

/** What to put on and to take off, so that these labels take the place of those that were shown. Nothing else goes. */
export function tagChange(has: readonly string[], labels: Labels): { add: string[]; drop: string[] } {
  const wanted = tagsOf(labels)
  const same = (a: string) => (b: string) => a.toLowerCase() === b.toLowerCase()
  return {
    add: wanted.filter((tag) => !has.some(same(tag))),
    drop: shownTags(has).filter((tag) => !wanted.some(same(tag))),
  }
}

function refused(what: string) {
  return fail(
    'INVALID_ARGUMENT',
    `${what} cannot be a tag at DigitalOcean. Nothing was changed.`,
    `Use letters, digits, hyphens and underscores, in values colons as well; "${OWN}" is taken.`,
  )
}
