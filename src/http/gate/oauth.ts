import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import { type AccessFile, type OAuth, Scope } from '../../config/access.ts'
import { plain } from '../../snapshots/plain.ts'
import type { Log } from '../../snapshots/provider.ts'
import type { Identity } from '../identity.ts'
import { noTenant, undecided } from './answers.ts'
import { NoKeys } from './issuer-keys.ts'

export interface OAuthOptions {
  oauth: OAuth
  /** The `aud` that tokens for this server have. */
  audience: string
  tenants: AccessFile['tenants']
  keys: JWTVerifyGetKey
  clock: () => number
  log: Log
}

/** How far the clocks of the issuer and of this machine may be apart, in seconds. */
const SKEW = 30
/** RFC 9068, section 2.1, and what issuers before it wrote. Other kinds, such as logout tokens, are for others. */
const TYPES: ReadonlySet<unknown> = new Set([
  undefined,
  'jwt',
  'at+jwt',
  'application/jwt',
  'application/at+jwt',
])

/**
 * Turns an access token of the issuer into an identity; undefined for one that is not valid here. Throws a Refusal: 403
 * without a tenant, 503 where the keys of the issuer cannot be had.
 */
export function createVerifier({ oauth, audience, tenants, keys, clock, log }: OAuthOptions) {
  const { issuer, algorithms, tenant, tenant_claim, for: uses } = oauth

  function placeOf(claims: JWTPayload): Identity['place'] {
    if (tenant_claim === undefined) return tenant === undefined ? {} : { tenant }
    const named = Object.hasOwn(claims, tenant_claim) ? claims[tenant_claim] : undefined
    if (typeof named !== 'string' || !Object.hasOwn(tenants, named)) throw noTenant()
    return { tenant: named }
  }

  /** Undefined for what is not signed by the issuer, for us, now. */
  async function claimsOf(token: string): Promise<JWTPayload | undefined> {
    if (!isMeantForUs(token, issuer)) return undefined
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms,
        issuer,
        audience,
        requiredClaims: ['exp'],
        clockTolerance: SKEW,
        currentDate: new Date(clock()),
      })
      return payload
    } catch (error) {
      if (error instanceof errors.JOSEError) {
        log.debug('An OAuth token was not taken', { why: error.code })
        return undefined
      }
      if (!(error instanceof NoKeys)) log.error('A key of the OAuth issuer cannot be used', { error })
      throw undecided()
    }
  }

  return async (token: string): Promise<Identity | undefined> => {
    const claims = await claimsOf(token)
    if (!claims || !isName(claims.sub)) return undefined
    const principal = `oauth:${issuer}|${claims.sub}`
    return { principal, place: placeOf(claims), scopes: scopesOf(claims), uses }
  }
}

/**
 * What its unsigned look says, before anybody is asked for keys: strangers must not make this server send requests.
 * Extensions that a token calls critical are refused, the one that jose knows as well.
 */
function isMeantForUs(token: string, issuer: string): boolean {
  try {
    const { typ, crit } = decodeProtectedHeader(token)
    return decodeJwt(token).iss === issuer && crit === undefined && TYPES.has(typ?.toLowerCase())
  } catch {
    return false
  }
}

/** It becomes part of the principal, which is shown to people. */
const isName = (sub: unknown): sub is string =>
  typeof sub === 'string' && sub !== '' && sub.length <= 255 && sub === plain(sub, 255)

/** RFC 9068 has `scope`, with blanks between; some issuers write `scp`, also as a list. Words of others count for nothing. */
function scopesOf({ scope, scp }: JWTPayload): Scope[] {
  const given = scope ?? scp
  const words: unknown[] = typeof given === 'string' ? given.split(' ') : Array.isArray(given) ? given : []
  return Scope.options.filter((each) => words.includes(each))
}
