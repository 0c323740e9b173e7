import type { Caller } from './caller.ts'
import {
  chooseProvider,
  contextFor,
  type Environment,
  isPending,
  locate,
  namesOf,
  optionsFor,
  unsupported,
} from './environment.ts'
import { fail, SnapshotError } from './errors.ts'
import type { Snapshot, SourceItem } from './model.ts'
import { problemOf, type StoredOperation } from './operation.ts'
import { mergePages } from './paging.ts'
import { pendingSnapshot, whenMade } from './pending.ts'
import type { Context, ListQuery } from './provider.ts'
import type { DiffReply, ListReply, SnapshotReply, SourcesReply } from './replies.ts'
import type { DiffArgs, GetArgs, ListArgs, SourcesArgs } from './requests.ts'

/** The operations that only look. */

/** Of a list: what every provider can filter by, and what frames the call. All else is named after one provider. */
const FILTERS = [
  'name',
  'labels',
  'state',
  'created_after',
  'created_before',
  'include_auto',
  'include_trashed',
]
const FRAME = ['provider', 'source', 'limit', 'cursor']

export async function list(env: Environment, args: ListArgs, caller: Caller): Promise<ListReply> {
  const { provider: name, source: text, limit, cursor } = args
  const given = Object.entries(present(args))
  const filters = Object.fromEntries(given.filter(([key]) => FILTERS.includes(key)))
  const own = Object.fromEntries(given.filter(([key]) => ![...FILTERS, ...FRAME].includes(key)))
  const ctx = contextFor(env, caller, env.operations.newId())
  // A source is the source of one provider, and what only one provider can filter by is asked of that one.
  const only = name ?? Object.keys(own)[0]
  const chosen = text === undefined ? only : (await chooseProvider(env, only, text)).name
  const options = chosen === undefined ? undefined : optionsFor(own, [], chosen)
  const source = text === undefined ? undefined : await sourceIn(env, chosen as string, text, ctx)
  const query = present({ ...filters, source, limit, options }) as ListQuery
  return mergePages<Snapshot>({
    streams: namesOf(env, chosen).map((provider) => ({
      provider,
      fetch: async (at) =>
        (await env.registry.get(provider)).list(present({ ...query, cursor: at }) as ListQuery, ctx),
    })),
    compare: (a, b) => Date.parse(b.created_at) - Date.parse(a.created_at) || (a.id < b.id ? -1 : 1),
    limit,
    cursor,
    filters: { ...filters, name, text, ...own },
  })
}

const sourceIn = async ({ registry }: Environment, provider: string, text: string, ctx: Context) =>
  (await registry.get(provider)).resolveSource(text, ctx)

export async function sources(env: Environment, args: SourcesArgs, caller: Caller): Promise<SourcesReply> {
  const { provider: name, query, limit, cursor } = args
  const ctx = contextFor(env, caller, env.operations.newId())
  const names = namesOf(env, name)
  return mergePages<SourceItem>({
    streams: names.map((provider) => ({
      provider,
      fetch: async (at) =>
        (await env.registry.get(provider)).sources(present({ query, limit, cursor: at }), ctx),
    })),
    // Each provider in its own order, one after the other.
    compare: (a, b) => names.indexOf(a.provider) - names.indexOf(b.provider),
    limit,
    cursor,
    filters: { name, query },
  })
}

export async function get(env: Environment, args: GetArgs, caller: Caller): Promise<SnapshotReply> {
  const { provider, native } = await locate(env, args.snapshot, { be_pending: true })
  const ctx = contextFor(env, caller, env.operations.newId())
  const wait_ms = args.wait_seconds * 1000
  if (!isPending(native))
    return { snapshot: await whenMade(provider, await provider.get(native, ctx), wait_ms, ctx) }

  const isWorkedOn = await env.resumption.takeUp(provider, native)
  const found = await env.operations.settled(native, caller.principal, wait_ms, caller.signal)
  const stored = found && isWorkedOn ? stillRunning(found) : found
  const { result, capture, restoring, restored, state } = stored?.operation ?? {}
  if (!stored || stored.operation.provider !== provider.name || !(capture || restoring))
    throw fail('NOT_FOUND', `There is no snapshot ${args.snapshot}.`, 'snapshot_list shows what is there.')
  if (restoring) {
    const from = state === 'done' ? await provider.get(restoring.snapshot, ctx).catch(gone) : undefined
    const snapshot = from ?? pendingSnapshot(provider, stored)
    return { snapshot, restore: { ...statusOf(stored, env.clock()), ...restored } }
  }
  if (state !== 'done' || !result) return { snapshot: pendingSnapshot(provider, stored) }
  const { snapshot: made, ...rest } = result
  return { ...rest, snapshot: await provider.get(made, ctx) }
}

/** Somebody gives a sign of life whose process cannot be seen from here. */
function stillRunning({ operation, ...stored }: StoredOperation): StoredOperation {
  return {
    ...stored,
    operation: { ...operation, state: operation.state === 'unknown' ? 'running' : operation.state },
  }
}

/** What was restored from may be gone since: what came of it can be told all the same. */
function gone(error: unknown): undefined {
  if (!(error instanceof SnapshotError)) throw error
}

/** Of a restore that is waited on. */
function statusOf(stored: StoredOperation, now: number) {
  const { id, operation } = stored
  const { state, undo, undo_until, undone_by } = operation
  const status = state === 'running' ? 'creating' : state === 'declined' ? 'failed' : state
  const isOpen = state !== 'running' && undone_by === undefined && now < Date.parse(undo_until ?? '')
  const { code, message, hint, outcome } = problemOf(stored)
  return {
    status,
    operation: id,
    ...(undo && undo_until !== undefined && isOpen && { undo: { operation: id, until: undo_until } }),
    ...((status === 'failed' || status === 'unknown') && { error: { code, message, hint, outcome } }),
  } as const
}

export async function diff(env: Environment, args: DiffArgs, caller: Caller): Promise<DiffReply> {
  const from = await locate(env, args.from)
  const to = args.to === 'current' ? undefined : await locate(env, args.to)
  const { provider } = from
  if (to && to.provider.name !== provider.name) {
    throw unsupported(
      provider.name,
      'compare with a snapshot of another provider',
      'Compare two of the same provider.',
    )
  }
  if (!provider.diff || !provider.capabilities.diff) {
    throw unsupported(provider.name, 'show differences', 'Restore with mode:"new" and compare there.')
  }
  const { paths, limit, cursor, content } = args
  const request = { from: from.native, ...present({ to: to?.native, paths, cursor }), limit, content }
  const { summary, changes, next } = await provider.diff(
    request,
    contextFor(env, caller, env.operations.newId()),
  )
  return { from: args.from, to: args.to, summary, changes, ...(next !== undefined && { next_cursor: next }) }
}

type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** Without the keys that are undefined: an absent filter is no filter. */
function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>
}
