import { z } from 'zod'
import { Door } from '../guard/doors.ts'
import { Runner } from '../state/runner.ts'
import { fail, Outcome, type Problem } from './errors.ts'
import { Labels, PathRef, Receipt, RestoreMode, Source } from './model.ts'
import { type OperationView, Restored } from './replies.ts'

/** The way back. Native ids. */
const Undo = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('restore'), snapshot: z.string(), paths: z.array(PathRef).optional() }),
  z.object({ kind: z.literal('undelete'), snapshots: z.array(z.string()) }),
])

/** What a create has made: native id, and what was said about it. */
const CreateOutcome = z.object({
  snapshot: z.string(),
  receipt: Receipt.optional(),
  targets: z.array(Source).optional(),
  warnings: z.array(z.string()).optional(),
})

const Options = z.record(z.string(), z.unknown())

/** The durable record of one call that changes something: what was meant, how it ended, and the way back. */
export const Operation = z.object({
  v: z.literal(1),
  type: z.enum(['create', 'update', 'restore', 'delete', 'prune', 'undo']),
  provider: z.string(),
  /** Of the provider, where it has several. */
  account: z.string().optional(),
  principal: z.string(),
  client: z.string().optional(),
  /** Milliseconds. */
  started_at: z.number(),
  ended_at: z.number().optional(),
  /** When another process took it up. */
  taken_up_at: z.number().optional(),
  state: z.enum(['running', 'done', 'failed', 'declined', 'unknown']),
  summary: z.string(),
  targets: z.array(z.string()),
  /** The lock it held, to be held by its undo as well. */
  lock: z.string().optional(),
  runner: Runner,
  /** The plan it was confirmed with, the doors it passed (none: nothing had to agree), and who approved. */
  plan: z.string().optional(),
  doors: z.array(Door).optional(),
  approved_by: z.string().optional(),
  /** Written before the target is touched, so that a crash cannot take the way back along. */
  undo: Undo.optional(),
  undo_until: z.string().optional(),
  /** Fingerprint of the live state as it left it. */
  left: z.string().optional(),
  /** The operation that undid it, or tried to. */
  undone_by: z.string().optional(),
  error: z
    .object({
      code: z.string(),
      message: z.string(),
      hint: z.string(),
      retryable: z.boolean(),
      outcome: Outcome,
    })
    .optional(),
  /** Of a create: what is to be captured, and the native id and receipt of the result. */
  capture: z
    .object({
      source: Source,
      name: z.string(),
      note: z.string().optional(),
      labels: Labels,
      expires_at: z.string().optional(),
      options: Options.optional(),
    })
    .optional(),
  result: CreateOutcome.optional(),
  /** Of a restore: what was asked for, and what came of it. */
  restoring: z
    .object({
      snapshot: z.string(),
      mode: RestoreMode,
      to: z.string().optional(),
      paths: z.array(PathRef).optional(),
      count: z.number(),
      options: Options.optional(),
    })
    .optional(),
  restored: Restored.optional(),
  /** What the provider needs to find out later what came of it. */
  facts: z.record(z.string(), z.unknown()).optional(),
})
export type Operation = z.infer<typeof Operation>

export interface StoredOperation {
  id: string
  version: number
  operation: Operation
}

export type Beginning = Pick<Operation, 'type' | 'provider' | 'principal' | 'summary' | 'targets'> &
  Partial<
    Pick<
      Operation,
      | 'client'
      | 'account'
      | 'lock'
      | 'undo'
      | 'undo_until'
      | 'capture'
      | 'restoring'
      | 'plan'
      | 'doors'
      | 'approved_by'
    >
  >

/** What goes on record of a failure. Of what was not started nothing can be undone. */
export function failureOf({ code, message, hint, retryable, outcome }: Problem): Partial<Operation> {
  const nothingToUndo = outcome === 'not_started' ? { undo: undefined, undo_until: undefined } : {}
  return { error: { code, message, hint, retryable, outcome }, ...nothingToUndo }
}

/** What the caller of a failed operation gets to see. */
export function problemOf({ id, operation }: StoredOperation): Problem {
  const told = operation.error as Problem | undefined
  if (told) return { ...told, operation: id }
  return fail(
    'INTERNAL',
    'The server stopped while it worked on this; it is not known how far it came.',
    'Call snapshot_list to see what is there.',
    { outcome: 'unknown', operation: id },
  ).problem
}

export function viewOf({ id, operation }: StoredOperation): OperationView {
  const { type, state, provider, summary, started_at, undo, undo_until } = operation
  const { plan, doors, approved_by } = operation
  return {
    operation: id,
    type,
    state,
    provider,
    summary,
    started_at: new Date(started_at).toISOString(),
    ...(undo && undo_until && { undo_until }),
    ...(plan !== undefined && { plan }),
    ...(doors && { doors }),
    ...(approved_by !== undefined && { approved_by }),
  }
}

/** `pending`: what to ask for, where there is something to ask for. */
export function cancelledWhileWaiting(id: string, pending?: string) {
  return fail(
    'CANCELLED',
    `Cancelled while waiting for ${id}, which goes on.`,
    pending === undefined
      ? 'snapshot_status shows how it ends.'
      : `snapshot_get with ${pending} and wait_seconds tells how it ends.`,
    {
      ...(pending !== undefined && { pending }),
      operation: id,
      outcome: 'unknown',
    },
  )
}
