import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Of a token, in characters. A JWT with many claims has some 2,000. */
export const LONGEST = 4096

export type Headers = Pick<IncomingMessage, 'headers'> & Partial<Pick<IncomingMessage, 'rawHeaders'>>

/**
 * The token of a request: from its one Authorization header, and from nowhere else. Undefined where there is no such
 * header; empty, which is no token, for one that cannot be used. Node itself drops a second Authorization header, which
 * a proxy in front may have read instead of the first, so both are refused.
 */
export function bearerOf({ headers, rawHeaders = [] }: Headers): string | undefined {
  const { authorization } = headers
  if (authorization === undefined) return undefined
  const count = rawHeaders.filter((each, at) => at % 2 === 0 && each.toLowerCase() === 'authorization').length
  if (count > 1) return ''
  return /^bearer +([\x21-\x7e]+)$/i.exec(authorization)?.[1] ?? ''
}

/** Whether it can be a token at all. */
export const isUsable = (token: string) => token.length <= LONGEST && /^[\x21-\x7e]+$/.test(token)

export const sha256 = (text: string) => createHash('sha256').update(text)
