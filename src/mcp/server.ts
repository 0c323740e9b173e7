import { McpServer, type ServerContext } from '@modelcontextprotocol/server'
import type { Scope } from '../config/access.ts'
import { toProblem } from '../snapshots/errors.ts'
import { NAME, VERSION } from '../version.ts'
import type { Era } from './client.ts'
import type { Menu } from './list-tools.ts'
import { registerPrompts } from './prompts.ts'
import { type Readable, registerResources } from './resources.ts'
import { failure } from './results.ts'
import { type Runner, runTool } from './run-tool.ts'
import { challengeFor, requireScopes } from './scopes.ts'
import { unchecked } from './wire-schema.ts'

export interface ServerOptions extends Runner, Readable {
  menu: Menu
  /** Of the credential over HTTP; absent where none is needed. */
  scopes?: readonly Scope[]
  /** Clients hear of changes of the snapshots. */
  tellsChanges?: boolean
  /** Aborted when the client takes its request back by another way than its connection. */
  cancelled?: AbortSignal | undefined
  /** Hears of every call while it runs, so that whoever ends the process can wait. */
  running?(call: Promise<unknown>): void
}

/** What one request is about: a server that answers nothing else need not know anything else. */
export interface Purpose {
  method: string
  /** Of the tool. */
  name?: string | undefined
}

/** The most array elements and object members in the arguments of a call. The largest that make sense have a few hundred. */
const MOST_ELEMENTS = 10_000

/** How long a client may keep what does not change while a server runs (ms). */
const KEPT_MS = 300_000

/** One MCP server for one connection (stdio), one session or one request (HTTP), of either protocol era. */
export function createMcpServer(options: ServerOptions, era: Era, purpose?: Purpose): McpServer {
  const { menu, tellsChanges = false } = options
  const { instructions, prompts } = menu
  const server = new McpServer(
    { name: NAME, version: VERSION, title: 'Snapshots' },
    {
      instructions,
      capabilities: {
        tools: { listChanged: false },
        resources: { listChanged: tellsChanges, ...(tellsChanges && { subscribe: true }) },
        ...(prompts && { prompts: { listChanged: false } }),
      },
      cacheHints: {
        'tools/list': { ttlMs: KEPT_MS, cacheScope: 'private' },
        'prompts/list': { ttlMs: KEPT_MS, cacheScope: 'private' },
        'resources/templates/list': { ttlMs: KEPT_MS, cacheScope: 'private' },
      },
      maxToolInputElements: MOST_ELEMENTS,
      requestState: { verify: options.questions.verify },
      // Nothing here is checked by JSON schema: arguments and answers are parsed with zod where they are used.
      jsonSchemaValidator: {
        getValidator: () => (data) => ({ valid: true, data: data as never, errorMessage: undefined }),
      },
    },
  )
  server.server.onerror = (error) => options.log.debug('Protocol error', { error })
  if (isAbout(purpose, 'tools/')) registerTools(server, options, era, calledIn(purpose))
  if (isAbout(purpose, 'resources/', 'completion/')) registerResources(server, options)
  if (prompts && isAbout(purpose, 'prompts/', 'completion/')) registerPrompts(server, options)
  return server
}

const isAbout = (purpose: Purpose | undefined, ...groups: string[]) =>
  purpose === undefined ||
  groups.some((group) => purpose.method.startsWith(group)) ||
  !/^(?:tools|resources|prompts|completion)\//.test(purpose.method)

const calledIn = (purpose: Purpose | undefined) =>
  purpose?.method === 'tools/call' ? purpose.name : undefined

/** A call is answered without what a tool says of itself: the SDK would go through its schemas once more. */
const UNSAID = { inputSchema: unchecked({ type: 'object' }) }

function registerTools(server: McpServer, options: ServerOptions, era: Era, only: string | undefined): void {
  const { tools } = options.menu
  const called = tools.filter(({ tool }) => tool.name === only)
  // The name of a tool that there is not has to be told from one that there is.
  for (const { tool, shown } of called.length > 0 ? called : tools) {
    const { name, inputSchema, outputSchema, ...words } = shown
    const said = { ...words, inputSchema: unchecked(inputSchema), outputSchema: unchecked(outputSchema) }
    server.registerTool(
      name,
      {
        ...(called.length > 0 ? UNSAID : said),
        ...(options.scopes && { scopeChallenge: challengeFor(tool) }),
      },
      async (raw, ctx) => {
        try {
          requireScopes(tool, raw, options.scopes)
        } catch (error) {
          return failure(tool, toProblem(error))
        }
        const call = runTool(tool, raw, { server, era, ctx: until(ctx, options.cancelled), runner: options })
        options.running?.(call)
        return call
      },
    )
  }
}

function until(ctx: ServerContext, cancelled: AbortSignal | undefined): ServerContext {
  if (!cancelled) return ctx
  return { ...ctx, mcpReq: { ...ctx.mcpReq, signal: AbortSignal.any([ctx.mcpReq.signal, cancelled]) } }
}
