import type { Ending, GuardRequest, NotRun, Planned, Removed, Verdict } from '../guard/guard-api.ts'
import { usedBy } from '../guard/refusals.ts'
import { alive } from './alive.ts'
import type { Reach, Start } from './background.ts'
import type { Caller, Question } from './caller.ts'
import { contextFor, type Environment, fullId } from './environment.ts'
import { beforeChange, type Problem, SnapshotError, toProblem } from './errors.ts'
import type { Undo } from './model.ts'
import { type Beginning, failureOf, type Operation } from './operation.ts'
import type { Run } from './operations.ts'
import type { Context, Provider } from './provider.ts'

/** How long something can be undone where the provider does not say: 72 h. */
const UNDO_MS = 72 * 3_600_000

/** What the work of an operation yields: the fields of its reply, and facts for its record. */
export interface Result<R> {
  reply: R
  facts?: Partial<Operation>
  /** Of a delete, for the audit log. */
  removed?: Removed
}

/** Runs the work of an operation that has begun and records how it ended. */
export async function execute<R>(
  env: Pick<Environment, 'log' | 'changed'>,
  run: Run,
  work: () => Promise<Result<R>>,
): Promise<R> {
  let result: Result<R>
  try {
    result = await work()
  } catch (error) {
    const problem = toProblem(error)
    if (!(error instanceof SnapshotError)) env.log.error('an operation failed', { operation: run.id, error })
    const { hint, outcome } = problem
    await record(env, run, outcome === 'unknown' ? 'unknown' : 'failed', failureOf(problem))
    const wayBack = run.operation.undo
      ? ` snapshot_undo with ${run.id} brings back what was there before.`
      : ''
    const open = outcome === 'unknown' && run.operation.facts ? findOut(run) : {}
    throw new SnapshotError({ ...problem, hint: hint + wayBack, operation: run.id, ...open }, error)
  }
  await record(env, run, 'done', result.facts)
  env.changed?.(touchedBy(run.operation))
  return result.reply
}

/** The snapshots that it was about, and those it has made. */
function touchedBy({ provider, targets, result, undo }: Operation): string[] {
  const made = [result?.snapshot, undo?.kind === 'restore' ? undo.snapshot : undefined]
  const ids = made.flatMap((native) => (native === undefined ? [] : [fullId(provider, native)]))
  return [...targets.filter((target) => target.startsWith(`${provider}:`)), ...ids]
}

/** Where somebody can still find out what came of it. */
function findOut({ id, operation: { provider } }: Run): Pick<Problem, 'pending' | 'hint'> {
  const pending = fullId(provider, id)
  return { pending, hint: `snapshot_get with ${pending} and wait_seconds finds out what came of it.` }
}

/** A record that cannot be written must not turn what was done into an error, nor one error into another. */
async function record(
  env: Pick<Environment, 'log'>,
  run: Run,
  state: 'done' | 'failed' | 'unknown',
  facts?: Partial<Operation>,
) {
  try {
    await run.end(state, facts)
  } catch (error) {
    env.log.error('the outcome of an operation was not recorded', { operation: run.id, state, error })
  }
}

/** A destructive operation: what the guard has to know, and what to do once it agrees. */
export interface Job<P, R> {
  request: Omit<GuardRequest<P>, 'operation' | 'plan'>
  plan(ctx: Context): Promise<Planned<P>>
  /** What was asked for, where somebody may have to take it up later. */
  record?: Pick<Beginning, 'capture' | 'restoring' | 'account'>
  /** Absent: the caller waits to the end. */
  wait?: Wait
  /** The way back, where it is known before the work starts. */
  undo?(planned: Planned<P>): Operation['undo']
  work(planned: Planned<P>, ctx: Context, run: Run): Promise<Result<R>>
}

export interface Wait {
  ms: number
  /** Which may be able to take up later what this process leaves. */
  provider: Provider
}

export type Done<R> = R & { status: 'done'; operation: string; undo?: Undo }

/** The work goes on, and this is what to ask for. */
export interface Pending {
  status: 'creating'
  operation: string
  pending: string
}

type Ended<R> = Done<R> | NotRun | Question

/** Asks the guard, and if it agrees: journals the intent, does the work, records the outcome. */
export async function executeGuarded<P, R>(
  env: Environment,
  caller: Caller,
  job: Job<P, R> & { wait: Wait },
): Promise<Ended<R> | Pending>
export async function executeGuarded<P, R>(
  env: Environment,
  caller: Caller,
  job: Job<P, R> & { wait?: never },
): Promise<Ended<R>>
export async function executeGuarded<P, R>(
  env: Environment,
  caller: Caller,
  { request, plan, undo, work, record = {}, wait }: Job<P, R>,
): Promise<Ended<R> | Pending> {
  const operation = env.operations.newId()
  const ctx = contextFor(env, caller, operation)
  const verdict = await authorize(env, { ...request, operation, plan: () => plan(ctx) }, caller)
  if (verdict.kind === 'reply') return verdict.reply
  if (verdict.kind === 'question') return verdict.question

  const { planned, passed, settle } = verdict
  const wayBack = undo?.(planned)
  const beginning = {
    ...describe(request, caller),
    ...record,
    summary: planned.view.summary,
    lock: planned.lock,
    ...passed,
    doors: [...passed.doors],
    ...(wayBack && { undo: wayBack, undo_until: undoUntil(env, planned) }),
  }
  const run = await beforeChange(env.operations.begin(operation, beginning)).catch(async (error) => {
    await settle('failed')
    throw error
  })
  const carryOut = async (reach: Reach): Promise<Done<R>> => {
    let outcome: Ending = 'failed'
    let removed: Removed | undefined
    try {
      const stillHeld = () => beforeChange(verdict.stillHeld())
      const reply = await alive(env, wait?.provider, run, () =>
        execute(env, run, async () => {
          await stillHeld()
          const result = await work(planned, { ...ctx, ...reach, note: noting(run), stillHeld }, run)
          removed = result.removed
          return result
        }),
      )
      outcome = 'done'
      const { undo: way, undo_until: until } = run.operation
      return { ...reply, status: 'done', operation, ...(way && until && { undo: { operation, until } }) }
    } catch (error) {
      if (run.operation.state === 'unknown') outcome = 'unknown'
      throw error
    } finally {
      await settle(outcome, removed)
    }
  }
  if (!wait) return carryOut(caller)
  const pending = fullId(request.provider, operation)
  const how = {
    operation,
    pending,
    caller,
    ...howItRuns(wait.provider),
    finishes: !wait.provider.resume,
  }
  const done = await env.background.start(how, carryOut).within(wait.ms)
  return done ?? { status: 'creating', operation, pending }
}

/** Where the work can be taken up it goes on, whoever waits for it. */
export const howItRuns = ({ resume }: Provider): Pick<Start, 'runs'> => ({
  runs: resume ? 'on_its_own' : 'with_call',
})

/** Puts what a provider notes on record. Until that is written, nothing has been sent. */
export const noting =
  (run: Run): NonNullable<Context['note']> =>
  (facts) =>
    run.note({ facts })

export function undoUntil(
  { clock }: Pick<Environment, 'clock'>,
  { view }: Partial<Planned<unknown>>,
): string {
  return view?.undo_until ?? new Date(clock() + UNDO_MS).toISOString()
}

async function authorize<P>(env: Environment, request: GuardRequest<P>, caller: Caller): Promise<Verdict<P>> {
  try {
    return await beforeChange(env.guard.authorize(request, caller))
  } catch (error) {
    // That a person said no belongs to the record as much as what was done.
    if (isNews(error)) {
      const summary = `Not agreed to by a person: ${request.type} ${request.targets.join(', ')}`
      await env.operations
        .declined(request.operation, { ...describe(request, caller), summary })
        .catch((cause) => env.log.warn('a refusal was not recorded', { error: cause }))
    }
    throw await asRecorded(env, error, caller)
  }
}

function isNews(error: unknown): boolean {
  if (!(error instanceof SnapshotError) || error.code !== 'APPROVAL_DECLINED') return false
  return (error.problem.details as { repeated?: true } | undefined)?.repeated !== true
}

/** A process may be killed when its operation has ended and the plan does not say so yet: the record tells how. */
async function asRecorded({ operations }: Environment, error: unknown, { principal }: Caller) {
  if (!(error instanceof SnapshotError) || error.code !== 'PLAN_CONSUMED') return error
  const { operation = '' } = error.problem
  const state = (await operations.find(operation, principal))?.operation.state
  return state === undefined || state === 'running' ? error : usedBy(operation, state)
}

function describe(
  { type, provider, targets }: Pick<GuardRequest<unknown>, 'type' | 'provider' | 'targets'>,
  caller: Caller,
) {
  const { principal, client } = caller
  return { type, provider, targets: [...targets], principal, ...(client && { client }) }
}
