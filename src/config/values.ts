import { delimiter } from 'node:path'
import { z } from 'zod'

/**
 * The kinds of value a setting can have. Each takes the text of a flag or a variable and, where JSON has a type for
 * it, the JSON value of the configuration file.
 */

/** Strict on purpose: `SNAPSHOT_MCP_READ_ONLY=yes` must not start a server that writes. */
export const Toggle = z
  .union([z.boolean(), z.enum(['true', 'false', '1', '0'])], { error: 'must be true, false, 1 or 0' })
  .transform((value) => value === true || value === 'true' || value === '1')

const UNITS = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
}

/** Bytes: `20GB`, `512MB`, `1GiB`, or a plain number. */
export const Size = z
  .union([z.number(), z.string()])
  .transform((value) => (typeof value === 'number' ? value : bytesOf(value)))
  .refine((bytes) => Number.isSafeInteger(bytes) && bytes > 0, 'must be a size such as 20GB, 512MB or 1GiB')

function bytesOf(text: string): number {
  const [, amount, unit = 'B'] = /^(\d+(?:\.\d+)?)\s*([KMGT]?i?B)?$/i.exec(text.trim()) ?? []
  return Math.floor(Number(amount) * UNITS[unit.toUpperCase() as keyof typeof UNITS])
}

/** A list: a JSON array, a repeated flag, or text split at `separator`. Empty parts are dropped. */
const listOf = (separator: string) =>
  z
    .union([z.array(z.string()), z.string().transform((text) => text.split(separator))])
    .transform((parts) => parts.map((part) => part.trim()).filter((part) => part !== ''))

export const Paths = listOf(delimiter)
export const Words = listOf(',').refine((words) => words.length > 0, 'must name at least one')
export const Text = z.string().min(1)

const whole = (least: number, most: number) =>
  z
    .union(
      [
        z.number(),
        z
          .string()
          .regex(/^\d{1,9}$/)
          .transform(Number),
      ],
      { error: 'must be a whole number' },
    )
    .refine(
      (value) => Number.isInteger(value) && value >= least && value <= most,
      `must be from ${least} to ${most}`,
    )
export const Port = whole(0, 65_535)
export const Count = whole(1, 1_000_000)

/** `https://host` or `https://host:port`; a slash at the end is taken off. */
export const Origin = z.string().transform((text, issue) => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol) && `${url.origin}/` === url.href) return url.origin
  issue.addIssue('must be http:// or https:// and a host, without a path')
  return z.NEVER
})

/** Of web pages. One of a scheme that is no `http` has to stand as browsers send it: `chrome-extension://...`. */
export const Origins = listOf(',').transform((all, issue) =>
  all.flatMap((text) => {
    const { data } = Origin.safeParse(text)
    // A star would stand for nothing.
    if (data !== undefined && !data.includes('*')) return data
    if (!/^https?:/i.test(text) && /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*\\]+$/.test(text)) return text
    issue.addIssue(
      'must be whole origins such as http://localhost:6274: scheme, host, and port if there is one',
    )
    return []
  }),
)

/** Where a key comes from: `file:/path`, or `command:program args` without a shell; quotes keep words together. */
export const KeySource = z.string().transform((text, issue): KeySource => {
  const [, kind, rest = ''] = /^(file|command):\s*(\S.*?)\s*$/s.exec(text) ?? []
  if (kind === 'file') return { file: rest }
  const command = kind === 'command' ? wordsOf(rest) : undefined
  if (command) return { command }
  issue.addIssue('must be file:/path/to/key or command:program args')
  return z.NEVER
})
export type KeySource = { file: string } | { command: [string, ...string[]] }

/** Undefined when a quote is left open. */
function wordsOf(text: string): [string, ...string[]] | undefined {
  const word = /\s*((?:"[^"]*"|'[^']*'|[^\s"'])+)/y
  const words: string[] = []
  let at = 0
  for (let found = word.exec(text); found; found = word.exec(text)) {
    words.push((found[1] as string).replace(/"([^"]*)"|'([^']*)'/g, (_, double, single) => double ?? single))
    at = word.lastIndex
  }
  const [program, ...args] = words
  return at === text.length && program ? [program, ...args] : undefined
}
