import { randomUUID } from 'node:crypto'

/** A call of a tool, over and over: only the id of its message differs. */
export interface Call {
  tool: string
  args: object
}

/** What a generator sends: the body is `head`, a number, `tail`. */
export interface Message {
  headers: Record<string, string>
  head: string
  tail: string
}

const MODERN = '2026-07-28'
const LEGACY = '2025-11-25'
const CLIENT = { name: 'bench', version: '1.0.0' }
const META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientInfo': CLIENT,
  'io.modelcontextprotocol/clientCapabilities': {},
}
const TYPES = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
const METHOD = 'tools/call'

/** As clients since 2026-07-28 send it: each message stands for itself. */
export function modernMessage({ tool, args }: Call, token?: string): Message {
  const headers = {
    ...TYPES,
    'mcp-protocol-version': MODERN,
    'mcp-method': METHOD,
    'mcp-name': tool,
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  }
  return { headers, ...around({ name: tool, arguments: args, _meta: META }) }
}

/** As clients before that send it, in a session that is opened here. */
export async function legacyMessage(url: string, { tool, args }: Call): Promise<Message> {
  const version = { 'mcp-protocol-version': LEGACY }
  const initialize = {
    id: randomUUID(),
    method: 'initialize',
    params: { protocolVersion: LEGACY, capabilities: {}, clientInfo: CLIENT },
  }
  const opened = await post(url, TYPES, initialize)
  const session = opened.headers.get('mcp-session-id')
  const headers = { ...TYPES, ...version, ...(session !== null && { 'mcp-session-id': session }) }
  await post(url, headers, { method: 'notifications/initialized' })
  return { headers, ...around({ name: tool, arguments: args }) }
}

/** The text of a message, in two parts with room for its id between them. */
function around(params: object): Pick<Message, 'head' | 'tail'> {
  return {
    head: '{"jsonrpc":"2.0","id":',
    tail: `,"method":${JSON.stringify(METHOD)},"params":${JSON.stringify(params)}}`,
  }
}

async function post(url: string, headers: Record<string, string>, message: object): Promise<Response> {
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: JSON.stringify({ jsonrpc: '2.0', ...message }),
  })
  await response.text()
  if (!response.ok) throw new Error(`${url} answered ${response.status} to ${JSON.stringify(message)}`)
  return response
}
