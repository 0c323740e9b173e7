import type { Caller } from './caller.ts'
import { contextFor, type Environment, namesOf } from './environment.ts'
import { SnapshotError, toProblem } from './errors.ts'
import { type Operation, type StoredOperation, viewOf } from './operation.ts'
import type { Context } from './provider.ts'
import type { StatusReply } from './replies.ts'
import type { StatusArgs } from './requests.ts'

/** How many of the last operations are shown. */
const LAST = 10

export async function status(env: Environment, args: StatusArgs, caller: Caller): Promise<StatusReply> {
  const ctx = contextFor(env, caller, env.operations.newId())
  // The operations last: a provider that is reached for ends those that were interrupted.
  const providers = await Promise.all(namesOf(env, args.provider).map((name) => healthOf(env, name, ctx)))
  const operations = await operationsOf(env, args, caller, ctx)
  return { providers, policy: env.guard.describe(), ...operations }
}

type Told = Pick<StatusReply, 'operations' | 'undoable' | 'errors'>

/** Records that cannot be read are one line of the answer, like a provider that is down. */
async function operationsOf(env: Environment, args: StatusArgs, caller: Caller, ctx: Context): Promise<Told> {
  try {
    const all = await env.operations.list(caller.principal)
    const wanted = all.filter(({ operation }) => !args.provider || operation.provider === args.provider)
    const shown = await withinReach(env, wanted, ctx)
    const undoable = shown.filter((stored) => canBeUndone(stored, all, env.clock()))
    return { operations: shown.slice(0, LAST).map(viewOf), undoable: undoable.slice(0, LAST).map(viewOf) }
  } catch (error) {
    if (!(error instanceof SnapshotError)) env.log.error('the operations cannot be told', { error })
    const { code, message } = toProblem(error)
    return { operations: [], undoable: [], errors: [{ code, message }] }
  }
}

/** Without what was done to sources that this server may not touch: another one, with other roots, shares the state. */
async function withinReach(env: Environment, all: readonly StoredOperation[], ctx: Context) {
  const asked = new Map<string, Promise<boolean>>()
  const mayBeShown = ({ operation }: StoredOperation) => {
    const source = sourceOf(operation)
    if (source === undefined) return true
    const key = `${operation.provider}:${source}`
    const known = asked.get(key) ?? isAllowed(env, operation.provider, source, ctx)
    asked.set(key, known)
    return known
  }
  const may = await Promise.all(all.map(mayBeShown))
  return all.filter((_, index) => may[index])
}

/** `kind:id` of what it captured or wrote to; undefined for one that deals with snapshots alone. */
function sourceOf({ provider, lock, capture }: Operation): string | undefined {
  if (capture) return `${capture.source.kind}:${capture.source.id}`
  const held = lock?.startsWith(`${provider}:`) ? lock.slice(provider.length + 1) : undefined
  return held?.includes(':') ? held : undefined
}

async function isAllowed({ registry }: Environment, name: string, source: string, ctx: Context) {
  try {
    const { capabilities, resolveSource } = await registry.get(name)
    const kind = source.slice(0, source.indexOf(':'))
    if (capabilities.rooted?.includes(kind)) await resolveSource(source, ctx)
    return true
  } catch (error) {
    return !(error instanceof SnapshotError && error.code === 'POLICY_DENIED')
  }
}

type ProviderStatus = StatusReply['providers'][number]

/** A provider that is down is one line of the answer, not its end. */
async function healthOf(
  { registry, resumption }: Environment,
  name: string,
  ctx: Context,
): Promise<ProviderStatus> {
  let capabilities = {}
  try {
    const provider = await registry.get(name)
    await resumption.takeUpAll(provider, 'now')
    capabilities = { ...provider.capabilities }
    return { name, capabilities, ...(await provider.health(ctx)) }
  } catch (error) {
    const { code, message } = toProblem(error)
    return { name, capabilities, healthy: false, error: { code, message } }
  }
}

function canBeUndone({ operation }: StoredOperation, all: readonly StoredOperation[], now: number): boolean {
  const { undo, undo_until, undone_by } = operation
  if (!undo || !undo_until || now >= Date.parse(undo_until) || operation.state === 'running') return false
  const by = all.find(({ id }) => id === undone_by)
  return !by || !['running', 'done'].includes(by.operation.state)
}
