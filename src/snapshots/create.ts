import type { Caller } from './caller.ts'
import {
  chooseProvider,
  contextFor,
  type Environment,
  optionsFor,
  release,
  sourceLock,
} from './environment.ts'
import { beforeChange, fail, SnapshotError } from './errors.ts'
import { execute } from './execute.ts'
import { claimKey, isRepeat } from './idempotency.ts'
import { durationMs, type Source } from './model.ts'
import { problemOf, type Run } from './operations.ts'
import { creatingReply, whenMade } from './pending.ts'
import type { CreateRequest, CreateResult, Provider } from './provider.ts'
import type { CreateReply } from './replies.ts'
import type { CreateArgs } from './requests.ts'

const COMMON = ['source', 'provider', 'name', 'note', 'labels', 'ttl', 'wait_seconds', 'idempotency_key']

export interface Creates {
  create(args: CreateArgs, caller: Caller): Promise<CreateReply>
  /** Stops the captures that go on in the background and waits for their end. */
  close(): Promise<void>
}

export function createCreates(env: Environment): Creates {
  const running = new Set<Capture>()

  async function create(args: CreateArgs, caller: Caller): Promise<CreateReply> {
    const provider = await chooseProvider(env, args.provider, args.source)
    await env.guard.permit({ type: 'create', provider: provider.name }, caller)
    const options = optionsFor(args, COMMON, provider.name)
    const id = env.operations.newId()
    const source = await provider.resolveSource(args.source, contextFor(env, caller, id))
    const request: CreateRequest = {
      source,
      name: args.name ?? defaultName(source, env.clock()),
      ...(args.note !== undefined && { note: args.note }),
      labels: args.labels ?? {},
      ...(args.ttl && { expires_at: new Date(env.clock() + durationMs(args.ttl)).toISOString() }),
      auto: false,
      protected: false,
      ...(options && { options }),
    }
    // Before anything is on record: a loop beyond the quota must not fill the disk with records.
    if (!(await isRepeat(env, caller.principal, args.idempotency_key)))
      await beforeChange(env.guard.checkCharge(spendingOf(provider, source, caller), caller))
    const run = await beforeChange(begin(provider, request, id, caller))
    const owner = await beforeChange(ownerOf(args, caller, run))
    if (owner !== id) {
      await env.operations.discard(id)
      return follow(provider, owner, args.wait_seconds * 1000, caller)
    }
    const started = performance.now()
    const capture = startCapture(provider, request, run, caller)
    const result = await within(capture.result, args.wait_seconds * 1000)
    capture.detach()
    if (!result) return creatingReply(provider, { id, version: 0, operation: run.operation })

    const left = args.wait_seconds * 1000 - (performance.now() - started)
    const snapshot = await whenMade(provider, result.snapshot, left, contextFor(env, caller, id))
    const { receipt } = result
    const status = snapshot.state === 'creating' ? 'creating' : 'done'
    return { status, operation: id, snapshot, ...(receipt && { receipt }) }
  }

  function begin(
    provider: Provider,
    request: CreateRequest,
    id: string,
    { principal, client }: Caller,
  ): Promise<Run> {
    const { source, name, note, labels, expires_at } = request
    return env.operations.begin(id, {
      type: 'create',
      provider: provider.name,
      principal,
      ...(client && { client }),
      summary: `Capture ${source.name} as "${name}"`,
      targets: [`${source.kind}:${source.id}`],
      capture: {
        source,
        name,
        labels,
        ...(note !== undefined && { note }),
        ...(expires_at && { expires_at }),
      },
    })
  }

  /** The operation whose result this call returns: its own, unless its key was used before. */
  async function ownerOf(args: CreateArgs, { principal }: Caller, run: Run): Promise<string> {
    const { idempotency_key: key, wait_seconds, ...rest } = args
    if (key === undefined) return run.id
    try {
      return await claimKey(env, { principal, key, args: rest, operation: run.id })
    } catch (error) {
      await env.operations.discard(run.id)
      throw error
    }
  }

  /** The result of an earlier call with the same key. */
  async function follow(
    provider: Provider,
    owner: string,
    wait_ms: number,
    caller: Caller,
  ): Promise<CreateReply> {
    const found = await env.operations.settled(owner, caller.principal, wait_ms, caller.signal)
    if (!found) throw fail('NOT_FOUND', `The record of ${owner} is gone.`, 'Use a new idempotency_key.')
    const { result } = found.operation
    if (found.operation.state === 'running') return creatingReply(provider, found)
    if (!result) throw new SnapshotError(problemOf(found))
    const snapshot = await provider.get(result.snapshot, contextFor(env, caller, owner))
    return { status: 'done', operation: owner, snapshot, ...(result.receipt && { receipt: result.receipt }) }
  }

  interface Capture {
    result: Promise<CreateResult>
    /** From now on it belongs to nobody's call: the caller can neither cancel nor watch it any more. */
    detach(): void
    stop(): void
  }

  function startCapture(provider: Provider, request: CreateRequest, run: Run, caller: Caller): Capture {
    const stopper = new AbortController()
    const stop = () => stopper.abort()
    let watched = true
    if (caller.signal.aborted) stop()
    caller.signal.addEventListener('abort', stop, { once: true })
    const ctx = {
      ...contextFor(env, caller, run.id),
      signal: stopper.signal,
      progress: (...told: Parameters<Caller['progress']>) => void (watched && caller.progress(...told)),
    }
    const result = execute(env, run, async () => {
      const key = sourceLock(provider.name, request.source)
      const lock = await beforeChange(env.state.lock(key, { signal: ctx.signal }))
      try {
        await beforeChange(env.guard.charge(spendingOf(provider, request.source, caller), caller))
        const made = await provider.create(request, ctx)
        const snapshot = made.snapshot.id.slice(provider.name.length + 1)
        return {
          reply: made,
          facts: { result: { snapshot, ...(made.receipt && { receipt: made.receipt }) } },
        }
      } finally {
        await release(env, lock)
      }
    })
    const capture: Capture = {
      result,
      stop,
      detach() {
        watched = false
        caller.signal.removeEventListener('abort', stop)
      },
    }
    running.add(capture)
    // Once detached, nobody else looks at a failure: it is in the record of the operation.
    result.catch(() => {}).finally(() => running.delete(capture))
    return capture
  }

  return {
    create,
    async close() {
      for (const { stop } of running) stop()
      await Promise.allSettled([...running].map(({ result }) => result))
    },
  }
}

const spendingOf = ({ name }: Provider, source: Source, { principal }: Caller) => ({
  principal,
  sources: [sourceLock(name, source)],
})

/** The last part of the source's name and the time: `project 2026-11-21 14:03:22`. */
function defaultName({ name }: Source, now: number): string {
  const last = name.split(/[\\/]/).findLast((part) => part !== '') ?? name
  const clean = Array.from(last.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '?'))
    .slice(0, 50)
    .join('')
  return `${clean || 'snapshot'} ${new Date(now).toISOString().slice(0, 19).replace('T', ' ')}`
}

/** What the promise yields, or undefined when it takes longer. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer))
}
