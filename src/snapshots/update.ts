import type { Caller } from './caller.ts'
import { contextFor, type Environment, locate, shelfLock, unsupported } from './environment.ts'
import { fail } from './errors.ts'
import { execute } from './execute.ts'
import { durationMs } from './model.ts'
import type { UpdateRequest } from './provider.ts'
import type { SnapshotReply } from './replies.ts'
import type { UpdateArgs } from './requests.ts'

export async function update(env: Environment, args: UpdateArgs, caller: Caller): Promise<SnapshotReply> {
  const { snapshot: id, ...wanted } = args
  const { provider, native } = await locate(env, id)
  env.guard.permit('update', provider.name)
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
  const run = await env.operations.begin(env.operations.newId(), {
    type: 'update',
    provider: provider.name,
    principal: caller.principal,
    ...(caller.client && { client: caller.client }),
    summary: `Change ${fields.join(', ')} of ${id}`,
    targets: [id],
  })
  const snapshot = await execute(env, run, async () => {
    // Else a snapshot could become protected while it is being deleted.
    const lock = await env.state.lock(shelfLock(provider.name), { signal: caller.signal })
    try {
      return { reply: await change(native, requestOf(wanted, env.clock()), contextFor(env, caller, run.id)) }
    } finally {
      await lock.release()
    }
  })
  return { snapshot }
}

function requestOf({ ttl, ...fields }: Omit<UpdateArgs, 'snapshot'>, now: number): UpdateRequest {
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
  if (ttl === undefined) return given
  return { ...given, expires_at: ttl === 'never' ? null : new Date(now + durationMs(ttl)).toISOString() }
}
