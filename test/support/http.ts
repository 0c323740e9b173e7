import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import {
  type Person,
  type Replies,
  type Result,
  type TestClient,
  ToolFailure,
  type ToolName,
} from './clients.ts'
import { type ServerOptions, type ServerProcess, startServer } from './server.ts'

/** A server process that listens, and where. */
export interface HttpServer {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string
  /** Of MCP. */
  readonly url: string
  readonly process: ServerProcess
  /** As an operator stops it: SIGTERM. Its exit status. */
  stop(): Promise<number | null>
}

/** Starts `serve --http` on a free port of loopback and waits until it listens. */
export async function startHttp(options: ServerOptions): Promise<HttpServer> {
  const process = startServer({ ...options, args: ['--http', '--port', '0', ...(options.args ?? [])] })
  const origin = await listening(process)
  return {
    origin,
    url: `${origin}/mcp`,
    process,
    async stop() {
      await process.kill('SIGTERM')
      return (await process.exit).code
    },
  }
}

async function listening(server: ServerProcess): Promise<string> {
  const ended = server.exit.then(() => {
    throw new Error(`The server did not listen:\n${server.stderr.join('\n')}`)
  })
  for (;;) {
    const line = server.stderr.find((each) => each.includes('"port":'))
    if (line) return `http://127.0.0.1:${(JSON.parse(line) as { port: number }).port}`
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 10))])
  }
}

export interface HttpClientOptions {
  token?: string
  person?: Person
  fetch?: typeof fetch
}

export interface HttpClient extends TestClient {
  readonly kind: HttpClientKind
  /** The client itself, for what not every client can do. */
  readonly inner: unknown
  close(): Promise<void>
}

export const HTTP_CLIENTS = ['SDK v2', 'SDK v1'] as const
export type HttpClientKind = (typeof HTTP_CLIENTS)[number]

const INFO = { name: 'snapshot-mcp-tests', version: '1.0.0' }

/** A client of either SDK on a server that listens: v2 speaks 2026-07-28, v1 what the installed base speaks. */
export async function connectHttp(
  kind: HttpClientKind,
  url: string,
  { token, person, fetch }: HttpClientOptions = {},
): Promise<HttpClient> {
  const capabilities = person ? { elicitation: { form: {} } } : {}
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const wire = { requestInit: { headers }, ...(fetch && { fetch }) }
  const client =
    kind === 'SDK v2'
      ? new ClientV2(INFO, { versionNegotiation: { mode: { pin: '2026-07-28' } }, capabilities })
      : new ClientV1(INFO, { capabilities })
  if (person && client instanceof ClientV2)
    client.setRequestHandler('elicitation/create', async ({ params }) => ({
      ...(await person(params.message, 'requestedSchema' in params ? { ...params.requestedSchema } : {})),
    }))
  if (person && client instanceof ClientV1)
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => ({
      ...(await person(params.message, 'requestedSchema' in params ? { ...params.requestedSchema } : {})),
    }))
  const Transport = kind === 'SDK v2' ? TransportV2 : TransportV1
  await client.connect(new Transport(new URL(url), wire as never) as never)
  // Listing first makes the client check every reply against the tool's output schema.
  await client.listTools()

  const raw: TestClient['raw'] = async (name, args, options = {}) => {
    const params = { name, arguments: { ...args } }
    const how = { timeout: 60_000, ...options } as never
    return (await (client instanceof ClientV2
      ? client.callTool(params, how)
      : client.callTool(params, undefined, how))) as Result
  }
  return {
    kind,
    inner: client,
    raw,
    async call<T extends ToolName>(tool: T, args: object = {}, options = {}) {
      const result = await raw(tool, args, options)
      if (result.isError) throw new ToolFailure(tool, result.structuredContent as never)
      return result.structuredContent as Replies[T]
    },
    tools: async () => (await client.listTools()).tools,
    close: () => client.close(),
  }
}
