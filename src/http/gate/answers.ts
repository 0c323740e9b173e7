import type { Use } from '../../config/access.ts'
import { refuse } from '../refusal.ts'

/** How long to wait, in milliseconds, where nobody can be told apart just now. */
const WAIT = 5_000

export interface Challenge {
  /** What a token is to be asked for, where there is an issuer that gives them out. */
  scopes?: readonly string[]
  metadataUrl?: string
}

/**
 * 401. One text for every token that is not taken, unknown, expired or broken: it must not tell what is wrong with it.
 * RFC 6750, section 3: the error is named only where a token was given.
 */
export function unauthenticated(isGiven: boolean, { scopes, metadataUrl }: Challenge) {
  const parameters = [
    ...(isGiven ? ['error="invalid_token"'] : []),
    ...(scopes ? [`scope="${scopes.join(' ')}"`] : []),
    ...(metadataUrl === undefined ? [] : [`resource_metadata="${metadataUrl}"`]),
  ]
  return refuse(
    401,
    [
      'UNAUTHENTICATED',
      'The request carries no token that is taken here; nothing was done.',
      'Send it with a valid token, as `Authorization: Bearer ...`. The operator of this server gives them out, or names who does.',
    ],
    { headers: { 'www-authenticate': ['Bearer', parameters.join(', ')].join(' ').trimEnd() } },
  )
}

const DOORS: Record<Use, string> = {
  mcp: 'the tools',
  approve: 'the approval page',
  metrics: 'the metrics',
}

/** 403. */
export const wrongDoor = (use: Use) =>
  refuse(403, [
    'FORBIDDEN',
    `The token is valid, but not for ${DOORS[use]}; nothing was done.`,
    'Use one that is. The operator says in the access file what a token is for.',
  ])

/** 403. */
export const noTenant = () =>
  refuse(403, [
    'FORBIDDEN',
    'The token names no tenant of this server; nothing was done.',
    'Ask the operator of this server, or whoever issued the token, for access.',
  ])

/** 503. Why is for the log alone. */
export const undecided = () =>
  refuse(
    503,
    [
      'PROVIDER_UNAVAILABLE',
      'It cannot be told just now who may call; nothing was done.',
      'Wait, then try again. The log of the server says what is wrong.',
    ],
    { retry_after_ms: WAIT },
  )
