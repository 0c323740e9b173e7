import type { Exchange } from '../http.ts'
import { refuse } from '../refusal.ts'
import type { Metadata } from './model.ts'
import { type Issue, invalid } from './refusals.ts'

/**
 * Reads the members of a body or a query. What is absent or null is undefined; members that nobody asks for are
 * ignored; all that is wrong is told at once, by `done`.
 */
export interface Fields {
  text(key: string): string | undefined
  integer(key: string, least?: number): number | undefined
  flag(key: string): boolean | undefined
  choice<const T extends string>(key: string, options: readonly T[]): T | undefined
  metadata(key: string): Metadata | undefined
  /** One map, or a list of them. */
  metadataList(key: string): Metadata | Metadata[] | undefined
  /** Refuses when it is absent; null is fine. */
  required(key: string): void
  done(): void
}

/** Of a body that must be an object; `optional` ones may be absent or null. */
export function bodyFields({ body }: Exchange, optional = false): Fields {
  if ((body === undefined || body === null) && optional) return reader('body', {})
  if (body === undefined) refuse(invalid({ loc: ['body'], msg: 'Field required', type: 'missing' }))
  return reader('body', isRecord(body) ? body : refuse(invalid(notAnObject(['body']))))
}

export function queryFields({ query }: Exchange): Fields {
  return reader('query', Object.fromEntries(query))
}

/** A body that is itself a map of texts. */
export function bodyMetadata({ body }: Exchange): Metadata {
  const issues: Issue[] = []
  const metadata = asMetadata(body, ['body'], issues)
  return issues.length > 0 ? refuse(invalid(...issues)) : metadata
}

function reader(place: 'body' | 'query', record: Record<string, unknown>): Fields {
  const issues: Issue[] = []
  const blame = (key: string, msg: string, type: string): undefined => {
    issues.push({ loc: [place, key], msg, type })
  }
  const given = <T>(key: string, read: (value: unknown) => T | undefined): T | undefined => {
    const value = Object.hasOwn(record, key) ? record[key] : undefined
    return value === undefined || value === null ? undefined : read(value)
  }
  return {
    text: (key) =>
      given(key, (value) => {
        if (typeof value === 'string') return value
        return blame(key, 'Input should be a valid string', 'string_type')
      }),
    integer: (key, least = Number.NEGATIVE_INFINITY) =>
      given(key, (value) => {
        const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
        if (!Number.isSafeInteger(number)) return blame(key, 'Input should be a valid integer', 'int_parsing')
        if ((number as number) >= least) return number as number
        return blame(key, `Input should be greater than or equal to ${least}`, 'greater_than_equal')
      }),
    flag: (key) =>
      given(key, (value) => {
        if (value === true || value === 'true' || value === '1') return true
        if (value === false || value === 'false' || value === '0') return false
        return blame(key, 'Input should be a valid boolean', 'bool_parsing')
      }),
    choice: (key, options) =>
      given(key, (value) => {
        const found = options.find((option) => option === value)
        if (found === undefined) blame(key, `Input should be one of: ${options.join(', ')}`, 'enum')
        return found
      }),
    metadata: (key) => given(key, (value) => asMetadata(value, [place, key], issues)),
    metadataList: (key) =>
      given(key, (value) =>
        Array.isArray(value)
          ? value.map((item, index) => asMetadata(item, [place, key, index], issues))
          : asMetadata(value, [place, key], issues),
      ),
    required(key) {
      if (!Object.hasOwn(record, key)) blame(key, 'Field required', 'missing')
    },
    done() {
      if (issues.length > 0) refuse(invalid(...issues))
    },
  }
}

function asMetadata(value: unknown, loc: Issue['loc'], issues: Issue[]): Metadata {
  if (!isRecord(value)) {
    issues.push(notAnObject(loc))
    return {}
  }
  for (const [key, item] of Object.entries(value))
    if (typeof item !== 'string')
      issues.push({ loc: [...loc, key], msg: 'Input should be a valid string', type: 'string_type' })
  return value as Metadata
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const notAnObject = (loc: Issue['loc']): Issue => ({
  loc,
  msg: 'Input should be a valid dictionary',
  type: 'dict_type',
})
