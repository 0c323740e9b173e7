import type { CallToolResult } from '@modelcontextprotocol/server'
import type { Problem } from '../snapshots/errors.ts'
import type { Tool } from './tools/define-tool.ts'

export function success(tool: Tool, reply: object): CallToolResult {
  return { content: [{ type: 'text', text: tool.render(reply) }], structuredContent: { ...reply } }
}

/** A typed error: the same facts for a program and in words, because some clients show a model only the text. */
export function failure(tool: Tool, problem: Problem): CallToolResult {
  return {
    isError: true,
    content: [{ type: 'text', text: problemText(tool, problem) }],
    structuredContent: structured(problem),
  }
}

/** `status` is a word in every result, and clients that check results would refuse a number there. */
function structured({ status, ...problem }: Problem): Record<string, unknown> {
  return { ...problem, ...(status !== undefined && { http_status: status }) }
}

function problemText(tool: Tool, problem: Problem): string {
  const { code, message, hint, retryable, retry_after_ms, outcome, operation, details, fresh } = problem
  const after = retry_after_ms === undefined ? '' : ` after ${retry_after_ms} ms`
  const freshPlan = tool.reply.safeParse(fresh)
  return [
    `${code}: ${message}`,
    `Next: ${hint}`,
    ...(retryable ? [`May be retried${after}.`] : []),
    ...(outcome === 'not_started' ? [] : [`Outcome: ${outcome}.`]),
    ...(operation === undefined ? [] : [`Operation: ${operation}`]),
    ...(details === undefined ? [] : [`Details: ${JSON.stringify(details).slice(0, 2000)}`]),
    ...(freshPlan.success ? [tool.render(freshPlan.data)] : []),
  ].join('\n')
}
