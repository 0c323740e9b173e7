import { readFileSync } from 'node:fs'
import type { z } from 'zod'
import { fail } from '../snapshots/errors.ts'

const SEE_HELP = 'snapshot-mcp --help lists the settings.'

/** INVALID_ARGUMENT when the file is not there, is no JSON, or holds something else than an object. */
export function readJson(path: string, what: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch (cause) {
    throw fail('INVALID_ARGUMENT', `The ${what} ${path} cannot be read as JSON.`, SEE_HELP, { cause })
  }
  throw fail('INVALID_ARGUMENT', `The ${what} ${path} does not hold a JSON object.`, SEE_HELP)
}

/** INVALID_ARGUMENT names where the value comes from and what is wrong with it. */
export function parse<S extends z.ZodType>(schema: S, value: unknown, origin: string): z.output<S> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const { path = [], message = 'is wrong' } = result.error.issues[0] ?? {}
  throw fail('INVALID_ARGUMENT', `${[origin, ...path].join(': ')}: ${message}.`, SEE_HELP)
}
