import type { Caller } from './caller.ts'
import { contextFor, type Environment, locate, shelfLock, unsupported } from './environment.ts'
import { fail } from './errors.ts'
import { execute } from './execute.ts'
import { durationMs, type Snapshot } from './model.ts'
import type { Provider, UpdateRequest } from './provider.ts'
import type { SnapshotReply } from './replies.ts'
import type { UpdateArgs } from './requests.ts'

/** Time enough for a person to notice. */
const SOONEST_MS = durationMs('24h')

export async function update(env: Environment, args: UpdateArgs, caller: Caller): Promise<SnapshotReply> {
  const { snapshot: id, ...wanted } = args
  const { provider, native } = await locate(env, id)
  await env.guard.permit({ type: 'update', provider: provider.name }, caller)
  const fields = (Object.keys(wanted) as (keyof typeof wanted)[]).filter(
    (field) => wanted[field] !== undefined,
  )
  if (fields.length === 0) {
    throw fail(
      'INVALID_ARGUMENT',
      'There is nothing to change in this call.',
      'Give at least one of name, note, labels, ttl, protected.',
    )
  }
  const { update: change, capabilities } = provider
  const beyond = fields.find((field) => !capabilities.update.includes(field))
  if (!change || beyond) {
    const possible = capabilities.update.join(', ') || 'nothing'
    throw unsupported(
      provider.name,
      `change "${beyond ?? fields[0]}" of a snapshot`,
      `It can change: ${possible}.`,
    )
  }
  const operation = env.operations.newId()
  const ctx = contextFor(env, caller, operation)
  const request = requestOf(wanted, env.clock())
  // Else a snapshot could become protected while it is being deleted.
  const lock = await env.state.lock(shelfLock(provider.name), { signal: caller.signal })
  try {
    const before = await provider.get(native, ctx)
    await env.guard.permitChange(before, request, caller)
    if (request.expires_at) await checkExpiry(env, provider, request.expires_at, before, caller)
    const run = await env.operations.begin(operation, {
      type: 'update',
      provider: provider.name,
      principal: caller.principal,
      ...(caller.client && { client: caller.client }),
      summary: `Change ${fields.join(', ')} of ${id}`,
      targets: [id],
    })
    return {
      snapshot: await execute(env, run, async () => ({ reply: await change(native, request, ctx) })),
    }
  } finally {
    await lock.release()
  }
}

/** To let a snapshot expire, or earlier than it would, is to delete it later: allowed only where a delete would be. */
async function checkExpiry(
  env: Environment,
  { capabilities }: Provider,
  until: string,
  snapshot: Snapshot,
  caller: Caller,
) {
  const { id, expires_at } = snapshot
  const at = Date.parse(until)
  if (expires_at !== undefined && at >= Date.parse(expires_at)) return
  await env.guard.permitExpiry(snapshot, { reversible: capabilities.deletion === 'trash' }, caller)
  if (at - env.clock() >= SOONEST_MS) return
  throw fail(
    'INVALID_ARGUMENT',
    `An expiry that ${id} did not have, or an earlier one, must be at least 24h away. Nothing was changed.`,
    'Give a "ttl" of 24h or more, or call snapshot_delete, which shows its plan first.',
  )
}

function requestOf({ ttl, ...fields }: Omit<UpdateArgs, 'snapshot'>, now: number): UpdateRequest {
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
  if (ttl === undefined) return given
  return { ...given, expires_at: ttl === 'never' ? null : new Date(now + durationMs(ttl)).toISOString() }
}
