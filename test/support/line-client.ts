import type { CallOptions, Person, Result } from './clients.ts'
import type { ServerProcess } from './server.ts'

interface Message {
  id?: number | string | null
  method?: string
  params?: Record<string, unknown>
  result?: Record<string, unknown>
  error?: { code: number; message: string }
}

/** A client of two dozen lines of JSON: what the protocol asks for and nothing an SDK adds. Speaks 2024-11-05 by default. */
export async function lineClient(server: ServerProcess, person?: Person, version = '2024-11-05') {
  const wire = rawWire(server, person)
  await wire.request('initialize', {
    protocolVersion: version,
    capabilities: person ? { elicitation: {} } : {},
    clientInfo: { name: 'line-client', version: '0' },
  })
  wire.notify('notifications/initialized', {})
  return {
    ...wire,
    raw: async (name: string, args: object, options: CallOptions = {}) =>
      (await wire.request('tools/call', { name, arguments: args }, options)) as unknown as Result,
    tools: async () => (await wire.request('tools/list', {})).tools as { name: string }[],
  }
}

/** Requests by number, notifications, and answers to the server's own requests. No handshake: that is for the caller. */
export function rawWire(server: ServerProcess, person?: Person) {
  const waiting = new Map<number, (message: Message) => void>()
  const progress = new Map<number, NonNullable<CallOptions['onprogress']>>()
  let last = 0

  const send = (message: object) => server.send(JSON.stringify({ jsonrpc: '2.0', ...message }))

  server.onLine(async (line) => {
    const message = JSON.parse(line) as Message
    if (message.method === 'notifications/progress')
      progress.get(message.params?.progressToken as number)?.(message.params as never)
    else if (message.method === 'elicitation/create' && person)
      send({
        id: message.id,
        result: await person(String(message.params?.message), message.params?.requestedSchema as never),
      })
    else if (message.method !== undefined && message.id !== undefined)
      send({ id: message.id, error: { code: -32601, message: 'Method not found' } })
    else waiting.get(message.id as number)?.(message)
  })
  server.onExit(() => {
    for (const done of waiting.values()) done({ error: { code: -32000, message: 'The server is gone' } })
  })

  return {
    notify: (method: string, params: object) => send({ method, params }),
    /** The result; throws the JSON-RPC error when there is one. */
    async request(method: string, params: object, options: CallOptions = {}) {
      const id = ++last
      if (options.onprogress) {
        progress.set(id, options.onprogress)
        params = { ...params, _meta: { progressToken: id } }
      }
      options.signal?.addEventListener('abort', () => {
        send({ method: 'notifications/cancelled', params: { requestId: id, reason: 'changed my mind' } })
        waiting.get(id)?.({ error: { code: -32000, message: 'Cancelled' } })
      })
      const message = await new Promise<Message>((resolve) => {
        waiting.set(id, resolve)
        send({ id, method, params })
      })
      waiting.delete(id)
      if (message.error) throw new RpcError(message.error.code, message.error.message)
      return message.result ?? {}
    },
  }
}

export class RpcError extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}
