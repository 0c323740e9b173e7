/** HTTP requests as they are, for what no client of an SDK would send. */

export type Era = 'modern' | 'legacy'

export interface Message {
  jsonrpc?: string
  id?: number | string | null
  method?: string
  params?: Record<string, unknown>
  // biome-ignore lint/suspicious/noExplicitAny: an answer, of which each test knows its own part.
  result?: any
  error?: { code: number; message: string; data?: Record<string, unknown> }
}

export interface Way {
  url: string
  era: Era
  token?: string | undefined
  /** Of a client before 2026-07-28 that has one. */
  session?: string | undefined
}

export interface Ask {
  id?: number | string
  signal?: AbortSignal
  headers?: Record<string, string>
  progressToken?: string
}

const MODERN = '2026-07-28'
const LEGACY = '2025-11-25'

/** Sends one request, as a client of that time would, without reading the answer. */
export function send(way: Way, method: string, params: object = {}, ask: Ask = {}): Promise<Response> {
  const { id = 1, signal, headers } = ask
  const isNotification = method.startsWith('notifications/')
  const message = {
    jsonrpc: '2.0',
    ...(!isNotification && { id }),
    method,
    params: paramsFor(way, params),
  }
  return fetch(way.url, {
    method: 'POST',
    headers: { ...headersFor(way, method, params), ...headers },
    body: JSON.stringify(message),
    ...(signal && { signal }),
  })
}

/** All messages of an answer, whether they came as one JSON text or as a stream. */
export async function messagesOf(response: Response): Promise<Message[]> {
  const text = await response.text()
  if (!response.headers.get('content-type')?.startsWith('text/event-stream'))
    return text === '' ? [] : [JSON.parse(text) as Message]
  return [...text.matchAll(/^data: ?(.+)$/gm)].map(([, data]) => JSON.parse(data!) as Message)
}

/** The answer itself, with the status it came with. */
export async function ask(way: Way, method: string, params: object = {}, how: Ask = {}) {
  const response = await send(way, method, params, how)
  const messages = await messagesOf(response)
  return { status: response.status, headers: response.headers, answer: messages.at(-1), messages }
}

/** What a tool answers, errors included. */
export async function callTool(way: Way, name: string, args: object = {}, how: Ask = {}) {
  const { progressToken } = how
  const meta = progressToken === undefined ? {} : { _meta: { progressToken } }
  const { answer, ...rest } = await ask(way, 'tools/call', { name, arguments: args, ...meta }, how)
  return { ...rest, answer, reply: answer?.result?.structuredContent }
}

/** Begins as a client before 2026-07-28. Its session, where it is given one. */
export async function initialize(way: Way, capabilities: object = {}): Promise<Way> {
  const clientInfo = { name: 'by hand', version: '1' }
  const { headers, status, answer } = await ask(
    { ...way, era: 'legacy' },
    'initialize',
    { protocolVersion: LEGACY, capabilities, clientInfo },
    { id: 0 },
  )
  if (status !== 200) throw new Error(`initialize: ${status} ${JSON.stringify(answer)}`)
  const begun: Way = { ...way, era: 'legacy', session: headers.get('mcp-session-id') ?? undefined }
  await (await send(begun, 'notifications/initialized')).text()
  return begun
}

export function headersFor({ era, token, session }: Way, method: string, params: object = {}) {
  const { name, uri } = params as { name?: string; uri?: string }
  return {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(session !== undefined && { 'mcp-session-id': session }),
    'mcp-protocol-version': era === 'modern' ? MODERN : LEGACY,
    ...(era === 'modern' && { 'mcp-method': method }),
    ...(era === 'modern' && (name ?? uri) !== undefined && { 'mcp-name': (name ?? uri)! }),
  }
}

export function paramsFor({ era }: Pick<Way, 'era'>, params: object) {
  if (era === 'legacy') return params
  const { _meta, ...rest } = params as { _meta?: object }
  return {
    ...rest,
    _meta: {
      'io.modelcontextprotocol/protocolVersion': MODERN,
      'io.modelcontextprotocol/clientInfo': { name: 'by hand', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
      ..._meta,
    },
  }
}
