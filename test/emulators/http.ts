import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, takeFault } from './faults.ts'
import { type Match, type Routes, router } from './routing.ts'

export type { Fault } from './faults.ts'

/** One request as a handler sees it. */
export interface Exchange {
  method: string
  /** As it came over the wire, without the query. */
  path: string
  /** The key in the table of routes; undefined when nothing matches. */
  route: string | undefined
  query: URLSearchParams
  /** Percent-decoded segments of the path. */
  params: Record<string, string>
  headers: IncomingHttpHeaders
  /** Parsed JSON; undefined when there is no body or when its type is something else. */
  body: unknown
  raw: Buffer
}

/** What to send: JSON in `body`, or text or bytes in `raw`, or pieces as they come in `stream`. */
export interface Answer {
  status: number
  body?: unknown
  headers?: Record<string, string>
  raw?: string | Buffer
  stream?: AsyncIterable<string | Buffer>
}

export type Handler = (exchange: Exchange) => Answer | Promise<Answer>

export interface LoggedRequest {
  method: string
  path: string
  query: string
  body: unknown
  /** 0 as long as no answer was sent. */
  status: number
}

export interface EmulatorServer {
  /** Origin, without a slash at the end. */
  url: string
  /** In order of arrival. */
  requests: LoggedRequest[]
  faults: Fault[]
  /** Ends every connection. Rejects with what a handler threw, if one did: that is a defect of the emulator. */
  close(): Promise<void>
}

export type Check = 'authorize' | 'route' | 'json'

export interface EmulatorOptions {
  routes: Routes
  notFound(exchange: Exchange): Answer
  /** The refusal, or undefined to let the request pass. */
  authorize(exchange: Exchange): Answer | undefined
  badJson(exchange: Exchange): Answer
  /** What comes first when several things are wrong with a request. */
  order?: readonly Check[]
  /** Headers for every answer that does not set them itself; called once an exchange, after it was handled. */
  headers?(exchange: Exchange): Record<string, string>
  /** Default: any free one. */
  port?: number
}

/** Serves an emulator on 127.0.0.1. */
export async function serveEmulator(options: EmulatorOptions): Promise<EmulatorServer> {
  const find = router(options.routes)
  const requests: LoggedRequest[] = []
  const faults: Fault[] = []
  const defects: unknown[] = []

  const handle = (exchange: Exchange, match: Match | undefined, malformed: boolean) => {
    const checks: Record<Check, () => Answer | undefined> = {
      authorize: () => options.authorize(exchange),
      route: () => (match ? undefined : options.notFound(exchange)),
      json: () => (malformed ? options.badJson(exchange) : undefined),
    }
    for (const check of options.order ?? ['authorize', 'route', 'json']) {
      const refusal = checks[check]()
      if (refusal) return refusal
    }
    return match!.handler(exchange)
  }

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const { exchange, match, malformed } = await receive(request, find)
    const entry: LoggedRequest = {
      method: exchange.method,
      path: exchange.path,
      query: exchange.query.toString(),
      body: exchange.body,
      status: 0,
    }
    requests.push(entry)
    const finish = (answer: Answer) => {
      entry.status = answer.status
      return send(response, { ...answer, headers: { ...options.headers?.(exchange), ...answer.headers } })
    }
    /** Whether the fault has ended the exchange. */
    const suffer = async (at: Fault['at'], answer: Answer): Promise<boolean> => {
      const how = takeFault(faults, at, exchange)
      if (how === undefined) return false
      if (how === 'reset') response.socket?.resetAndDestroy()
      else if (how === 'truncate') truncate(response, answer)
      else if (how !== 'hang' && 'answer' in how) await finish(how.answer)
      else if (how !== 'hang') {
        await sleep(how.delay)
        return false
      }
      return true
    }
    if (await suffer('before', { status: 200, body: {} })) return
    const answer = await handle(exchange, match, malformed)
    if (await suffer('after', answer)) return
    await finish(answer)
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      // A client that goes away while it sends or reads is its own business.
      if (request.destroyed && !request.complete) return
      if (response.destroyed) return
      defects.push(error)
      if (response.headersSent) response.destroy()
      else send(response, { status: 500, raw: String(error) }).catch(() => {})
    })
  })
  // Connections stay usable for longer than any pause of a client, or a reuse could meet a closing one.
  server.keepAliveTimeout = 600_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    faults,
    async close() {
      await new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      })
      if (defects.length > 0) throw defects[0]
    },
  }
}

async function receive(request: IncomingMessage, find: ReturnType<typeof router>) {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const [path, query] = split(request.url ?? '/')
  const method = request.method ?? 'GET'
  const match = find(method, path)
  const exchange: Exchange = {
    method,
    path,
    route: match?.route,
    query: new URLSearchParams(query),
    params: match?.params ?? {},
    headers: request.headers,
    body: undefined,
    raw: Buffer.concat(chunks),
  }
  const type = request.headers['content-type']
  if (exchange.raw.length === 0 || (type !== undefined && !type.includes('json')))
    return { exchange, match, malformed: false }
  try {
    exchange.body = JSON.parse(exchange.raw.toString('utf8'))
    return { exchange, match, malformed: false }
  } catch {
    return { exchange, match, malformed: true }
  }
}

/** Not the URL class: it would fold `..` and `//`, and the server has to see what was sent. */
function split(target: string): [path: string, query: string] {
  const mark = target.indexOf('?')
  return mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)]
}

function encode(answer: Answer): { headers: Record<string, string>; bytes: Buffer } {
  const json = answer.raw === undefined && answer.body !== undefined
  const bytes = json ? Buffer.from(JSON.stringify(answer.body)) : Buffer.from(answer.raw ?? '')
  const type = json ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8'
  const headers = bytes.length > 0 || answer.stream ? { 'content-type': type } : {}
  return { headers: { ...headers, ...answer.headers }, bytes }
}

async function send(response: ServerResponse, answer: Answer): Promise<void> {
  const { headers, bytes } = encode(answer)
  if (answer.stream) {
    response.writeHead(answer.status, headers).flushHeaders()
    for await (const piece of answer.stream) {
      if (response.destroyed) return
      response.write(piece)
    }
    response.end()
    return
  }
  const length = answer.status === 204 ? {} : { 'content-length': String(bytes.length) }
  response.writeHead(answer.status, { ...headers, ...length }).end(bytes)
}

/** Half of the body under a header that promises all of it; without a body, nothing at all. */
function truncate(response: ServerResponse, answer: Answer): void {
  const { headers, bytes } = encode(answer)
  if (bytes.length === 0) return void response.destroy()
  response.writeHead(answer.status, { ...headers, 'content-length': String(bytes.length) })
  response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy())
}
