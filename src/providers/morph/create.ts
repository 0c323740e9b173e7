import { z } from 'zod'
import type { Interrupted } from '../../snapshots/interrupted.ts'
import { Source } from '../../snapshots/model.ts'
import type { Context, CreateRequest, CreateResult } from '../../snapshots/provider.ts'
import { MorphCreate } from '../../snapshots/requests.ts'
import { neverBegun } from '../refusals.ts'
import { whenBranched } from './branch.ts'
import { failure, MORPH, type Morph } from './engine.ts'
import {
  type Begun,
  digestOf,
  findMade,
  type Known,
  make,
  type Options,
  type Order,
  reuseWarning,
} from './making.ts'
import { checkLabels } from './metadata.ts'
import { whenReady } from './ready.ts'
import { toSnapshot } from './view.ts'
import type { MorphSnapshot } from './wire.ts'

/** What is noted on the way: the snapshot, and what was started with it, as soon as it is known which they are. */
const Noted = z.object({ snapshot: z.string().optional(), copies: z.array(Source).optional() }).catch({})

/**
 * Makes a snapshot and waits until it is ready. It carries the operation in its metadata, by which it is found again,
 * and, unless the caller has chosen one, a digest of the operation, by which a request that arrives twice makes one.
 */
export async function create(morph: Morph, request: CreateRequest, ctx: Context): Promise<CreateResult> {
  const options = MorphCreate.parse(request.options ?? {})
  checkLabels(request.labels)
  checkOptions(request, options)
  const order = { request, options, operation: ctx.operation }
  const present = await bearer(morph, options, ctx)
  if (present) return whenMade(morph, order, { id: present.id, seen: present }, ctx)

  await ctx.note?.({ digest: digestOf(order) })
  await ctx.stillHeld?.()
  return noteAndWait(morph, order, await make(morph, order, ctx), ctx)
}

/** Takes up a create that has begun. Sends nothing that makes anything. */
export async function resumeCreate(
  morph: Morph,
  { facts, operation, request }: Interrupted<CreateRequest>,
  context: Context,
): Promise<CreateResult> {
  const ctx = { ...context, operation }
  const order = { request, options: MorphCreate.parse(request.options ?? {}), operation }
  if (facts === undefined) throw neverBegun('snapshot_create', MORPH)
  const { snapshot, copies } = Noted.parse(facts)
  if (snapshot !== undefined) return whenMade(morph, order, { id: snapshot, copies }, ctx)
  const found = await findMade(morph, order, ctx)
  if (!found) throw neverBegun('snapshot_create', MORPH)
  return noteAndWait(morph, order, found, ctx)
}

async function noteAndWait(morph: Morph, order: Order, { snapshot: seen, copies }: Begun, ctx: Context) {
  await ctx.note?.({ snapshot: seen.id, copies })
  return whenMade(morph, order, { id: seen.id, seen, copies }, ctx)
}

async function whenMade(morph: Morph, order: Order, known: Known, ctx: Context): Promise<CreateResult> {
  if (order.options.branch !== undefined) return whenBranched(morph, order, known, ctx)
  const made = await whenReady(morph, known.id, ctx, known.seen)
  const warnings = reuseWarning(made, order.operation)
  return { snapshot: toSnapshot(made), ...(warnings.length > 0 && { warnings }) }
}

/**
 * What stands for a digest already, as Morph sees it; what comes back of a failed one is judged when it comes. A branch
 * is sent all the same: its copies are not there yet.
 */
async function bearer(
  { api }: Morph,
  { digest, branch }: Options,
  ctx: Context,
): Promise<MorphSnapshot | undefined> {
  if (digest === undefined || branch !== undefined) return undefined
  const all = await api.snapshots({ digest }, ctx)
  return all.find(({ status }) => status === 'ready') ?? all.find(({ status }) => status === 'pending')
}

function checkOptions({ source }: CreateRequest, options: Options): void {
  const { vcpus, memory_mb, disk_mb, branch } = options
  if (source.kind === 'image' && branch !== undefined)
    throw failure(
      'INVALID_ARGUMENT',
      'Only a running instance can be branched: an image has none to copy. Nothing was changed.',
      'Leave "branch" out; snapshot_restore with mode:"new" and count starts copies of the snapshot.',
    )
  if (source.kind === 'image' || (vcpus ?? memory_mb ?? disk_mb) === undefined) return
  throw failure(
    'INVALID_ARGUMENT',
    'A snapshot of an instance has the resources of the instance: vcpus, memory_mb and disk_mb are for images. Nothing was changed.',
    'Leave them out; snapshot_restore with mode:"new" takes them, for a cold start.',
  )
}
