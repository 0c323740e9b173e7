import { z } from 'zod'
import { digest } from '../../guard/digest.ts'
import type { Interrupted } from '../../snapshots/interrupted.ts'
import type { Snapshot } from '../../snapshots/model.ts'
import { plain, quotedName, someNames } from '../../snapshots/plain.ts'
import type { Context, RestorePlan, RestoreRequest, RestoreResult } from '../../snapshots/provider.ts'
import { MorphRestore } from '../../snapshots/requests.ts'
import { neverBegun, stalePlan } from '../refusals.ts'
import { copyNames, existingCopies, startCopies, type Wish } from './copies.ts'
import { failure, MORPH, type Morph } from './engine.ts'
import { toSnapshot } from './view.ts'

/** A restore is a new instance, or several: Morph puts nothing back into one that runs. */

export async function planRestore(
  { api }: Morph,
  request: RestoreRequest,
  ctx: Context,
): Promise<RestorePlan> {
  checkRequest(request)
  const snapshot = toSnapshot(await api.snapshot(request.snapshot, ctx))
  checkReady(snapshot)
  const { names, resources, ttl } = wishFor(request, snapshot.name, ctx.operation)
  const start = resources ? 'cold' : 'warm'
  const many = names.length === 1 ? 'a new instance' : `${names.length} new instances`
  return {
    request,
    snapshot,
    // Nothing that is there is written to: the lock is on the names of what is not there yet.
    target: { kind: 'instance', id: `new:${request.snapshot}:${names[0]}`, name: names[0]! },
    summary: `Start ${many}${someNames(names)}, ${start}, from ${quotedName(snapshot.name)} of ${snapshot.created_at}. What runs now stays as it is.`,
    effects: {
      mode: 'new',
      start,
      instances: names,
      from: snapshot.id,
      ...(resources && { resources }),
      ...ttl,
    },
    reversible: true,
    warnings: warningsFor(snapshot, ttl.ttl_seconds),
    fingerprint: fingerprintOf(snapshot),
  }
}

export async function restore(morph: Morph, plan: RestorePlan, ctx: Context): Promise<RestoreResult> {
  const { request, fingerprint, warnings } = plan
  checkRequest(request)
  const snapshot = toSnapshot(await morph.api.snapshot(request.snapshot, ctx))
  if (fingerprintOf(snapshot) !== fingerprint) throw stalePlan(MORPH)
  const wish = wishFor(request, snapshot.name, ctx.operation)
  return { targets: await startCopies(morph, wish, [], ctx), warnings }
}

/** What is noted on the way, see `copies.ts`. */
const Noted = z.object({
  names: z.array(z.string()),
  instances: z.array(z.string()),
  sending: z.number().optional(),
})

/** Takes up a restore that has begun: makes the copies that are missing, and says so. */
export async function resumeRestore(
  morph: Morph,
  { facts, operation, request }: Interrupted<RestoreRequest>,
  context: Context,
): Promise<RestoreResult> {
  const ctx = { ...context, operation }
  if (facts === undefined) throw neverBegun('snapshot_restore', MORPH)
  const noted = Noted.parse(facts)
  const made = await existingCopies(morph, noted, ctx)
  const wish = { ...wishFor(request, '', operation), names: noted.names }
  const targets = await startCopies(morph, wish, made, ctx)
  const late = lateWarning(targets.length - made.length, targets.length)
  return { targets, warnings: [...late, ...lifetimeWarning(wish.ttl.ttl_seconds)] }
}

function wishFor(request: RestoreRequest, fallback: string, operation: string): Wish {
  const { snapshot, to = fallback, count, options } = request
  const { vcpus, memory_mb: memory, disk_mb: disk_size, ...ttl } = MorphRestore.parse(options ?? {})
  const names = copyNames(to, count)
  const cold = (vcpus ?? memory ?? disk_size) !== undefined
  return { snapshot, operation, names, ttl, ...(cold && { resources: { vcpus, memory, disk_size } }) }
}

function checkRequest({ mode, paths, options }: RestoreRequest): void {
  if (mode !== 'new')
    throw failure(
      'UNSUPPORTED',
      'Morph cannot put a snapshot back into an instance. Nothing was changed.',
      'Use mode:"new": it starts a new instance from the snapshot; stop the old one then.',
    )
  if (paths)
    throw failure(
      'UNSUPPORTED',
      'Morph cannot restore chosen paths. Nothing was changed.',
      'Leave "paths" out, and copy them from the new instance.',
    )
  const { ttl_seconds, ttl_action } = MorphRestore.parse(options ?? {})
  if (ttl_action !== undefined && ttl_seconds === undefined)
    throw failure(
      'INVALID_ARGUMENT',
      'ttl_action says what is done when ttl_seconds are over, and those are missing. Nothing was changed.',
      'Give ttl_seconds, too, or leave ttl_action out.',
    )
}

function checkReady({ id, state, native }: Snapshot): void {
  if (state === 'ready') return
  const what = `${plain(id)} is not ready, but ${plain(String(native.status), 30)}. Nothing was changed.`
  if (state === 'creating')
    throw failure('BUSY', what, 'Call snapshot_get with wait_seconds, then snapshot_restore again.')
  throw failure('CONFLICT', what, 'Choose another one: snapshot_list with state "ready" lists them.')
}

function warningsFor({ expires_at }: Snapshot, ttlSeconds: number | undefined): string[] {
  const renewed = `The time to live of the snapshot starts anew with each use; without this one it ends at ${expires_at}.`
  return [...lifetimeWarning(ttlSeconds), ...(expires_at === undefined ? [] : [renewed])]
}

const lifetimeWarning = (ttlSeconds: number | undefined) =>
  ttlSeconds === undefined
    ? ['A new instance costs until somebody stops it; morph.ttl_seconds has it stopped by itself.']
    : []

/** Whoever asked for them may not expect them any more. */
const lateWarning = (late: number, count: number) =>
  late > 0
    ? [
        `${late} of ${count} copies were started only now, when what an earlier process had left was taken up.`,
      ]
    : []

/** Not of its expiry, which moves whenever it is used. */
const fingerprintOf = ({ id, name, state, created_at }: Snapshot) => digest({ id, name, state, created_at })
