import type { Replies, TestClient, ToolName } from './clients.ts'
import { ToolFailure } from './clients.ts'

type Destructive = 'snapshot_restore' | 'snapshot_delete' | 'snapshot_prune' | 'snapshot_undo'

/** Asks for a plan and returns its token. */
export async function plan(client: TestClient, tool: Destructive, args: object): Promise<string> {
  const reply = await client.call(tool, args)
  if (reply.status !== 'confirmation_required' || !reply.confirmation)
    throw new Error(`${tool} did not ask for a confirmation: ${JSON.stringify(reply)}`)
  return reply.confirmation
}

/** Plans, then confirms where there is something to confirm: what an agent does whose client cannot ask a person. */
export async function confirmed<T extends Destructive>(
  client: TestClient,
  tool: T,
  args: object,
): Promise<Replies[T]> {
  const first = await client.call(tool, args)
  if (first.status === 'done') return first
  const reply = await client.call(tool, { ...args, confirmation: first.confirmation })
  if (reply.status !== 'done') throw new Error(`${tool} did not run: ${JSON.stringify(reply)}`)
  return reply
}

/** The problem that a call ends in; a call that succeeds is a failure of the test. */
export async function problem(client: TestClient, tool: ToolName, args: object) {
  const reply = await client.call(tool, args).catch((error: unknown) => {
    if (error instanceof ToolFailure) return error
    throw error
  })
  if (reply instanceof ToolFailure) return reply.problem
  throw new Error(`${tool} should have failed but answered ${JSON.stringify(reply)}`)
}

/** The error code of a call, or `ok`. */
export async function code(client: TestClient, tool: ToolName, args: object): Promise<string> {
  try {
    await client.call(tool, args)
    return 'ok'
  } catch (error) {
    if (error instanceof ToolFailure) return error.problem.code
    throw error
  }
}
