import { HIDDEN, type Secret } from './secret.ts'

/** Gives back the same value without the secret: texts, lists, records with their keys, and errors. */
export type Redact = <T>(value: T) => T

export function createRedactor(secret: Secret): Redact {
  const forms = formsOf(secret.reveal())
  const text = (value: string) => forms.reduce((left, form) => left.replaceAll(form, HIDDEN), value)

  function redact(value: unknown): unknown {
    if (typeof value === 'string') return text(value)
    if (Array.isArray(value)) return value.map(redact)
    if (value instanceof Error) return harmless(value)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [text(key), redact(part)]))
  }

  /** A new error with what a log shows of one: others hang sockets and requests on theirs. */
  function harmless(error: Error): Error {
    const { name, message, cause } = error
    const copy = new Error(text(message), cause === undefined ? {} : { cause: redact(cause) })
    copy.name = text(name)
    return 'code' in error ? Object.assign(copy, { code: redact(error.code) }) : copy
  }
  return redact as Redact
}

/** How a value may turn up: as it is, in a JSON text, in a URL, in base64. Longest first. */
function formsOf(value: string): string[] {
  const url = encodeURIComponent(value)
  const lowerCase = url.replace(/%../g, (octet) => octet.toLowerCase())
  const encoded = [0, 1, 2].flatMap((before) => inBase64(value, before))
  const forms = new Set([value, JSON.stringify(value).slice(1, -1), url, lowerCase, ...encoded])
  return [...forms].sort((a, b) => b.length - a.length)
}

/** So few characters could stand in any text by chance. */
const TELLING = 8

/**
 * The characters that stand for the value alone when it is encoded together with what is around it, as a name and a
 * password are: `before` is the number of bytes in front of it, modulo 3.
 */
function inBase64(value: string, before: number): string[] {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(value)])
  const own = bytes
    .toString('base64url')
    .slice(Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6))
  return own.length < TELLING ? [] : [own, own.replaceAll('-', '+').replaceAll('_', '/')]
}
