import { type OutgoingHttpHeaders, request } from 'node:http'
import { headersFor, type Message } from '../http/e2e/wire.ts'

/** A request byte by byte, for what neither an SDK nor `fetch` would send. */
export interface Raw {
  method?: string
  path?: string
  /** Without these nothing but the Host header is sent. */
  headers?: OutgoingHttpHeaders
  body?: string | Buffer
  /** The length of the body is not said beforehand. */
  chunked?: boolean
}

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  /** The last message in it, whether it came as one JSON text or as a stream. */
  message?: Message
}

/** Waits for the whole answer, or with `open` only until it begins, for one that does not end. */
export function sendRaw(origin: string, raw: Raw, { open = false } = {}): Promise<Answer> {
  const { method = 'POST', path = '/mcp', headers = {}, body, chunked = false } = raw
  return new Promise((resolve, reject) => {
    const req = request(origin + path, { method, headers })
    let isAnswered = false
    // A server that has seen enough need not read on.
    req.on('error', (error) => isAnswered || reject(error))
    req.on('response', (res) => {
      isAnswered = true
      const { statusCode: status = 0, headers } = res
      const done = (text: string) => resolve({ status, headers, text, ...messageIn(text) })
      if (open) {
        done('')
        return void req.destroy()
      }
      let text = ''
      res.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
      res.on('end', () => done(text))
    })
    if (chunked) req.flushHeaders()
    req.end(body)
  })
}

/** A request of a client since 2026-07-28. */
export function modern(method: string, params: object = {}, more: OutgoingHttpHeaders = {}): Raw {
  const message = { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: ENVELOPE } }
  return {
    headers: { ...headersFor({ url: '', era: 'modern' }, method, params), ...more },
    body: JSON.stringify(message),
  }
}

/** One of a client before that. */
export function legacy(method: string, params: object = {}, session?: string): Raw {
  const headers = headersFor({ url: '', era: 'legacy', session }, method)
  return { headers, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) }
}

export const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'by hand', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

function messageIn(text: string): { message?: Message } {
  const [, data] = [...text.matchAll(/^data: ?(.+)$/gm)].at(-1) ?? [undefined, text]
  try {
    return { message: JSON.parse(data!) as Message }
  } catch {
    return {}
  }
}
