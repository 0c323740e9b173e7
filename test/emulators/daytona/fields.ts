import type { Exchange } from '../http.ts'
import { refuse } from './refusals.ts'

export type Fields = Record<string, unknown>

/** What is wrong with a value, or undefined. The texts are those of the validator that the server is built with. */
export type Rule = (value: unknown, name: string) => string | undefined

export const text: Rule = (value, name) =>
  typeof value === 'string' ? undefined : `${name} must be a string`

export const flag: Rule = (value, name) =>
  typeof value === 'boolean' ? undefined : `${name} must be a boolean value`

export const object: Rule = (value, name) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? undefined
    : `${name} must be an object`

export const texts: Rule = (value, name) => {
  if (!Array.isArray(value)) return `${name} must be an array`
  return value.every((item) => typeof item === 'string')
    ? undefined
    : `each value in ${name} must be a string`
}

export const integer =
  (least: number, most: number): Rule =>
  (value, name) => {
    const wrong = [
      ...(typeof value === 'number' && value > most ? [`${name} must not be greater than ${most}`] : []),
      ...(typeof value === 'number' && value < least ? [`${name} must not be less than ${least}`] : []),
      ...(Number.isInteger(value) ? [] : [`${name} must be an integer number`]),
    ]
    return wrong.length > 0 ? wrong.join(', ') : undefined
  }

export const oneOf =
  (allowed: readonly string[]): Rule =>
  (value, name) =>
    allowed.includes(value as string)
      ? undefined
      : `${name} must be one of the following values: ${allowed.join(', ')}`

/** Absent and null are the same. */
export const optional =
  (rule: Rule): Rule =>
  (value, name) =>
    value === undefined || value === null ? undefined : rule(value, name)

/**
 * The body after its check; everything that is wrong comes in one message. Members without a rule are ignored, and a
 * body that is no object counts as an empty one.
 */
export function fields<T>({ body }: Exchange, rules: { [K in keyof T]-?: Rule }): T {
  const given = (object(body, '') === undefined ? body : {}) as Fields
  return checked<T>(given, rules)
}

/** The same for the query, where a parameter that occurs more than once is a list. */
export function parameters<T>({ query }: Exchange, rules: { [K in keyof T]-?: Rule }, numbers: string[]): T {
  const given: Fields = {}
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name).map((value) => (numbers.includes(name) ? Number(value) : value))
    given[name] = values.length > 1 ? values : values[0]
  }
  return checked<T>(given, rules)
}

function checked<T>(given: Fields, rules: Record<string, Rule>): T {
  const wrong = Object.entries(rules).flatMap(([name, rule]) => rule(given[name], name) ?? [])
  if (wrong.length > 0) refuse(400, wrong.join(', '))
  const known = Object.keys(rules).filter((name) => given[name] !== undefined && given[name] !== null)
  return Object.fromEntries(known.map((name) => [name, given[name]])) as T
}
