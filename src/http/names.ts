import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Listening } from '../config/listening.ts'
import { refuse } from './refusal.ts'

/**
 * Host and Origin, checked before anything else of a request is looked at: a web page may make a browser send requests
 * here, under a name that it had pointed to this machine, but it cannot choose these two headers.
 */
export interface Names {
  /** Throws a Refusal (403). */
  check(req: IncomingMessage): void
  /** Lets the browser of an allowed page read the answer. True when the request was only the browser's question. */
  cors(req: IncomingMessage, res: ServerResponse): boolean
}

const ASKED =
  'authorization, content-type, accept, last-event-id, mcp-protocol-version, mcp-session-id, mcp-method, mcp-name'
const SHOWN = 'mcp-session-id, mcp-protocol-version, www-authenticate, retry-after, x-request-id'

/**
 * Compared as they stand: what a parser would first make a name of is none. A page of another port of this machine is as
 * foreign as any other.
 */
export function createNames({
  hosts,
  ownNames,
  origins,
}: Pick<Listening, 'hosts' | 'ownNames' | 'origins'>): Names {
  const isOwn = (origin: string, port: number | undefined) =>
    ownNames.some((name) => origin === `http://${name}${port === 80 ? '' : `:${port}`}`)

  return {
    check({ headers: { host = '', origin }, socket }) {
      if (!hosts.includes(host.toLowerCase().replace(/:\d+$/, '')))
        throw refuse(
          403,
          [
            'FORBIDDEN',
            'This server does not go by the name that the request gives in its Host header.',
            'Use the address that the operator gave out. Another name is allowed with --public-url.',
          ],
          { kind: 'host' },
        )
      // The port that was listened on may have been any that was free.
      if (origin !== undefined && !origins.includes(origin) && !isOwn(origin, socket.localPort))
        throw refuse(
          403,
          [
            'FORBIDDEN',
            'The request comes from a web page that may not call this server.',
            'The operator allows pages by their origin, such as http://localhost:6274, with --allow-origin.',
          ],
          { kind: 'origin' },
        )
    },
    cors(req, res) {
      const { origin } = req.headers
      if (origin === undefined) return false
      res.setHeader('access-control-allow-origin', origin)
      res.setHeader('access-control-expose-headers', SHOWN)
      res.setHeader('vary', 'origin')
      if (req.method !== 'OPTIONS' || req.headers['access-control-request-method'] === undefined) return false
      res.setHeader('access-control-allow-methods', 'GET, POST, DELETE')
      res.setHeader('access-control-allow-headers', ASKED)
      res.setHeader('access-control-max-age', '600')
      res.writeHead(204).end()
      return true
    },
  }
}
