import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  getOAuthProtectedResourceMetadataUrl,
  type OAuthProtectedResourceMetadata,
} from '@modelcontextprotocol/server'
import { Scope } from '../../config/access.ts'
import type { Listening } from '../../config/listening.ts'
import { NAME } from '../../version.ts'
import { answerJson, answerText } from '../refusal.ts'

const WELL_KNOWN = '/.well-known/oauth-protected-resource'
/** RFC 9728, section 3.1: the path of the resource comes behind. The short form is what older clients ask for first. */
const PATHS: ReadonlySet<string> = new Set([WELL_KNOWN, `${WELL_KNOWN}/mcp`])

/** The address of the tools, as clients know it. Undefined where it is not known before a request comes. */
export function resourceOf({ host, port, publicUrl }: Pick<Listening, 'host' | 'port' | 'publicUrl'>) {
  if (publicUrl !== undefined) return `${publicUrl}/mcp`
  return port === 0 ? undefined : `http://${host.includes(':') ? `[${host}]` : host}:${port}/mcp`
}

export const metadataUrlOf = (resource: string) => getOAuthProtectedResourceMetadataUrl(new URL(resource))

/** Any page may read it: there is nothing in it but where to ask for tokens. */
const OPEN = { 'access-control-allow-origin': '*' }
const METHODS = 'GET, HEAD, OPTIONS'

/** RFC 9728: who gives out tokens for this server. False for any other path. */
export function answerMetadata(
  { method, headers }: IncomingMessage,
  res: ServerResponse,
  path: string,
  { issuer, resource = `http://${headers.host}/mcp` }: { issuer: string; resource: string | undefined },
): boolean {
  if (!PATHS.has(path)) return false
  const document: OAuthProtectedResourceMetadata = {
    resource,
    authorization_servers: [issuer],
    scopes_supported: [...Scope.options],
    bearer_methods_supported: ['header'],
    resource_name: NAME,
  }
  if (method === 'GET' || method === 'HEAD') answerJson(res, 200, document, OPEN)
  else if (method === 'OPTIONS')
    answerText(res, 204, '', {
      ...OPEN,
      'access-control-allow-methods': METHODS,
      'access-control-allow-headers': '*',
    })
  else answerText(res, 405, '', { ...OPEN, allow: METHODS })
  return true
}
