import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import type { Problem } from '../../src/snapshots/errors.ts'
import type * as reply from '../../src/snapshots/replies.ts'
import { lineClient } from './line-client.ts'
import type { ServerProcess } from './server.ts'

/** What the structured content of each tool is. */
export interface Replies {
  snapshot_create: reply.Created
  snapshot_list: reply.ListReply
  snapshot_get: reply.SnapshotReply
  snapshot_diff: reply.DiffReply
  snapshot_restore: reply.RestoreReply
  snapshot_delete: reply.DeleteReply
  snapshot_undo: reply.UndoReply
  snapshot_update: reply.SnapshotReply
  snapshot_prune: reply.DeleteReply
  snapshot_sources: reply.SourcesReply
  snapshot_status: reply.StatusReply
}
export type ToolName = keyof Replies

/** Answers of the person behind a client that declares elicitation. */
export interface Answer {
  action: 'accept' | 'decline' | 'cancel'
  content?: Record<string, string | number | boolean | string[]>
}
export type Person = (message: string, schema: Record<string, unknown>) => Answer | Promise<Answer>

export interface CallOptions {
  onprogress?: (progress: { progress: number; total?: number; message?: string }) => void
  signal?: AbortSignal
  /** Milliseconds that a client of an SDK waits for the answer. Default 60,000. */
  timeout?: number
}

/** The raw result of a tool call, the same for every client. */
export interface Result {
  isError?: boolean
  content: { type: string; text?: string }[]
  structuredContent?: unknown
}

/** How each of the clients looks to a test. */
export interface TestClient {
  /** The structured reply; throws ToolFailure with the server's problem when the tool answers with an error. */
  call<T extends ToolName>(tool: T, args?: object, options?: CallOptions): Promise<Replies[T]>
  raw(tool: string, args: object, options?: CallOptions): Promise<Result>
  tools(): Promise<{ name: string; [key: string]: unknown }[]>
}

export class ToolFailure extends Error {
  readonly problem: Problem

  constructor(tool: string, problem: Problem) {
    super(`${tool}: ${JSON.stringify(problem)}`)
    this.problem = problem
  }
}

export const CLIENTS = ['SDK v2', 'SDK v1', 'line by line'] as const
export type ClientKind = (typeof CLIENTS)[number]

/** Opens a client of the given kind on a running server. With a `person` it declares form elicitation. */
export async function connect(kind: ClientKind, server: ServerProcess, person?: Person): Promise<TestClient> {
  const open = { 'SDK v2': openV2, 'SDK v1': openV1, 'line by line': lineClient }[kind]
  const client = await open(server, person)
  return {
    ...client,
    async call(tool, args = {}, options = {}) {
      const result = await client.raw(tool, args, options)
      const text = result.content.find((part) => part.type === 'text')?.text
      if (!text) throw new Error(`${tool} answered without a text that a person can read`)
      if (result.isError) throw new ToolFailure(tool, result.structuredContent as Problem)
      return result.structuredContent as Replies[typeof tool]
    },
  }
}

type Opened = Omit<TestClient, 'call'>
const INFO = { name: 'snapshot-mcp-tests', version: '1.0.0' }
const TIMEOUT = 60_000

/** The client of the 2026-07-28 revision: no handshake, questions come back as `input_required`. */
async function openV2(server: ServerProcess, person?: Person): Promise<Opened> {
  const client = new ClientV2(INFO, {
    versionNegotiation: { mode: { pin: '2026-07-28' } },
    capabilities: person ? { elicitation: { form: {} } } : {},
  })
  if (person)
    client.setRequestHandler('elicitation/create', async ({ params }) => ({
      ...(await person(params.message, 'requestedSchema' in params ? { ...params.requestedSchema } : {})),
    }))
  await client.connect(transport(server))
  // Listing first makes the client check every reply against the tool's output schema.
  await client.listTools()
  return {
    raw: async (name, args, options = {}) =>
      (await client.callTool({ name, arguments: { ...args } }, {
        timeout: TIMEOUT,
        ...options,
      } as never)) as Result,
    tools: async () => (await client.listTools()).tools,
  }
}

/** The client of the installed base: 2025-11-25, questions are requests from the server. */
async function openV1(server: ServerProcess, person?: Person): Promise<Opened> {
  const client = new ClientV1(INFO, { capabilities: person ? { elicitation: { form: {} } } : {} })
  if (person)
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => ({
      ...(await person(params.message, 'requestedSchema' in params ? { ...params.requestedSchema } : {})),
    }))
  await client.connect(transport(server))
  await client.listTools()
  return {
    raw: async (name, args, options = {}) =>
      (await client.callTool({ name, arguments: { ...args } }, undefined, {
        timeout: TIMEOUT,
        ...options,
      } as never)) as Result,
    tools: async () => (await client.listTools()).tools,
  }
}

/** Both SDKs on a process we hold ourselves, so that tests see every byte and can kill it. */
function transport(server: ServerProcess): Transport {
  const self: Transport = {
    async start() {
      server.onLine((line) => self.onmessage?.(JSON.parse(line)))
      server.onExit(() => self.onclose?.())
    },
    send: async (message) => server.send(JSON.stringify(message)),
    close: async () => server.stop(),
  }
  return self
}
