import type { Planned } from '../guard/guard-api.ts'
import type { Caller, Question } from './caller.ts'
import {
  chooseProvider,
  contextFor,
  type Environment,
  optionsFor,
  release,
  sourceLock,
  waiting,
} from './environment.ts'
import { beforeChange, fail, SnapshotError } from './errors.ts'
import { execute, executeGuarded, howItRuns, noting, type Result } from './execute.ts'
import { claimKey, isRepeat } from './idempotency.ts'
import { durationMs, type Source } from './model.ts'
import { checkKept, nameFor } from './naming.ts'
import { type Operation, problemOf } from './operation.ts'
import { creatingReply, whenMade } from './pending.ts'
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
  if (!(await isRepeat(env, caller.principal, args.idempotency_key))) {
    // Before anything is on record: a loop beyond the quota must not fill the disk with records.
    await beforeChange(env.guard.checkCharge(spendingOf(call), caller))
    if (await provider.planCreate?.(request, ctx)) return createKnowingly(call)
  }
  return createAtOnce(call, id)
}

interface Call {
  env: Environment
  provider: Provider
  args: CreateArgs
  request: CreateRequest
  caller: Caller
}

async function createAtOnce(call: Call, id: string): Promise<Created> {
  const { env, provider, args, request, caller } = call
  const run = await beforeChange(
    env.operations.begin(id, {
      type: 'create',
      provider: provider.name,
      principal: caller.principal,
      ...(caller.client && { client: caller.client }),
      summary: `Capture ${request.source.name} as "${request.name}"`,
      targets: [`${request.source.kind}:${request.source.id}`],
      ...recordOf(request),
    }),
  )
  const owner = await beforeChange(ownerOf(call, id)).catch(async (error) => {
    await env.operations.discard(id)
    throw error
  })
  if (owner !== id) {
    await env.operations.discard(id)
    return follow(call, owner)
  }
  const started = performance.now()
  const wait = waiting(provider, args.wait_seconds)
  const how = { operation: id, caller, ...howItRuns(wait), finishes: false }
  const task = env.background.start(how, (reach) => {
    const ctx = { ...contextFor(env, caller, id), ...reach, note: noting(run) }
    return execute(env, run, () => locked(call, ctx, () => capture(call, ctx)))
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
    record: recordOf(request),
    wait: waiting(provider, wait_seconds),
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
    work: async (_, ctx, run) => {
      const owner = await beforeChange(ownerOf(call, run.id))
      if (owner !== run.id) throw keyTaken(owner)
      return capture(call, ctx)
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
function recordOf(request: CreateRequest): Required<Pick<Operation, 'capture'>> {
  const { auto, protected: _, ...capture } = request
  return { capture }
}

async function locked<R>({ env, provider, request }: Call, { signal }: Context, work: () => Promise<R>) {
  // Nobody works in an image.
  if (provider.capabilities.recipes.includes(request.source.kind)) return work()
  const key = sourceLock(provider.name, request.source)
  const lock = await beforeChange(env.state.lock(key, { signal }))
  try {
    return await work()
  } finally {
    await release(env, lock)
  }
}

async function capture(call: Call, ctx: Context): Promise<Result<CreateResult>> {
  const { env, provider, request, caller } = call
  await beforeChange(env.guard.charge(spendingOf(call), caller))
  return madeBy(provider, await provider.create(request, ctx))
}

/** What a create yields, for its reply and for its record. */
export function madeBy({ name }: Provider, made: CreateResult): Result<CreateResult> {
  const { snapshot, ...rest } = made
  return { reply: made, facts: { result: { snapshot: snapshot.id.slice(name.length + 1), ...rest } } }
}

/** The operation whose result this call returns: its own, unless its key was used before. */
async function ownerOf({ env, args, caller: { principal } }: Call, operation: string): Promise<string> {
  const { idempotency_key: key, wait_seconds, confirmation, ...rest } = args
  return key === undefined ? operation : claimKey(env, { principal, key, args: rest, operation })
}

/** The result of an earlier call with the same key. */
async function follow(call: Call, owner: string): Promise<Created> {
  const { env, provider, args, caller } = call
  const { principal, signal } = caller
  await env.resumption.takeUp(provider, owner)
  const found = await env.operations.settled(owner, principal, args.wait_seconds * 1000, signal)
  if (!found) throw fail('NOT_FOUND', `The record of ${owner} is gone.`, 'Use a new idempotency_key.')
  const { result, state } = found.operation
  if (state === 'running') return creatingReply(provider, found)
  if (!result) throw new SnapshotError(problemOf(found))
  const { snapshot: native, ...rest } = result
  const snapshot = await provider.get(native, contextFor(env, caller, owner))
  return { status: 'done', operation: owner, ...rest, snapshot }
}

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
