import { randomUUID } from 'node:crypto'
import { type AuthInfo, legacyStatelessFallback, type McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Changes } from '../state/backend.ts'
import { createCancellations } from './cancellation.ts'
import { callerKey, type Identity } from './identity.ts'
import { whenRead } from './when-read.ts'

/**
 * Clients before 2026-07-28 without a session in this process: any replica answers each request. They are given the id
 * that a session would have, of which nothing is kept: only with it the call that a client takes back can be told from
 * the calls of others, which all count their requests from one.
 */
export interface Stateless {
  serve(request: Request, identity: Identity, parsedBody: unknown, auth: AuthInfo): Promise<Response>
  close(): void
}

export interface StatelessOptions {
  /** A server for one request; `cancelled` is aborted when its client takes it back. */
  createServer(identity: Identity, cancelled?: AbortSignal): McpServer
  changes: Changes
  /** In bytes. */
  maxBody: number
  onerror(error: Error): void
}

const RequestId = z.union([z.string(), z.number()])
const Message = z.object({
  method: z.string(),
  id: RequestId.optional(),
  params: z.object({ requestId: RequestId.optional() }).optional(),
})

export function createStateless({ createServer, changes, maxBody, onerror }: StatelessOptions): Stateless {
  const cancellations = createCancellations(changes)
  return {
    async serve(request, identity, parsedBody, authInfo) {
      const { data: message } = Message.safeParse(parsedBody)
      const session = request.headers.get('mcp-session-id')
      const nameOf = (id: string | number) => JSON.stringify([callerKey(identity), session, id])
      const taken = message?.params?.requestId
      if (session !== null && message?.method === 'notifications/cancelled' && taken !== undefined)
        cancellations.cancel(nameOf(taken))

      const call =
        session !== null && message?.method === 'tools/call' && message.id !== undefined
          ? cancellations.watch(nameOf(message.id))
          : undefined
      const serve = legacyStatelessFallback(() => createServer(identity, call?.signal), onerror, {
        maxRequestBodySize: maxBody,
      })
      const response = await serve(request, { authInfo, ...(parsedBody !== undefined && { parsedBody }) })
      if (message?.method === 'initialize' && response.ok)
        response.headers.set('mcp-session-id', randomUUID())
      return call ? whenRead(response, call.end) : response
    },
    close: cancellations.close,
  }
}
