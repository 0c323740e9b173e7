import type {
  CallToolResult,
  InputRequiredResult,
  McpServer,
  ServerContext,
} from '@modelcontextprotocol/server'
import type { Question } from '../snapshots/caller.ts'
import { fail, SnapshotError, toProblem } from '../snapshots/errors.ts'
import type { Log } from '../snapshots/provider.ts'
import type { Service } from '../snapshots/service-api.ts'
import { parseArguments } from './arguments.ts'
import { clientOf, type Era } from './client.ts'
import { createProgress } from './progress.ts'
import type { Questions } from './question.ts'
import { failure, success } from './results.ts'
import type { Tool } from './tools/define-tool.ts'

export interface Runner {
  /** Loaded with the first call: listing tools needs none of it. */
  service: () => Promise<Service>
  principal: string
  questions: Questions
  log: Log
}

/** Carries out one call of a tool. Never throws: whatever goes wrong is a typed error in the result. */
export async function runTool(
  tool: Tool,
  raw: unknown,
  { server, era, ctx, runner }: { server: McpServer; era: Era; ctx: ServerContext; runner: Runner },
): Promise<CallToolResult | InputRequiredResult> {
  const { principal, questions, log } = runner
  const { signal } = ctx.mcpReq
  const progress = createProgress(ctx)
  try {
    const args = parseArguments(tool.name, tool.args, raw)
    const client = clientOf(server, era, ctx)
    const service = await runner.service()
    const caller = {
      principal,
      ...(client.label !== undefined && { client: client.label }),
      signal,
      progress: progress.report,
      canAsk: client.asks,
    }
    const brought =
      era === 'modern' && client.asks ? await questions.answerIn(ctx, tool.name, args) : undefined
    const reply = await tool.run(service, args, {
      ...caller,
      ...(brought !== undefined && { answer: brought }),
    })
    if (!isQuestion(reply)) return success(tool, reply)
    if (era === 'modern') return await questions.embed(reply, tool.name, args)
    // A call that was answered runs or is refused: it never leads to another question.
    const answer = await questions.ask(reply, ctx)
    return success(tool, await tool.run(service, args, { ...caller, answer }))
  } catch (error) {
    const problem = toProblem(signal.aborted && !(error instanceof SnapshotError) ? cancelled() : error)
    const facts = { tool: tool.name, code: problem.code, error }
    if (problem.code === 'INTERNAL') log.error('A tool call failed', facts)
    else log.debug('A tool call was refused', facts)
    return failure(tool, problem)
  } finally {
    progress.stop()
  }
}

const isQuestion = (reply: object): reply is Question => 'status' in reply && reply.status === 'question'

const cancelled = () =>
  fail(
    'CANCELLED',
    'The call was cancelled; it is not known how far it got.',
    'snapshot_status shows what happened.',
    {
      outcome: 'unknown',
    },
  )
