import type { Planned } from '../guard/guard-api.ts'
import { alive } from './alive.ts'
import type { Caller, Question } from './caller.ts'
import {
  chooseProvider,
  contextFor,
  type Environment,
  fullId,
  holding,
  optionsFor,
  release,
  sourceLock,
} from './environment.ts'
import { beforeChange, fail, SnapshotError } from './errors.ts'
import { execute, executeGuarded, howItRuns, noting, type Result } from './execute.ts'
import { claimKey, isRepeat } from './idempotency.ts'
import { durationMs, type Source } from './model.ts'
import { checkKept, nameFor } from './naming.ts'
import { type Operation, problemOf } from './operation.ts'
import { creatingReply, whenMade } from './pending.ts'
import { plain } from './plain.ts'
import type { Context, CreatePlan, CreateRequest, CreateResult, Provider } from './provider.ts'
import type { Created, CreateReply } from './replies.ts'
import type { CreateArgs } from './requests.ts'

const COMMON = [
  'source',
  'provider',
  'name',
  'note',
  'labels',
  'ttl',
  'wait_seconds',
  'idempotency_key',
  'confirmation',
]

export async function create(
  env: Environment,
  args: CreateArgs,
  caller: Caller,
): Promise<CreateReply | Question> {
  const provider = await chooseProvider(env, args.provider, args.source)
  await env.guard.permit({ type: 'create', provider: provider.name }, caller)
  const options = optionsFor(args, COMMON, provider.name)
  checkKept(provider, args)
  const id = env.operations.newId()
  const ctx = contextFor(env, caller, id)
  const source = await provider.resolveSource(args.source, ctx)
  const request: CreateRequest = {
    source,
    name: nameFor(provider, args.name, source, { now: env.clock(), operation: id }),
    ...(args.note !== undefined && { note: args.note }),
    labels: args.labels ?? {},
    ...(args.ttl && { expires_at: new Date(env.clock() + durationMs(args.ttl)).toISOString() }),
    auto: false,
    protected: false,
    ...(options && { options }),
  }
  const call = { env, provider, args, request, caller }
  const repeats = await beforeChange(isRepeat(env, caller.principal, args.idempotency_key))
  if (!repeats) {
    // Before anything is on record: a loop beyond the quota must not fill the disk with records.
    await beforeChange(env.guard.checkCharge(spendingOf(call), caller))
    // An answer counts, also where nobody need be asked any more.
    const isAnswer = args.confirmation !== undefined || caller.answer !== undefined
    if (isAnswer || (await provider.planCreate?.(request, ctx))) return createKnowingly(call)
  }
  // What seemed to repeat an earlier call does not, if that one came to nothing meanwhile: then it is looked at anew.
  return (await createAtOnce(call, id, repeats)) ?? create(env, args, caller)
}

interface Call {
  env: Environment
  provider: Provider
  args: CreateArgs
  request: CreateRequest
  caller: Caller
}

/** Undefined when it `repeats` an earlier call, or follows one, that left nothing to return. */
async function createAtOnce(call: Call, id: string, repeats: boolean): Promise<Created | undefined> {
  const { env, provider, args, request, caller } = call
  const run = await beforeChange(
    env.operations.begin(id, {
      type: 'create',
      provider: provider.name,
      principal: caller.principal,
      ...(caller.client && { client: caller.client }),
      summary: `Capture ${request.source.name} as "${request.name}"`,
      targets: [`${request.source.kind}:${request.source.id}`],
      ...recordOf(provider, request),
    }),
  )
  const owner = await beforeChange(ownerOf(call, id)).catch(async (error) => {
    await env.operations.discard(run)
    throw error
  })
  if (owner !== id || repeats) await env.operations.discard(run)
  if (owner !== id) return follow(call, owner)
  if (repeats) return undefined
  const started = performance.now()
  const wait = { ms: args.wait_seconds * 1000, provider }
  const pending = fullId(provider.name, id)
  const how = { operation: id, pending, caller, ...howItRuns(provider), finishes: false }
  const task = env.background.start(how, (reach) => {
    const ctx = { ...contextFor(env, caller, id), ...reach, note: noting(run) }
    return alive(env, provider, run, () =>
      execute(env, run, () => locked(call, ctx, (held) => capture(call, { ...ctx, ...held }))),
    )
  })
  const result = await task.within(wait.ms)
  if (!result) return creatingReply(provider, { id, version: 0, operation: run.operation })

  const left = wait.ms - (performance.now() - started)
  const snapshot = await whenMade(provider, result.snapshot, left, contextFor(env, caller, id))
  return { status: snapshot.state === 'creating' ? 'creating' : 'done', operation: id, ...result, snapshot }
}

/** A create that does more to its source than to read it runs as what may destroy does: when it was agreed to. */
async function createKnowingly(call: Call): Promise<CreateReply | Question> {
  const { env, provider, args, request, caller } = call
  const { wait_seconds, ...asked } = args
  const { source } = request
  const lock = sourceLock(provider.name, source)
  const reply = await executeGuarded(env, caller, {
    request: {
      type: 'create',
      provider: provider.name,
      targets: [`${source.kind}:${source.id}`],
      args: asked,
      confirmation: args.confirmation,
      confirm: 'always',
      repeatable: true,
    },
    record: recordOf(provider, request),
    wait: { ms: wait_seconds * 1000, provider },
    plan: async (ctx): Promise<Planned<CreatePlan | undefined>> => {
      const plan = await provider.planCreate?.(request, ctx)
      const { fingerprint, ...view } = plan ?? harmless(request)
      return {
        what: plan,
        view,
        fingerprint,
        lock,
        subject: source.id,
        ...(!plan && { idle: true }),
      }
    },
    work: async ({ what }, ctx, run) => {
      const owner = await beforeChange(ownerOf(call, run.id))
      if (owner !== run.id) throw keyTaken(owner)
      return capture(call, ctx, what)
    },
  })
  if (!('pending' in reply)) return reply
  const { operation } = reply
  const stored = await env.operations.find(operation, caller.principal)
  return stored ? creatingReply(provider, stored) : { status: 'creating', operation }
}

/** Of a create that turns out to leave its source alone: it was switched off meanwhile, say. */
const harmless = ({ source }: CreateRequest): CreatePlan => ({
  summary: `Capture ${source.name}.`,
  effects: {},
  reversible: true,
  warnings: [],
  fingerprint: '',
})

/** As somebody needs it who takes the create up later. */
function recordOf({ account }: Provider, request: CreateRequest): Pick<Operation, 'capture' | 'account'> {
  const { auto, protected: _, ...capture } = request
  return { capture, ...(account !== undefined && { account }) }
}

type Held = Pick<Context, 'stillHeld'>

async function locked<R>(
  { env, provider, request }: Call,
  { signal }: Context,
  work: (held: Held) => Promise<R>,
) {
  // Nobody works in an image.
  if (provider.capabilities.recipes.includes(request.source.kind)) return work({})
  const key = sourceLock(provider.name, request.source)
  const lock = await beforeChange(env.state.lock(key, { signal }))
  try {
    return await work({ stillHeld: holding(lock) })
  } finally {
    await release(env, lock)
  }
}

/** With the source locked. */
async function capture(call: Call, ctx: Context, agreed?: CreatePlan): Promise<Result<CreateResult>> {
  const { env, provider, request, caller } = call
  // The source may have changed while others were waited for: nothing is done to it that nobody has agreed to.
  const plan = await beforeChange(Promise.resolve(provider.planCreate?.(request, ctx)))
  if (plan && plan.fingerprint !== agreed?.fingerprint) throw planAppeared(plan)
  await beforeChange(env.guard.charge(spendingOf(call), caller))
  return madeBy(provider, await provider.create(request, ctx))
}

/** What a create yields, for its reply and for its record. */
export function madeBy({ name }: Provider, made: CreateResult): Result<CreateResult> {
  const { snapshot, ...rest } = made
  return { reply: made, facts: { result: { snapshot: snapshot.id.slice(name.length + 1), ...rest } } }
}

/** The operation whose result this call returns: its own, unless its key was used before. */
async function ownerOf(
  { env, provider, args, caller: { principal } }: Call,
  operation: string,
): Promise<string> {
  const { idempotency_key: key, wait_seconds, confirmation, ...rest } = args
  if (key === undefined) return operation
  // In another account it is another snapshot.
  const { account } = provider
  const said = account === undefined ? rest : { ...rest, account }
  return claimKey(env, { principal, key, args: said, operation })
}

/** The result of an earlier call with the same key. Undefined when it turned out to be none and was forgotten. */
async function follow(call: Call, owner: string): Promise<Created | undefined> {
  const { env, provider, args, caller } = call
  const { principal, signal } = caller
  await env.resumption.takeUp(provider, owner)
  const found = await env.operations.settled(owner, principal, args.wait_seconds * 1000, signal)
  if (!found) return undefined
  const { result, state } = found.operation
  if (state === 'running') return creatingReply(provider, found)
  if (!result) throw new SnapshotError(problemOf(found))
  const { snapshot: native, ...rest } = result
  const snapshot = await provider.get(native, contextFor(env, caller, owner))
  return { status: 'done', operation: owner, ...rest, snapshot }
}

const planAppeared = ({ summary }: CreatePlan) =>
  fail(
    'PLAN_STALE',
    `This would do more to its source than to read it by now: ${plain(summary, 500)} Nothing was changed.`,
    'Call snapshot_create again: it then shows its plan.',
  )

const keyTaken = (operation: string) =>
  fail(
    'CONFLICT',
    `This idempotency_key was used by ${operation} meanwhile. Nothing was done.`,
    'Repeat the call: it returns the result of that one.',
    { operation },
  )

const spendingOf = ({ provider, request, caller }: Call): { principal: string; sources: string[] } => ({
  principal: caller.principal,
  sources: [sourceOf(provider, request.source)],
})

const sourceOf = ({ name }: Provider, source: Source) => sourceLock(name, source)
