import { isAbsolute, join } from 'node:path'
import { createSecret, type Secret } from '../providers/http/secret.ts'
import { fail } from '../snapshots/errors.ts'

/** A Redis that several servers share. The address may hold a password. */
export interface RedisAddress {
  url: Secret
  /** Without what is secret in it. */
  shown: string
}

export interface StatePlace {
  /** Where records are kept on this machine; unused where there is a Redis. */
  stateDirectory: string
  redis?: RedisAddress
}

/** INVALID_ARGUMENT for a place that nothing can be kept in. */
export function statePlaceOf(text: string, home: string): StatePlace {
  const inside = join(home, 'state')
  if (/^rediss?:/i.test(text)) return { stateDirectory: inside, redis: redisAt(text) }
  const path = text.startsWith('file:') ? text.slice('file:'.length).replace(/^\/\/(?=\/)/, '') : undefined
  if (path === '') return { stateDirectory: inside }
  if (path !== undefined && isAbsolute(path)) return { stateDirectory: path }
  // An address may hold a password, and what is none may be one: only a path is told.
  const shown = path === undefined ? text.match(/^[a-z][a-z0-9+.-]{0,30}:(?=\/\/)/i)?.[0] : text.slice(0, 100)
  throw fail(
    'INVALID_ARGUMENT',
    `The state store${shown === undefined ? '' : ` ${JSON.stringify(shown)}`} is not supported.`,
    'Use file:, file:/abs/dir or redis://host:6379.',
  )
}

function redisAt(text: string): RedisAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url?.hostname || !/^\/?\d{0,4}$/.test(url.pathname) || url.search || url.hash)
    throw fail(
      'INVALID_ARGUMENT',
      'The address of the Redis for --state is none.',
      'It looks like redis://user:password@host:6379/0, or rediss:// for TLS.',
    )
  return { url: createSecret(text), shown: `${url.protocol}//${url.host}${url.pathname}` }
}
