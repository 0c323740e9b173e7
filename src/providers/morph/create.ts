import { z } from 'zod'
import { fail } from '../../snapshots/errors.ts'
import type { Interrupted } from '../../snapshots/interrupted.ts'
import type { Context, CreateRequest, CreateResult } from '../../snapshots/provider.ts'
import { MorphCreate } from '../../snapshots/requests.ts'
import type { CallContext } from '../http/exchange.ts'
import { lookFor, sendOnce } from '../once.ts'
import { neverBegun } from '../refusals.ts'
import { MORPH, type Morph } from './engine.ts'
import { lifetime } from './lifetime.ts'
import { checkLabels, isOf, KEY, metadataFor } from './metadata.ts'
import { whenReady } from './ready.ts'
import { toSnapshot } from './view.ts'
import type { MorphSnapshot } from './wire.ts'

type Options = z.infer<typeof MorphCreate>

/** What is noted on the way: the snapshot as soon as it is known which one it is. */
const Noted = z.object({ snapshot: z.string().optional() }).catch({})

/**
 * Makes a snapshot and waits until it is ready. It carries the operation in its metadata, by which it is found again,
 * and, unless the caller has chosen one, a digest of the operation, by which a request that arrives twice makes one.
 */
export async function create(morph: Morph, request: CreateRequest, ctx: Context): Promise<CreateResult> {
  const options = MorphCreate.parse(request.options ?? {})
  checkLabels(request.labels)
  checkResources(request, options)
  const present = options.digest === undefined ? undefined : await bearer(morph, options.digest, ctx)
  if (present) return finish(morph, present.id, ctx, present)

  await ctx.note?.({ digest: digestOf(options, ctx.operation) })
  const once = {
    send: () => send(morph, request, options, ctx),
    find: (call: CallContext) => findMade(morph, ctx.operation, call),
  }
  const begun = await sendOnce(once, morph, ctx)
  await ctx.note?.({ snapshot: begun.id })
  return finish(morph, begun.id, ctx, begun)
}

/** Takes up a create that has begun. Sends nothing. */
export async function resumeCreate(
  morph: Morph,
  { facts, operation }: Interrupted<CreateRequest>,
  context: Context,
): Promise<CreateResult> {
  const ctx = { ...context, operation }
  if (facts === undefined) throw neverBegun('snapshot_create', MORPH)
  const { snapshot } = Noted.parse(facts)
  if (snapshot !== undefined) return finish(morph, snapshot, ctx)
  const found = await lookFor((call) => findMade(morph, operation, call), morph, ctx)
  if (!found) throw neverBegun('snapshot_create', MORPH)
  await ctx.note?.({ snapshot: found.id })
  return finish(morph, found.id, ctx, found)
}

async function finish(morph: Morph, id: string, ctx: Context, known?: MorphSnapshot): Promise<CreateResult> {
  const made = await whenReady(morph, id, ctx, known)
  const snapshot = toSnapshot(made)
  return isOf(made, ctx.operation) ? { snapshot } : { snapshot, warnings: [REUSED] }
}

const REUSED =
  'A snapshot with this digest was there already, and it is returned as it is: nothing new was captured, and name, note, labels and ttl of this call are not applied.'

/** What stands for a digest, as Morph sees it; what comes back of a failed one is judged when it comes. */
async function bearer({ api }: Morph, digest: string, ctx: Context): Promise<MorphSnapshot | undefined> {
  const all = await api.snapshots({ digest }, ctx)
  return all.find(({ status }) => status === 'ready') ?? all.find(({ status }) => status === 'pending')
}

async function findMade({ api }: Morph, operation: string, ctx: CallContext) {
  const [found] = await api.snapshots({ metadata: { [KEY.operation]: operation } }, ctx)
  return found
}

const digestOf = ({ digest }: Options, operation: string) => digest ?? `snapshot-mcp-${operation}`

function send(
  { api, time }: Morph,
  request: CreateRequest,
  options: Options,
  ctx: Context,
): Promise<MorphSnapshot> {
  const { source, expires_at } = request
  const wishes = {
    digest: digestOf(options, ctx.operation),
    metadata: metadataFor(request, ctx.operation),
    ttl_seconds: expires_at === undefined ? undefined : lifetime(expires_at, time.now()),
  }
  if (source.kind === 'instance') return api.capture(source.id, wishes, ctx)
  const { vcpus, memory_mb: memory, disk_mb: disk_size } = options
  return api.createFromImage(source.id, { ...wishes, vcpus, memory, disk_size }, ctx)
}

function checkResources({ source }: CreateRequest, { vcpus, memory_mb, disk_mb }: Options): void {
  if (source.kind === 'image' || (vcpus ?? memory_mb ?? disk_mb) === undefined) return
  throw fail(
    'INVALID_ARGUMENT',
    'A snapshot of an instance has the resources of the instance: vcpus, memory_mb and disk_mb are for images. Nothing was changed.',
    'Leave them out; snapshot_restore with mode:"new" takes them, for a cold start.',
  )
}
