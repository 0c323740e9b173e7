import type { Exchange } from '../http.ts'
import { refuse } from '../refusal.ts'
import { badRequest, unprocessable } from './refusals.ts'

export type Fields = Record<string, unknown>

/** The body as an object. Members that nobody asks for are ignored. */
export function fields({ body }: Exchange): Fields {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) refuse(badRequest())
  return body as Fields
}

/** A member that must be a text with something in it. */
export function text(body: Fields, key: string): string {
  const value = body[key]
  if (typeof value !== 'string' || value === '') refuse(unprocessable(`${key} is required`))
  return value
}

export function optionalText(body: Fields, key: string): string | undefined {
  return body[key] === undefined || body[key] === null ? undefined : text(body, key)
}

export function integer(body: Fields, key: string): number {
  const value = body[key]
  if (!Number.isSafeInteger(value)) refuse(unprocessable(`${key} must be an integer`))
  return value as number
}

/** A list of texts; null and absent are none. */
export function texts(body: Fields, key: string): string[] | undefined {
  const value = body[key]
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string'))
    refuse(unprocessable(`${key} must be a list of strings`))
  return value as string[]
}

/** A number in a path; anything else names nothing. */
export function id(parameter: string | undefined): number {
  return /^[1-9]\d*$/.test(parameter ?? '') ? Number(parameter) : Number.NaN
}
