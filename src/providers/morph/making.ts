import type { z } from 'zod'
import type { Source } from '../../snapshots/model.ts'
import { plain } from '../../snapshots/plain.ts'
import type { Context, CreateRequest } from '../../snapshots/provider.ts'
import type { MorphCreate } from '../../snapshots/requests.ts'
import { absent } from '../absent.ts'
import type { CallContext } from '../http/exchange.ts'
import { type Find, lookFor, sendOnce } from '../once.ts'
import { waitFor } from '../wait.ts'
import { FIRST_LOOK_MS, MADE_MS } from './assumptions.ts'
import { copyMetadata, copyNames } from './copies.ts'
import { failure, type Morph } from './engine.ts'
import { lifetime } from './lifetime.ts'
import { isOf, KEY, metadataFor } from './metadata.ts'
import { instanceSource } from './sources.ts'
import type { MorphSnapshot } from './wire.ts'

export type Options = z.infer<typeof MorphCreate>

/** What is to be made, in whose name. */
export interface Order {
  request: CreateRequest
  options: Options
  operation: string
}

/** What a request has made, or is making. */
export interface Begun {
  snapshot: MorphSnapshot
  /** Of a branch that was answered: what it has started. */
  copies?: Source[]
}

/** The same for whoever takes it up later: the native id of the snapshot, and what else there is to know. */
export interface Known {
  id: string
  /** As last seen. */
  seen?: MorphSnapshot
  copies?: Source[] | undefined
}

/** Sends the request, once. When it is not answered, what it has made is looked for. */
export async function make(morph: Morph, order: Order, ctx: Context): Promise<Begun> {
  const once = { send: () => send(morph, order, ctx), find: looksFor(morph, order) }
  const begun = await settled(morph, await sendOnce<Begun | Saving>(once, morph, ctx), order, ctx)
  if (begun) return begun
  throw failure(
    'PROVIDER_UNAVAILABLE',
    'Morph did not answer, has saved the instance since, and no snapshot came of this call. Nothing was made.',
    'Call snapshot_create again.',
  )
}

/** What the request of another process has made; undefined when it is certain enough that there is nothing. */
export async function findMade(morph: Morph, order: Order, ctx: Context): Promise<Begun | undefined> {
  return settled(morph, await lookFor(looksFor(morph, order), morph, ctx), order, ctx)
}

/** For a snapshot that a digest stood for already. */
export const reuseWarning = (made: MorphSnapshot, operation: string): string[] =>
  isOf(made, operation)
    ? []
    : [
        'A snapshot with this digest was there already, and it is returned as it is: nothing new was captured, and name, note, labels and ttl of this call are not applied.',
      ]

export const digestOf = ({ options, operation }: Order) => options.digest ?? `snapshot-mcp-${operation}`

async function send({ api, time }: Morph, order: Order, ctx: Context): Promise<Begun> {
  const { request, options, operation } = order
  const { source, name, expires_at } = request
  const { vcpus, memory_mb: memory, disk_mb: disk_size, branch: count } = options
  const digest = digestOf(order)
  const metadata = metadataFor(request, operation)
  if (count !== undefined) {
    const instance_metadata = copyNames(name, count).map((each, n) => copyMetadata(each, operation, n + 1))
    const wanted = { count, digest, snapshot_metadata: metadata, instance_metadata }
    const { snapshot, instances } = await api.branch(source.id, wanted, ctx)
    return { snapshot, copies: instances.map(instanceSource) }
  }
  const ttl_seconds = expires_at === undefined ? undefined : lifetime(expires_at, time.now())
  const wishes = { digest, metadata, ttl_seconds }
  if (source.kind === 'instance') return { snapshot: await api.capture(source.id, wishes, ctx) }
  return { snapshot: await api.createFromImage(source.id, { ...wishes, vcpus, memory, disk_size }, ctx) }
}

/** A server that answers a capture when it is done shows nothing of it before: then only its instance tells. */
type Saving = 'saving'

function looksFor(morph: Morph, order: Order): Find<Begun | Saving> {
  const { source } = order.request
  return async (call) => {
    const snapshot = await findSnapshot(morph, order, call)
    if (snapshot) return { snapshot }
    return source.kind === 'instance' && (await isSaving(morph, source.id, call)) ? 'saving' : undefined
  }
}

/** Waits until the instance is no longer being saved, and looks once more then. */
async function settled(
  morph: Morph,
  seen: Begun | Saving | undefined,
  order: Order,
  ctx: Context,
): Promise<Begun | undefined> {
  if (seen !== 'saving') return seen
  await waitFor<boolean>(
    {
      what: 'The capture',
      read: (call) => isSaving(morph, order.request.source.id, call),
      settled: (saving) => !saving,
      describe: () => `Morph saves the instance ${plain(order.request.source.id, 80)}`,
      ...{ firstMs: FIRST_LOOK_MS, timeoutMs: MADE_MS },
    },
    morph,
    ctx,
  )
  const snapshot = await lookFor((call) => findSnapshot(morph, order, call), morph, ctx)
  return snapshot && { snapshot }
}

async function isSaving({ api }: Morph, id: string, call: CallContext): Promise<boolean> {
  return (await api.instance(id, call).catch(absent))?.status === 'saving'
}

async function findSnapshot({ api }: Morph, { options, operation }: Order, call: CallContext) {
  const ours = { metadata: { [KEY.operation]: operation }, complete: true } as const
  const [snapshot] = await api.snapshots(ours, call)
  if (snapshot || options.branch === undefined) return snapshot
  // The digest may have stood for another one: then only the copies are of this operation.
  const [copy] = await api.instances(ours, call)
  const from = copy?.refs?.snapshot_id
  return from ? api.snapshot(from, call) : undefined
}
