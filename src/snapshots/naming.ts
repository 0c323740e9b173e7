import { unsupported } from './environment.ts'
import { fail } from './errors.ts'
import type { Source } from './model.ts'
import type { Provider } from './provider.ts'
import type { CreateArgs } from './requests.ts'

/** What can be said about a new snapshot, by what its provider can keep. */

const SAYABLE = ['note', 'labels', 'ttl'] as const

/** UNSUPPORTED for what would be lost without a word. */
export function checkKept({ name, capabilities }: Provider, args: CreateArgs): void {
  const lost = SAYABLE.find((field) => args[field] !== undefined && !capabilities.create.includes(field))
  if (lost === undefined) return
  throw unsupported(
    name,
    `keep "${lost}" with a snapshot`,
    `Leave it out, and say it in the name: it keeps ${capabilities.create.join(', ')}.`,
  )
}

/** The wanted name, or one made of the source and the time. INVALID_ARGUMENT for one that the provider does not take. */
export function nameFor(
  { name, capabilities: { names } }: Provider,
  wanted: string | undefined,
  source: Source,
  { now, operation }: { now: number; operation: string },
): string {
  if (!names) return wanted ?? `${lastPart(source, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '?')} ${timeOf(now)}`
  const plainTime = timeOf(now)
    .replace(' ', '-')
    .replace(/[-:]/g, (mark) => (mark === ':' ? '' : mark))
  const made = `${lastPart(source, /[^A-Za-z0-9_.-]+/g, '-')}-${plainTime}-${operation.slice(3, 9)}`
  if (wanted === undefined) return made
  if (wanted.length <= names.max && new RegExp(`^(?:${names.pattern})$`).test(wanted)) return wanted
  throw fail(
    'INVALID_ARGUMENT',
    `${JSON.stringify(wanted)} cannot be the name of a snapshot of "${name}". Nothing was done.`,
    `Names match ${names.pattern} and have at most ${names.max} characters, such as ${JSON.stringify(made)}.`,
  )
}

/** Of the source's name: `project` of `/home/me/project`. */
function lastPart({ name }: Source, odd: RegExp, instead: string): string {
  const last = name.split(/[\\/]/).findLast((part) => part !== '') ?? name
  return Array.from(last.replace(odd, instead)).slice(0, 50).join('') || 'snapshot'
}

/** `2026-11-21 14:03:22` */
const timeOf = (now: number) => new Date(now).toISOString().slice(0, 19).replace('T', ' ')
