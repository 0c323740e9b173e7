import {
  type AuthInfo,
  bearerAuthChallengeResponse,
  OAuthError,
  OAuthErrorCode,
  type ScopeChallengeHandler,
} from '@modelcontextprotocol/server'
import type { Scope } from '../config/access.ts'
import { fail } from '../snapshots/errors.ts'
import type { Tool } from './tools/define-tool.ts'

/** The scopes that a call of a tool needs, all of them. What a scope allows, the policy and the guard may still forbid. */
export function scopesFor(
  { name, operation }: Pick<Tool, 'name' | 'operation'>,
  args: unknown,
): [Scope, ...Scope[]] {
  if (operation === 'read') return ['snapshots:read']
  if (operation === 'create') return ['snapshots:create']
  // An expiry is a delete that happens later.
  if (operation === 'update')
    return isSet(args, 'ttl') ? ['snapshots:create', 'snapshots:delete'] : ['snapshots:create']
  return name === 'snapshot_delete' || name === 'snapshot_prune'
    ? ['snapshots:delete']
    : ['snapshots:restore']
}

const isSet = (args: unknown, key: string) =>
  typeof args === 'object' && args !== null && (args as Record<string, unknown>)[key] !== undefined

const lacks = (granted: readonly string[], needed: readonly string[]) =>
  needed.some((scope) => !granted.includes(scope))

/** Answers a call over HTTP with 403 and what to ask the issuer for, before the tool sees it. */
export const challengeFor =
  (tool: Tool): ScopeChallengeHandler =>
  ({ request, authInfo }) => {
    const scopes = scopesFor(tool, request.params?.arguments)
    return authInfo && lacks(authInfo.scopes, scopes) ? { scopes } : undefined
  }

export const readChallenge: ScopeChallengeHandler = ({ authInfo }) =>
  authInfo && !mayRead(authInfo.scopes) ? { scopes: ['snapshots:read'] } : undefined

/** Changes tell of snapshots: whoever may not read them hears of none. */
export const mayRead = (granted: readonly string[]) => !lacks(granted, ['snapshots:read'])

/** The same answer to a client that wants to listen, which the SDK does not ask anybody about. */
export function refuseToTell(
  message: unknown,
  { scopes, resourceMetadataUrl }: AuthInfo,
): Response | undefined {
  const { method } = (message ?? {}) as { method?: unknown }
  if (method !== 'subscriptions/listen' || mayRead(scopes)) return undefined
  return bearerAuthChallengeResponse(new OAuthError(OAuthErrorCode.InsufficientScope, 'Insufficient scope'), {
    requiredScopes: ['snapshots:read'],
    ...(resourceMetadataUrl !== undefined && { resourceMetadataUrl }),
  })
}

/** The same once more where the tool is called: FORBIDDEN, whatever way the call came. */
export function requireScopes(tool: Tool, args: unknown, granted: readonly Scope[] | undefined): void {
  const needed = scopesFor(tool, args)
  if (granted === undefined || !lacks(granted, needed)) return
  throw fail(
    'FORBIDDEN',
    `This credential does not have the scope that ${tool.name} needs: ${needed.join(', ')}. Nothing was done.`,
    'Do not try again: the operator, or the issuer of the token, has to grant it.',
  )
}
