import { readFileSync } from 'node:fs'
import type { Surroundings } from '../config.ts'
import { fail } from '../snapshots/errors.ts'

/** What `file:/path` holds, or the variable of `env:NAME`. INVALID_ARGUMENT says where it is missing, and never what it is. */
export function readValue(source: string, { env }: Pick<Surroundings, 'env'>, what: string): string {
  const [kind, rest] = [source.slice(0, source.indexOf(':')), source.slice(source.indexOf(':') + 1)]
  const value = kind === 'env' ? env[rest] : read(rest)
  if (value !== undefined && value.trim() !== '') return value.trim()
  throw fail(
    'INVALID_ARGUMENT',
    `${what}: there is nothing at ${source}.`,
    'Put the value there, or name another place.',
  )
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
