import type { z } from 'zod'
import { fail } from '../snapshots/errors.ts'

const SHOWN = 5

/** The arguments as their schema reads them, or INVALID_ARGUMENT with what is wrong in words for an agent. */
export function parseArguments<S extends z.ZodType>(tool: string, schema: S, raw: unknown): z.output<S> {
  const result = schema.safeParse(raw ?? {})
  if (result.success) return result.data
  const { issues } = result.error
  const known = 'shape' in schema ? Object.keys(schema.shape as object) : []
  const words = issues.slice(0, SHOWN).map((issue) => describe(issue, known))
  const more = issues.length > SHOWN ? ` And ${issues.length - SHOWN} more.` : ''
  throw fail(
    'INVALID_ARGUMENT',
    `${words.join(' ')}${more} Nothing was changed.`,
    `Correct the arguments and call ${tool} again. It takes: ${known.join(', ')}.`,
  )
}

function describe(issue: z.core.$ZodIssue, known: readonly string[]): string {
  const at = issue.path.join('.')
  if (issue.code !== 'unrecognized_keys')
    return `${at === '' ? 'Arguments' : at}: ${sentence(wordsFor(issue))}`
  return issue.keys
    .slice(0, SHOWN)
    .map((key) => {
      const meant = at === '' ? known.find((name) => fold(name) === fold(key)) : undefined
      const name = JSON.stringify(key.slice(0, 64))
      return `Unknown argument ${name}${at === '' ? '' : ` in ${at}`}${meant === undefined ? '.' : `: did you mean ${JSON.stringify(meant)}?`}`
    })
    .join(' ')
}

const wordsFor = (issue: z.core.$ZodIssue) =>
  issue.code === 'invalid_format' && issue.format === 'datetime'
    ? 'a time is ISO 8601 in UTC, for example 2026-11-21T00:00:00Z'
    : issue.message

/** `dryRun`, `dry-run` and `dry_run` are one wish. */
const fold = (key: string) => key.toLowerCase().replace(/[^a-z0-9]/g, '')
const sentence = (text: string) => (/[.?!]$/.test(text) ? text : `${text}.`)
