import type { IncomingHttpHeaders } from 'node:http'
import { type ServerContext, TRACEPARENT_META_KEY, TRACESTATE_META_KEY } from '@modelcontextprotocol/server'

/** The span of somebody else that a call belongs to (W3C Trace Context, level 1). */
export interface TraceParent {
  /** 32 hexadecimal digits. */
  traceId: string
  /** 16 hexadecimal digits. */
  spanId: string
  flags: number
  /** What vendors add, handed on as it is. */
  state?: string
}

/** A later version may add fields at the end, behind a hyphen. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** More than that need not be handed on. */
const STATE_LIMIT = 512

export function parseTraceparent(parent: unknown, state?: unknown): TraceParent | undefined {
  if (typeof parent !== 'string' || parent.length > STATE_LIMIT) return undefined
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(parent) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  if (version === '00' && more !== undefined) return undefined
  const isState = typeof state === 'string' && /^[\x20-\x7e]+$/.test(state) && state.length <= STATE_LIMIT
  return { traceId, spanId, flags: Number.parseInt(flags, 16), ...(isState && { state }) }
}

/** Of one call: what its message says (SEP-414), for one HTTP request may be one of several hops; else the headers. */
export function traceParentOf({ mcpReq, http }: ServerContext): TraceParent | undefined {
  const meta: Record<string, unknown> = { ...mcpReq._meta }
  const headers = http?.req?.headers
  return (
    parseTraceparent(meta[TRACEPARENT_META_KEY], meta[TRACESTATE_META_KEY]) ??
    parseTraceparent(headers?.get('traceparent'), headers?.get('tracestate'))
  )
}

/** The id of the trace that an HTTP request belongs to, before anything of its body is known. */
export const traceOfHeaders = ({ traceparent }: IncomingHttpHeaders): string | undefined =>
  parseTraceparent(traceparent)?.traceId
