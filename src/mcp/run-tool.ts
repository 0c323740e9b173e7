import type {
  CallToolResult,
  InputRequiredResult,
  McpServer,
  ServerContext,
} from '@modelcontextprotocol/server'
import { quotable } from '../request-context.ts'
import type { Question } from '../snapshots/caller.ts'
import { fail, SnapshotError, toProblem } from '../snapshots/errors.ts'
import type { Service } from '../snapshots/service-api.ts'
import { parseArguments } from './arguments.ts'
import { clientOf, type Era } from './client.ts'
import { type Answered, type Observers, observed } from './observed.ts'
import { createProgress } from './progress.ts'
import type { Questions } from './question.ts'
import { failure, success } from './results.ts'
import type { Tool } from './tools/define-tool.ts'

export interface Runner extends Observers {
  /** Loaded with the first call: listing tools needs none of it. */
  service: () => Promise<Service>
  principal: string
  questions: Questions
}

interface Call {
  server: McpServer
  era: Era
  ctx: ServerContext
  runner: Runner
}

/** Carries out one call of a tool. Never throws: whatever goes wrong is a typed error in the result. */
export const runTool = (
  tool: Tool,
  raw: unknown,
  call: Call,
): Promise<CallToolResult | InputRequiredResult> =>
  observed({ ...call, tool: tool.name }, call.runner, () => carryOut(tool, raw, call))

async function carryOut(tool: Tool, raw: unknown, { server, era, ctx, runner }: Call): Promise<Answered> {
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
    if (!isQuestion(reply)) return answered(tool, reply)
    if (era === 'modern') return { result: await questions.embed(reply, tool.name, args), outcome: 'asked' }
    // A call that was answered runs or is refused: it never leads to another question.
    const answer = await questions.ask(reply, ctx)
    return answered(tool, await tool.run(service, args, { ...caller, answer }))
  } catch (error) {
    const problem = quotable(
      toProblem(signal.aborted && !(error instanceof SnapshotError) ? cancelled() : error),
    )
    const facts = { tool: tool.name, code: problem.code, error }
    if (problem.code === 'INTERNAL') log.error('A tool call failed', facts)
    else log.debug('A tool call was refused', facts)
    return { result: failure(tool, problem), outcome: problem.code, operation: problem.operation }
  } finally {
    progress.stop()
  }
}

function answered(tool: Tool, reply: { status?: unknown; operation?: unknown }): Answered {
  const { status, operation } = reply
  return {
    result: success(tool, reply),
    outcome: status === 'confirmation_required' || status === 'approval_required' ? 'asked' : 'ok',
    ...(typeof operation === 'string' && { operation }),
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
