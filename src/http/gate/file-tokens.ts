import type { Token } from '../../config/access.ts'
import type { Identity } from '../identity.ts'
import { sha256 } from './bearer.ts'

/**
 * The identity behind a token of the access file; undefined for one that is not in it, or has expired. The lookup is by
 * the whole hash: how long it takes can tell about hashes alone, and nobody can choose a token by the hash that it will
 * have.
 */
export function createFileTokens(
  tokens: readonly Token[],
  clock: () => number,
): (token: string) => Identity | undefined {
  const byHash = new Map(
    tokens.map((token) => [
      token.sha256,
      { identity: identityOf(token), until: token.expires_at ? Date.parse(token.expires_at) : Infinity },
    ]),
  )
  return (token) => {
    const found = byHash.get(sha256(token).digest('hex'))
    return found && clock() < found.until ? found.identity : undefined
  }
}

/** The kind of credential stands in front: no two kinds give the same name to different callers. */
const identityOf = ({ principal, tenant, providers, roots, scopes, for: uses }: Token): Identity => ({
  principal: `token:${principal}`,
  place: { ...(tenant && { tenant }), ...(providers && { providers }), ...(roots && { roots }) },
  scopes,
  uses,
})
