import { digest } from '../../guard/digest.ts'
import { fail, SnapshotError, toProblem } from '../../snapshots/errors.ts'
import type { Snapshot } from '../../snapshots/model.ts'
import { plain, quotedName } from '../../snapshots/plain.ts'
import type { Context, DeletePlan, DeleteResult } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { GONE_MS } from './assumptions.ts'
import type { Morph } from './engine.ts'
import { nativeId, toSnapshot } from './view.ts'
import { waitFor } from './waits.ts'
import type { Instance } from './wire.ts'

/** NOT_FOUND for any that is not there, PROTECTED for any that must stay. */
export async function planDelete({ api }: Morph, ids: readonly string[], ctx: Context): Promise<DeletePlan> {
  const snapshots: Snapshot[] = []
  for (const id of new Set(ids)) snapshots.push(toSnapshot(await api.snapshot(id, ctx)))
  for (const snapshot of snapshots) checkUnprotected(snapshot)
  const users = usersOf(snapshots, await api.instances({}, ctx))
  const facts = snapshots.map(({ id, name, state, created_at, source }) => ({
    id,
    name,
    state,
    created_at,
    source: `${source.kind}:${source.id}`,
  }))
  return {
    snapshots,
    summary: `Delete ${snapshots.length} ${snapshots.length === 1 ? 'snapshot' : 'snapshots'} at Morph for good: ${listed(snapshots)}.`,
    effects: { snapshots: facts, ...(users.length > 0 && { instances: users }) },
    reversible: false,
    warnings: warningsFor(users),
    fingerprint: digest({ facts, users }),
  }
}

/** Each is looked at once more; those that Morph has accepted are waited for together, until they are gone. */
export async function deleteSnapshots(
  morph: Morph,
  { snapshots }: DeletePlan,
  ctx: Context,
): Promise<DeleteResult> {
  const result: DeleteResult = { deleted: [], failed: [] }
  const leaving: string[] = []
  for (const id of snapshots.map(nativeId)) {
    try {
      if (await remove(morph, id, ctx)) leaving.push(id)
      else result.deleted.push(id)
    } catch (error) {
      if (!(error instanceof SnapshotError)) throw error
      if (error.code === 'CANCELLED') throw interrupted(error, [...result.deleted, ...leaving])
      const { code, message } = toProblem(error)
      result.failed.push({ snapshot: id, code, message })
    }
  }
  const left = await waitUntilGone(morph, leaving, ctx)
  for (const id of leaving.filter((each) => left.has(each)))
    result.failed.push({ snapshot: id, code: 'TIMEOUT', message: ACCEPTED })
  const gone = new Set([...result.deleted, ...leaving].filter((id) => !left.has(id)))
  return { ...result, deleted: snapshots.map(nativeId).filter((id) => gone.has(id)) }
}

const ACCEPTED = 'Morph has accepted the deletion, but still shows the snapshot.'

/** Whether there is something to wait for: what is gone already needs no deleting. */
async function remove({ api }: Morph, id: string, ctx: Context): Promise<boolean> {
  try {
    checkUnprotected(toSnapshot(await api.snapshot(id, ctx)))
    await api.deleteSnapshot(id, ctx)
    return true
  } catch (error) {
    if (error instanceof SnapshotError && error.code === 'NOT_FOUND') return false
    throw error
  }
}

/** Yields those that are still there. */
async function waitUntilGone(
  { api, ...clock }: Morph,
  ids: readonly string[],
  ctx: Context,
): Promise<Set<string>> {
  const left = new Set(ids)
  if (left.size === 0) return left
  const isGone = (id: string, call: CallContext) =>
    api.snapshot(id, call).then(
      () => false,
      (error: unknown) => {
        if (error instanceof SnapshotError && error.code === 'NOT_FOUND') return true
        throw error
      },
    )
  const read = async (call: CallContext) => {
    for (const id of left) if (await isGone(id, call)) left.delete(id)
    return left.size
  }
  const describe = (count: number) => `Morph deletes the snapshots, ${count} of ${ids.length} are still there`
  try {
    const wait = { what: 'The deletion', read, settled: (count: number) => count === 0, describe }
    await waitFor<number>({ ...wait, timeoutMs: GONE_MS }, clock, ctx)
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error
    if (error.code === 'CANCELLED') throw interrupted(error, ids)
  }
  return left
}

/** What was asked for cannot be taken back: the caller has to know of it. */
function interrupted(error: SnapshotError, sent: readonly string[]): SnapshotError {
  if (sent.length === 0) return error
  return new SnapshotError(
    {
      ...error.problem,
      message: `The wait was cancelled. Morph was told to delete ${sent.length} already: ${sent.map((id) => `morph:${plain(id, 80)}`).join(', ')}.`,
      hint: 'snapshot_list shows what is left.',
      outcome: 'unknown',
      retryable: false,
      details: { sent },
    },
    error,
  )
}

function checkUnprotected({ id, name, protected: kept }: Snapshot): void {
  if (!kept) return
  throw fail(
    'PROTECTED',
    `${plain(id)} (${quotedName(name)}) is protected. It was not deleted.`,
    'Leave it out. Only a person can lift the protection, with snapshot-mcp unprotect.',
  )
}

interface User {
  instance: string
  snapshot: string
}

const usersOf = (snapshots: readonly Snapshot[], instances: readonly Instance[]): User[] => {
  const ids = new Set(snapshots.map(nativeId))
  return instances.flatMap(({ id, refs }) => {
    const snapshot = refs?.snapshot_id ?? ''
    return ids.has(snapshot) ? [{ instance: id, snapshot: `morph:${snapshot}` }] : []
  })
}

function warningsFor(users: readonly User[]): string[] {
  if (users.length === 0) return []
  const [first] = users
  const others = users.length > 1 ? ` and ${users.length - 1} more` : ''
  return [
    `Instance ${plain(first!.instance, 80)}${others} was started from what is to be deleted: it cannot be started from there again.`,
  ]
}

/** Counted first: how many there are must not be for a name to hide. */
function listed(snapshots: readonly Snapshot[]): string {
  const shown = snapshots
    .slice(0, 3)
    .map(({ id, name, created_at }) => `${quotedName(name)} of ${created_at} (...${plain(id.slice(-6))})`)
  const rest = snapshots.length - shown.length
  return shown.join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}
