import type { Caller } from './caller.ts'
import { contextFor, type Environment, namesOf } from './environment.ts'
import { toProblem } from './errors.ts'
import { type StoredOperation, stateOf, viewOf } from './operations.ts'
import type { Context } from './provider.ts'
import type { StatusReply } from './replies.ts'
import type { StatusArgs } from './requests.ts'

/** How many of the last operations are shown. */
const LAST = 10

export async function status(env: Environment, args: StatusArgs, caller: Caller): Promise<StatusReply> {
  const ctx = contextFor(env, caller, env.operations.newId())
  const [providers, operations] = await Promise.all([
    Promise.all(namesOf(env, args.provider).map((name) => healthOf(env, name, ctx))),
    env.operations.list(caller.principal),
  ])
  const shown = operations.filter(({ operation }) => !args.provider || operation.provider === args.provider)
  const undoable = shown.filter((stored) => canBeUndone(stored, operations, env.clock()))
  return {
    providers,
    policy: env.guard.describe(),
    operations: shown.slice(0, LAST).map(viewOf),
    undoable: undoable.slice(0, LAST).map(viewOf),
  }
}

type ProviderStatus = StatusReply['providers'][number]

/** A provider that is down is one line of the answer, not its end. */
async function healthOf({ registry }: Environment, name: string, ctx: Context): Promise<ProviderStatus> {
  let capabilities = {}
  try {
    const provider = await registry.get(name)
    capabilities = { ...provider.capabilities }
    return { name, capabilities, ...(await provider.health(ctx)) }
  } catch (error) {
    const { code, message } = toProblem(error)
    return { name, capabilities, healthy: false, error: { code, message } }
  }
}

function canBeUndone({ operation }: StoredOperation, all: readonly StoredOperation[], now: number): boolean {
  const { undo, undo_until, undone_by } = operation
  if (!undo || !undo_until || now >= Date.parse(undo_until) || stateOf(operation) === 'running') return false
  const by = all.find(({ id }) => id === undone_by)
  return !by || !['running', 'done'].includes(stateOf(by.operation))
}
