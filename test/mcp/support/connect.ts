import { Client as ModernClient } from '@modelcontextprotocol/client'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { InMemoryTransport } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { onTestFinished } from 'vitest'
import { createMenu, type Offer } from '../../../src/mcp/list-tools.ts'
import { createQuestions } from '../../../src/mcp/question.ts'
import { createMcpServer, type ServerOptions } from '../../../src/mcp/server.ts'
import type { Service } from '../../../src/snapshots/service-api.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const KEY = new Uint8Array(32).fill(7)

/** What the person behind the client does when asked; absent: the client cannot ask. */
export type Person = (question: Question) => Answer | Promise<Answer>
export interface Question {
  message: string
  requestedSchema: Record<string, unknown>
}
export interface Answer {
  action: 'accept' | 'decline' | 'cancel'
  content?: Record<string, string | number | boolean | string[]>
}

/** Serves in this process, as on stdio, and returns the client's end of the wire. */
export function serveHere(service: Service, options: Partial<ServerOptions & Offer> = {}) {
  const [here, there] = InMemoryTransport.createLinkedPair()
  const principal = options.principal ?? 'local:1000'
  const { readOnly = false, openWorld = false, providers = ['local'], ...rest } = options
  const handle = serveStdio(
    ({ era }) =>
      createMcpServer(
        {
          service: async () => service,
          providers,
          menu: createMenu({ providers, openWorld, readOnly }),
          principal,
          questions: createQuestions(principal, async () => KEY),
          log: silent,
          ...rest,
        },
        era,
      ),
    { transport: there },
  )
  onTestFinished(() => handle.close())
  return here
}

/** The client that speaks 2026-07-28. */
export async function modern(
  service: Service,
  { person, ...options }: { person?: Person } & Partial<ServerOptions & Offer> = {},
) {
  const client = new ModernClient(
    { name: 'modern', version: '1' },
    {
      capabilities: person ? { elicitation: { form: {} } } : {},
      versionNegotiation: { mode: { pin: '2026-07-28' } },
    },
  )
  if (person)
    client.setRequestHandler('elicitation/create', async ({ params }) => ({
      ...(await person(params as unknown as Question)),
    }))
  await client.connect(serveHere(service, options))
  onTestFinished(() => client.close())
  return client
}

/** The client that most installed hosts use, which speaks 2025-11-25. */
export async function legacy(
  service: Service,
  { person, ...options }: { person?: Person } & Partial<ServerOptions & Offer> = {},
) {
  const client = new LegacyClient(
    { name: 'legacy', version: '1' },
    { capabilities: person ? { elicitation: {} } : {} },
  )
  if (person)
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => ({
      ...(await person(params as unknown as Question)),
    }))
  await client.connect(serveHere(service, options) as never)
  onTestFinished(() => client.close())
  return client
}

/** JSON-RPC by hand over the same wire: for messages that no client library would send. */
export async function byHand(service: Service, options: Partial<ServerOptions & Offer> = {}) {
  const wire = serveHere(service, options)
  const waiting = new Map<unknown, (message: Reply) => void>()
  let last = 0
  const notifications: { method: string; params: Record<string, unknown> }[] = []
  wire.onmessage = (message) => {
    if ('method' in message) notifications.push(message as never)
    else waiting.get(message.id)?.(message as Reply)
  }
  await wire.start()
  return {
    notifications,
    request(method: string, params: Record<string, unknown> = {}): Promise<Reply> {
      const id = ++last
      return new Promise((resolve) => {
        waiting.set(id, resolve)
        void wire.send({ jsonrpc: '2.0', id, method, params })
      })
    },
  }
}

export interface Reply {
  id: number
  result?: Record<string, unknown> & {
    isError?: boolean
    structuredContent?: Record<string, unknown>
    content?: { text: string }[]
    requestState?: string
    inputRequests?: Record<string, unknown>
  }
  error?: { code: number; message: string; data?: unknown }
}

/** What every request of the modern era carries. */
export function envelope(capabilities: Record<string, unknown> = {}) {
  return {
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'by-hand', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': capabilities,
    },
  }
}
