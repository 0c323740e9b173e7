import { setTimeout as sleep } from 'node:timers/promises'
import { fullId } from './environment.ts'
import { SnapshotError } from './errors.ts'
import type { Snapshot } from './model.ts'
import { problemOf, type StoredOperation } from './operation.ts'
import type { Context, Provider } from './provider.ts'
import type { Created } from './replies.ts'

/**
 * The snapshot of a capture that is under way or came to nothing, under the id `<provider>:<operation>`. It is told
 * from the record of the operation, so any process can tell it, also after a restart.
 */
export function pendingSnapshot({ capabilities, resume }: Provider, stored: StoredOperation): Snapshot {
  const { id, operation } = stored
  const { source, name, note, labels, expires_at } = operation.capture ?? {
    source: { kind: 'unknown', id: 'unknown', name: 'unknown' },
    name: operation.summary,
    labels: {},
  }
  const running = operation.state === 'running'
  // Somebody can still find out.
  const open = operation.state === 'unknown' && resume !== undefined
  const { code, message } = problemOf(stored)
  const isDone = operation.state === 'done'
  return {
    id: fullId(operation.provider, id),
    provider: operation.provider,
    name,
    ...(note !== undefined && { note }),
    state: running ? 'creating' : open || isDone ? 'unknown' : 'failed',
    captures: [...capabilities.captures],
    source,
    created_at: new Date(operation.started_at).toISOString(),
    labels,
    protected: false,
    auto: false,
    ...(expires_at !== undefined && { expires_at }),
    ...(!running && !isDone && { error: { code: operation.error ? code : 'INTERRUPTED', message } }),
    native: {},
  }
}

export function creatingReply(provider: Provider, stored: StoredOperation): Created {
  return { status: 'creating', operation: stored.id, snapshot: pendingSnapshot(provider, stored) }
}

/** Looks again at a snapshot that the provider is still making, until it is not or `wait_ms` have passed. */
export async function whenMade(
  provider: Provider,
  snapshot: Snapshot,
  wait_ms: number,
  ctx: Context,
): Promise<Snapshot> {
  let latest = snapshot
  const native = snapshot.id.slice(snapshot.id.indexOf(':') + 1)
  for (let waited = 0, pause = 250; latest.state === 'creating' && waited < wait_ms; waited += pause) {
    pause = Math.min(pause * 1.5, 3000, wait_ms - waited)
    const cancelled = await sleep(pause, false, { signal: ctx.signal }).catch(() => true)
    if (cancelled) break
    latest = await provider.get(native, ctx).catch((error: unknown) => {
      // What was made is made, also where it cannot be looked at just now.
      if (error instanceof SnapshotError) return latest
      throw error
    })
  }
  return latest
}
