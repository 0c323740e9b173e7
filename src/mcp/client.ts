import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'

export type Era = 'legacy' | 'modern'

/** What the client said of itself: with every call since 2026-07-28, once in `initialize` before. */
export interface Client {
  /** Name and version, for the records. */
  label?: string
  /** It can put a form to a person. */
  asks: boolean
}

const Info = z.object({ name: z.string(), version: z.string() })
const Capabilities = z.object({ elicitation: z.record(z.string(), z.unknown()).optional() })

export function clientOf({ server }: McpServer, era: Era, { mcpReq }: ServerContext): Client {
  const envelope: Record<string, unknown> = { ...mcpReq.envelope }
  const modern = era === 'modern'
  const info = Info.safeParse(modern ? envelope[CLIENT_INFO_META_KEY] : server.getClientVersion())
  const declared = Capabilities.safeParse(
    modern ? envelope[CLIENT_CAPABILITIES_META_KEY] : server.getClientCapabilities(),
  )
  const elicitation = declared.data?.elicitation
  return {
    ...(info.success && { label: label(info.data) }),
    // A bare `elicitation: {}` means forms: it dates from when there was nothing else.
    asks: elicitation !== undefined && ('form' in elicitation || !('url' in elicitation)),
  }
}

const label = ({ name, version }: z.output<typeof Info>) =>
  `${name} ${version}`.replace(/[^\x20-\x7e]/g, '?').slice(0, 100)
