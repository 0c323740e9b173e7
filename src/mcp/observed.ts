import {
  type CallToolResult,
  type InputRequiredResult,
  type McpServer,
  PROTOCOL_VERSION_META_KEY,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { currentRequest, newRequestId, withRequest } from '../request-context.ts'
import type { ErrorCode } from '../snapshots/errors.ts'
import type { Log } from '../snapshots/provider.ts'
import { traceParentOf } from '../tracing/context.ts'
import type { Tracing } from '../tracing/tracing.ts'
import type { Era } from './client.ts'

/** What came of a call, for whoever counts. */
export interface ObservedCall {
  tool: string
  /** `asked`: it waits for a confirmation, an answer or an approval. */
  outcome: 'ok' | 'asked' | ErrorCode
  era: Era
  seconds: number
}

export interface Observers {
  observe?: ((call: ObservedCall) => void) | undefined
  tracing?: Tracing | undefined
  log: Log
}

export interface Answered {
  result: CallToolResult | InputRequiredResult
  outcome: ObservedCall['outcome']
  /** What it is on record as. */
  operation?: string | undefined
}

/** Carries a call out as one request of the log, of its trace and of what is counted: none of them a reason to fail. */
export async function observed(
  { tool, server, era, ctx }: { tool: string; server: McpServer; era: Era; ctx: ServerContext },
  { observe, tracing, log }: Observers,
  work: () => Promise<Answered>,
): Promise<Answered['result']> {
  const began = performance.now()
  const parent = traceParentOf(ctx)
  const protocol = protocolOf(server, ctx)
  const span = await tracing?.begin({ tool, era, ...(protocol && { protocol }), ...(parent && { parent }) })
  const trace = span?.traceId ?? parent?.traceId
  const request = currentRequest()?.request ?? newRequestId()
  return withRequest({ request, ...(trace !== undefined && { trace }) }, async () => {
    const { result, outcome, operation } = await work()
    try {
      const failure = outcome === 'ok' || outcome === 'asked' ? undefined : outcome
      span?.end({ ...(failure && { failure }), ...(operation !== undefined && { operation }) })
      observe?.({ tool, outcome, era, seconds: (performance.now() - began) / 1000 })
    } catch (error) {
      log.warn('A call could not be counted', { error })
    }
    return result
  })
}

/** Of the message since 2026-07-28, of the connection before. */
function protocolOf({ server }: McpServer, { mcpReq }: ServerContext): string | undefined {
  const envelope: Record<string, unknown> = { ...mcpReq.envelope }
  const said = envelope[PROTOCOL_VERSION_META_KEY]
  return typeof said === 'string' ? said : server.getNegotiatedProtocolVersion()
}
