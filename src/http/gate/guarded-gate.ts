import type { FetchImplementation, JWTVerifyGetKey } from 'jose'
import { type AccessFile, type OAuth, Scope, type Use } from '../../config/access.ts'
import type { Listening } from '../../config/listening.ts'
import { fail } from '../../snapshots/errors.ts'
import type { Log } from '../../snapshots/provider.ts'
import type { Gate } from '../gate.ts'
import type { Identity } from '../identity.ts'
import { unauthenticated, undecided, wrongDoor } from './answers.ts'
import { bearerOf, isUsable } from './bearer.ts'
import { createFileTokens } from './file-tokens.ts'
import { issuerKeys } from './issuer-keys.ts'
import { answerMetadata, metadataUrlOf, resourceOf } from './metadata.ts'
import { createVerifier } from './oauth.ts'

export interface GuardedGateOptions {
  listening: Pick<Listening, 'host' | 'port' | 'publicUrl'>
  /** As it is now. Throws while it cannot be understood. */
  access: () => AccessFile
  clock: () => number
  log: Log
  fetch?: FetchImplementation
}

/** What follows from one version of the access file. */
interface Rules {
  access: AccessFile
  byHash: ReturnType<typeof createFileTokens>
  verify?: ReturnType<typeof createVerifier>
}

/** By tokens of the access file, and of the OAuth issuer that it names. INVALID_ARGUMENT where it cannot be used. */
export function createGuardedGate({ listening, access, ...options }: GuardedGateOptions): Gate {
  const { clock, log } = options
  const resource = resourceOf(listening)
  let keys: { place: string; get: JWTVerifyGetKey } | undefined

  /** Kept through changes of the file that do not concern them. */
  function keysOf(place: string): JWTVerifyGetKey {
    if (keys?.place !== place) keys = { place, get: issuerKeys(place, options) }
    return keys.get
  }

  function rulesOf(file: AccessFile): Rules {
    const { oauth, tenants } = file
    const byHash = createFileTokens(file.tokens, clock)
    if (!oauth) return { access: file, byHash }
    const audience = audienceOf(oauth, listening)
    const verify = createVerifier({ oauth, audience, tenants, keys: keysOf(oauth.jwks), clock, log })
    return { access: file, byHash, verify }
  }

  let rules = rulesOf(access())
  let complaint: string | undefined
  function current(): Rules {
    try {
      const file = access()
      if (file !== rules.access) rules = rulesOf(file)
      if (complaint !== undefined) log.info('The access file is in order again')
      complaint = undefined
      return rules
    } catch (error) {
      const { message } = error as Error
      if (message !== complaint) log.error('The access file cannot be used: nobody gets in', { error })
      complaint = message
      throw undecided()
    }
  }

  const metadataUrl = () => (rules.verify && resource !== undefined ? metadataUrlOf(resource) : undefined)
  function challenge(isGiven: boolean) {
    const url = metadataUrl()
    return unauthenticated(isGiven, {
      ...(rules.verify && { scopes: Scope.options }),
      ...(url !== undefined && { metadataUrl: url }),
    })
  }

  async function enter(token: string | undefined, use: Use): Promise<Identity> {
    const { byHash, verify } = current()
    if (token === undefined) throw challenge(false)
    const identity = isUsable(token)
      ? (byHash(token) ?? (isJwt(token) ? await verify?.(token) : undefined))
      : undefined
    if (!identity) throw challenge(true)
    if (!identity.uses.includes(use)) throw wrongDoor(use)
    return identity
  }

  const gate: Gate = {
    identify: async (req, use) => enter(bearerOf(req), use),
    identifyToken: enter,
    answerMetadata(req, res, path) {
      const { oauth } = rules.access
      return oauth !== undefined && answerMetadata(req, res, path, { issuer: oauth.issuer, resource })
    },
  }
  return Object.defineProperty(gate, 'metadataUrl', { get: metadataUrl, enumerable: true })
}

const isJwt = (token: string) => token.split('.').length === 3

/** The address of this server is not guessed: an `aud` that is too wide would let in tokens for others. */
function audienceOf({ audience }: OAuth, { publicUrl }: Pick<Listening, 'publicUrl'>): string {
  if (audience !== undefined) return audience
  if (publicUrl !== undefined) return `${publicUrl}/mcp`
  throw fail(
    'INVALID_ARGUMENT',
    'The access file takes OAuth tokens, and nothing says which are meant for this server.',
    'Say how clients reach it with --public-url, or set oauth.audience.',
  )
}
