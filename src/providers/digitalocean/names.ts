import { fail } from '../../snapshots/errors.ts'

/**
 * The operation that makes a snapshot is part of the name it is given at DigitalOcean: the action that makes it does
 * not tell the id of what it makes, names are not unique there, and this one is.
 */

/** Ids of operations as this server makes them. */
const MARK = /~(auto_)?op_[0-9a-f]{20}$/

/** The name to send. */
export const marked = (name: string, operation: string, auto: boolean) =>
  `${name}~${auto ? 'auto_' : ''}${operation}`

/** A name as it is shown, and whether it says that the server made the snapshot for safety. */
export function unmarked(sent: string): { name: string; auto: boolean } {
  const [mark = '', auto] = MARK.exec(sent) ?? []
  return { name: sent.slice(0, sent.length - mark.length) || sent, auto: auto !== undefined }
}

/** The same snapshot under another name. One of somebody else's must not pass for one of ours by its name. */
export function renamed(sent: string, name: string): string {
  const mark = MARK.exec(sent)?.[0] ?? ''
  if (mark !== '' || !MARK.test(name)) return name + mark
  throw fail(
    'INVALID_ARGUMENT',
    'The name ends like those that this server gives. Nothing was changed.',
    'Choose one that does not end with ~op_ and an id.',
  )
}

const HOST = { pattern: /^[a-zA-Z0-9]?[a-zA-Z0-9.-]*[a-zA-Z0-9]$/, max: 255 }
const VOLUME = { pattern: /^[a-z][a-z0-9-]*$/, max: 64 }

/** The name of a new Droplet, which is a host name: the one that was asked for, or one like that of the snapshot. */
export function hostName(to: string | undefined, snapshot: string): string {
  if (to !== undefined)
    return accepted(to, HOST, 'A Droplet is named with letters, digits, dots and hyphens, like web-02.')
  const made = snapshot.replace(/[^a-zA-Z0-9.-]+/g, '-').slice(0, 63)
  return made.replace(/^[.-]+|[.-]+$/g, '') || 'restored'
}

/** The same for a volume. */
export function volumeName(to: string | undefined, snapshot: string): string {
  if (to !== undefined)
    return accepted(
      to,
      VOLUME,
      'A volume is named with at most 64 small letters, digits and hyphens, a letter first, like data-02.',
    )
  const made = snapshot.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  return (
    made
      .replace(/^[^a-z]+/, '')
      .slice(0, 64)
      .replace(/-+$/, '') || 'restored'
  )
}

function accepted(name: string, { pattern, max }: typeof HOST, rule: string): string {
  if (name.length <= max && pattern.test(name)) return name
  throw fail('INVALID_ARGUMENT', `"to" is not a name that DigitalOcean takes. Nothing was made.`, rule)
}
