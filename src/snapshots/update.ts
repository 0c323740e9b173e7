import type { Caller } from './caller.ts'
import { contextFor, type Environment, locate, release, shelfLock, unsupported } from './environment.ts'
import { beforeChange, fail } from './errors.ts'
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
  const now = env.clock()
  const request = requestOf(wanted, now)
  // Else a snapshot could become protected while it is being deleted.
  const lock = await beforeChange(env.state.lock(shelfLock(provider.name), { signal: caller.signal }))
  try {
    const before = await provider.get(native, ctx)
    await env.guard.permitChange(before, request, caller)
    const expiry = { at: request.expires_at, now, operation }
    const settle = await beforeChange(permitExpiry(env, provider, expiry, before, caller))
    const beginning = {
      type: 'update' as const,
      provider: provider.name,
      principal: caller.principal,
      ...(caller.client && { client: caller.client }),
      summary: `Change ${fields.join(', ')} of ${id}`,
      targets: [id],
    }
    let outcome: 'done' | 'failed' = 'failed'
    try {
      const run = await beforeChange(env.operations.begin(operation, beginning))
      const snapshot = await execute(env, run, async () => ({ reply: await change(native, request, ctx) }))
      outcome = 'done'
      return { snapshot }
    } finally {
      await settle?.(outcome)
    }
  } finally {
    await release(env, lock)
  }
}

/** To let a snapshot expire, or earlier than it would, is to delete it later: allowed only where a delete would be. */
async function permitExpiry(
  { guard }: Environment,
  { capabilities }: Provider,
  { at, now, operation }: { at: string | null | undefined; now: number; operation: string },
  snapshot: Snapshot,
  caller: Caller,
) {
  if (!at) return undefined
  const { id, expires_at } = snapshot
  if (expires_at !== undefined && Date.parse(at) >= Date.parse(expires_at)) return undefined
  const reversible = capabilities.deletion === 'trash'
  if (Date.parse(at) - now >= SOONEST_MS)
    return guard.permitExpiry(snapshot, { reversible, at, operation }, caller)
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
