import { McpServer } from '@modelcontextprotocol/server'
import type { Log } from '../snapshots/provider.ts'
import type { Service } from '../snapshots/service-api.ts'
import { NAME, VERSION } from '../version.ts'
import type { Era } from './client.ts'
import { instructionsFor } from './instructions.ts'
import { listing, type Offer, offeredTools } from './list-tools.ts'
import { offersPrompts, registerPrompts } from './prompts.ts'
import type { Questions } from './question.ts'
import { registerResources } from './resources.ts'
import { runTool } from './run-tool.ts'
import { unchecked } from './wire-schema.ts'

export interface ServerOptions extends Offer {
  /** Loaded on first use: a client that only lists tools waits for none of it. */
  service: () => Promise<Service>
  principal: string
  questions: Questions
  log: Log
  /** Hears of every call while it runs, so that whoever ends the process can wait. */
  running?(call: Promise<unknown>): void
}

/** One MCP server for one connection (stdio) or one request (HTTP), of either protocol era. */
export function createMcpServer(options: ServerOptions, era: Era): McpServer {
  const tools = offeredTools(options)
  const prompts = offersPrompts(tools)
  const server = new McpServer(
    { name: NAME, version: VERSION, title: 'Snapshots' },
    {
      instructions: instructionsFor(tools),
      capabilities: {
        tools: { listChanged: false },
        resources: { listChanged: false },
        ...(prompts && { prompts: { listChanged: false } }),
      },
      requestState: { verify: options.questions.verify },
      // Nothing here is checked by JSON schema: arguments and answers are parsed with zod where they are used.
      jsonSchemaValidator: {
        getValidator: () => (data) => ({ valid: true, data: data as never, errorMessage: undefined }),
      },
    },
  )
  server.server.onerror = (error) => options.log.debug('Protocol error', { error })
  for (const tool of tools) {
    const { name, inputSchema, outputSchema, ...words } = listing(tool, options)
    server.registerTool(
      name,
      { ...words, inputSchema: unchecked(inputSchema), outputSchema: unchecked(outputSchema) },
      (raw, ctx) => {
        const call = runTool(tool, raw, { server, era, ctx, runner: options })
        options.running?.(call)
        return call
      },
    )
  }
  registerResources(server, options)
  if (prompts) registerPrompts(server, options)
  return server
}
