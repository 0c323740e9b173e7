import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { Door } from '../guard/doors.ts'
import { hasEnded, isCheckable, Runner, thisRunner } from '../state/runner.ts'
import type { StateStore } from '../state/state-store.ts'
import { fail, Outcome, type Problem } from './errors.ts'
import { Labels, PathRef, Receipt, Source } from './model.ts'
import type { OperationView } from './replies.ts'

/** The way back. Native ids. */
const Undo = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('restore'), snapshot: z.string(), paths: z.array(PathRef).optional() }),
  z.object({ kind: z.literal('undelete'), snapshots: z.array(z.string()) }),
])

/** The durable record of one call that changes something: what was meant, how it ended, and the way back. */
export const Operation = z.object({
  v: z.literal(1),
  type: z.enum(['create', 'update', 'restore', 'delete', 'prune', 'undo']),
  provider: z.string(),
  principal: z.string(),
  client: z.string().optional(),
  /** Milliseconds. */
  started_at: z.number(),
  ended_at: z.number().optional(),
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
    })
    .optional(),
  result: z.object({ snapshot: z.string(), receipt: Receipt.optional() }).optional(),
})
export type Operation = z.infer<typeof Operation>

export interface StoredOperation {
  id: string
  version: number
  operation: Operation
}

export type Beginning = Pick<Operation, 'type' | 'provider' | 'principal' | 'summary' | 'targets'> &
  Partial<
    Pick<Operation, 'client' | 'lock' | 'undo' | 'undo_until' | 'capture' | 'plan' | 'doors' | 'approved_by'>
  >

/** An operation of this process. */
export interface Run {
  readonly id: string
  /** As it stands in the record, or is to stand there. */
  readonly operation: Operation
  /** Adds facts durably. */
  note(facts: Partial<Operation>): Promise<void>
  /** Where the record cannot be written, that is tried again before anybody looks at it. */
  end(state: 'done' | 'failed' | 'unknown', facts?: Partial<Operation>): Promise<void>
}

/** What is found is told as it stands: an operation whose process is gone is not running, but `unknown`. */
export interface Operations {
  newId(): string
  begin(id: string, beginning: Beginning): Promise<Run>
  /** A call that a person did not allow. */
  declined(id: string, beginning: Beginning): Promise<void>
  /** Ends the record of an operation whose process was killed. Undefined when there is none, or when it has ended. */
  conclude(id: string, how: Pick<Operation, 'state'> & Partial<Operation>): Promise<Operation | undefined>
  /** Forgets one that never came to work. */
  discard(id: string): Promise<void>
  /** Undefined when unknown or somebody else's. */
  find(id: string, principal: string): Promise<StoredOperation | undefined>
  /** As `find`, but waits up to `wait_ms` while it is running, in whatever process. */
  settled(
    id: string,
    principal: string,
    wait_ms: number,
    signal: AbortSignal,
  ): Promise<StoredOperation | undefined>
  /** Claims the undo for the operation `by`. False when somebody else was first. */
  markUndone(stored: StoredOperation, by: string): Promise<boolean>
  /** All of this principal, newest first. */
  list(principal: string): Promise<StoredOperation[]>
}

/** After this long an operation is taken for ended whose process cannot be checked, being of another container. */
const LONGEST_MS = 10 * 60_000

export interface OperationsOptions {
  state: StateStore
  clock: () => number
  random: (size: number) => Buffer
}

export function createOperations({ state, clock, random }: OperationsOptions): Operations {
  /** How operations of this process ended that could not be put on record yet, as on a full disk. */
  const owed = new Map<string, { ended: Operation; after: number }>()

  async function write(id: string, operation: Operation, after: number): Promise<number> {
    const version = await state.write('operation', id, operation, after)
    if (version === undefined) throw new Error(`the record of ${id} was changed by somebody else`)
    return version
  }

  const started = (beginning: Beginning, how: 'running' | 'declined'): Operation => ({
    ...beginning,
    v: 1,
    state: how,
    started_at: clock(),
    runner: thisRunner(),
  })

  /** Before anybody looks. What still cannot be written waits for the next look. */
  async function payOwed(): Promise<void> {
    for (const [id, { ended, after }] of owed) {
      const isStuck = await state.write('operation', id, ended, after).then(
        () => false,
        () => true,
      )
      if (isStuck) return
      owed.delete(id)
    }
  }

  async function find(id: string, principal: string): Promise<StoredOperation | undefined> {
    await payOwed()
    const found = await state.read('operation', id)
    const { data: operation } = Operation.safeParse(found?.value)
    if (!found || operation?.principal !== principal) return undefined
    return { id, version: found.version, operation: asItStands(id, operation) }
  }

  /** Nobody ends an operation whose process is gone: how it went is then not known. */
  function asItStands(id: string, operation: Operation): Operation {
    const { state: recorded, runner, started_at } = operation
    if (recorded !== 'running') return operation
    const known = owed.get(id)
    if (known) return known.ended
    const isGone = isCheckable(runner) ? hasEnded(runner) : clock() - started_at > LONGEST_MS
    return isGone ? { ...operation, state: 'unknown' } : operation
  }

  return {
    newId: () => `op_${random(10).toString('hex')}`,

    async begin(id, beginning) {
      let operation = started(beginning, 'running')
      let version = await write(id, operation, 0)
      const note = async (facts: Partial<Operation>) => {
        const next = { ...operation, ...facts }
        version = await write(id, next, version)
        operation = next
      }
      return {
        id,
        get operation() {
          return operation
        },
        note,
        async end(how, facts = {}) {
          const ended = { ...operation, ...facts, state: how, ended_at: clock() }
          try {
            await note(ended)
          } catch (error) {
            owed.set(id, { ended, after: version })
            operation = ended
            throw error
          }
        },
      }
    },

    async declined(id, beginning) {
      await write(id, started(beginning, 'declined'), 0)
    },
    async conclude(id, how) {
      const found = await state.read('operation', id)
      const { data: operation } = Operation.safeParse(found?.value)
      if (!found || operation?.state !== 'running') return undefined
      const ended = { ...operation, ...how, ended_at: clock() }
      return (await state.write('operation', id, ended, found.version)) === undefined ? undefined : ended
    },
    discard: (id) => state.remove('operation', id),
    find,

    async settled(id, principal, wait_ms, signal) {
      for (let waited = 0, pause = 10; ; waited += pause) {
        const found = await find(id, principal)
        if (found?.operation.state !== 'running' || waited >= wait_ms) return found
        if (signal.aborted) throw cancelledWhileWaiting(id)
        pause = Math.min(pause * 2, 250, wait_ms - waited)
        await sleep(pause, undefined, { signal }).catch(() => {})
      }
    },

    async markUndone({ id, version, operation }, by) {
      return (await state.write('operation', id, { ...operation, undone_by: by }, version)) !== undefined
    },

    async list(principal) {
      await payOwed()
      const all = await state.list('operation')
      return all
        .flatMap(({ id, version, value }) => {
          const { data: operation } = Operation.safeParse(value)
          return operation?.principal === principal
            ? [{ id, version, operation: asItStands(id, operation) }]
            : []
        })
        .sort((a, b) => b.operation.started_at - a.operation.started_at)
    },
  }
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

function cancelledWhileWaiting(id: string) {
  return fail(
    'CANCELLED',
    `Cancelled while waiting for ${id}, which goes on.`,
    'snapshot_status shows how it ends.',
    {
      operation: id,
      outcome: 'unknown',
    },
  )
}
