import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Source } from '../../snapshots/model.ts'
import { plain, someNames } from '../../snapshots/plain.ts'
import type { Context } from '../../snapshots/provider.ts'
import { type Find, lookFor, sendOnce } from '../once.ts'
import { waitFor } from '../wait.ts'
import type { Resources, Started } from './api.ts'
import { FIRST_LOOK_MS, MADE_MS } from './assumptions.ts'
import type { Morph } from './engine.ts'
import { COMMON_NAME, KEY } from './metadata.ts'
import type { Instance } from './wire.ts'

/** Instances to be started from one snapshot. */
export interface Wish {
  /** Native id. */
  snapshot: string
  operation: string
  /** One for each copy. */
  names: readonly string[]
  /** Given: boots cold with these, and as it was for the rest. */
  resources?: Resources | undefined
  ttl: Pick<Started, 'ttl_seconds' | 'ttl_action'>
}

/** What is on record between two requests. */
export interface Noted {
  names: string[]
  /** Native ids of the instances that there are: those of the first copies, in their order. */
  instances: string[]
  /** The number of the copy that may have been sent. */
  sending?: number | undefined
}

/**
 * Starts the copies that are not there yet, one after the other, and waits until all are ready. Each carries its
 * operation and its number, from 1, so that whoever takes this up finds those that exist.
 */
export async function startCopies(
  morph: Morph,
  wish: Wish,
  made: readonly string[],
  ctx: Context,
): Promise<Source[]> {
  const { names, operation } = wish
  const ids = [...made]
  const note = (sending?: number) => ctx.note?.({ names, instances: [...ids], sending })
  try {
    for (let copy = ids.length + 1; copy <= names.length; copy++) {
      await note(copy)
      const once = { send: () => send(morph, wish, copy, ctx), find: numbered(morph, operation, copy) }
      ids.push(await sendOnce(once, morph, ctx))
    }
    await note()
    await whenRunning(morph, ids, ctx)
  } catch (error) {
    throw ids.length > 0 && error instanceof SnapshotError ? withCopies(error, wish, ids) : error
  }
  return targetsOf(wish, ids)
}

/** The copies that exist, after a while where the last one that was sent may not be shown yet. */
export async function existingCopies(
  morph: Morph,
  { instances, sending }: Noted,
  ctx: Context,
): Promise<string[]> {
  if (sending === undefined) return instances
  const found = await lookFor(numbered(morph, ctx.operation, sending), morph, ctx)
  return found === undefined ? instances : [...instances, found]
}

/** Looks for the instance that carries this operation and this number. */
function numbered({ api }: Morph, operation: string, copy: number): Find<string> {
  const metadata = { [KEY.operation]: operation, [KEY.copy]: String(copy) }
  return async (call) => (await api.instances({ metadata }, call))[0]?.id
}

async function send({ api }: Morph, wish: Wish, copy: number, ctx: Context): Promise<string> {
  const { snapshot, operation, names, resources, ttl } = wish
  const metadata = {
    [COMMON_NAME]: names[copy - 1]!,
    [KEY.operation]: operation,
    [KEY.copy]: String(copy),
  }
  const wishes = { metadata, ...ttl }
  const { id } = resources
    ? await api.startCold(snapshot, { ...wishes, ...resources }, ctx)
    : await api.startWarm(snapshot, wishes, ctx)
  return id
}

/** `paused`: it was ready, and its short time is over already. */
const ENDED: ReadonlySet<string> = new Set(['ready', 'paused', 'error'])

async function whenRunning(morph: Morph, ids: readonly string[], ctx: Context): Promise<void> {
  const ended = new Map<string, Instance>()
  await waitFor<number>(
    {
      what: 'The start',
      async read(call) {
        for (const id of ids.filter((each) => !ended.has(each))) {
          const instance = await morph.api.instance(id, call)
          if (ENDED.has(instance.status)) ended.set(id, instance)
        }
        return ended.size
      },
      settled: (count) => count === ids.length,
      describe: (count) => `Morph starts the copies, ${count} of ${ids.length} are there`,
      gone(cause) {
        throw cause
      },
      ...{ firstMs: FIRST_LOOK_MS, timeoutMs: MADE_MS },
    },
    morph,
    ctx,
  )
  const lost = ids.filter((id) => ended.get(id)?.status === 'error')
  if (lost.length > 0) throw notStarted(lost)
}

const notStarted = (ids: string[]) =>
  fail(
    'PROVIDER_UNAVAILABLE',
    `Morph could not start what it had begun${someNames(ids)}, and gives no reason.`,
    'Call snapshot_restore again.',
    { outcome: 'partial', retryable: false },
  )

/** What was started runs, and costs: nobody must overlook it. */
function withCopies(error: SnapshotError, wish: Wish, ids: readonly string[]): SnapshotError {
  const { problem } = error
  const open = problem.outcome === 'unknown' || problem.code === 'CANCELLED'
  const message = problem.message.replace(/ *(Nothing was changed|It was looked for since.*)\.$/, '')
  const begun = ids.map((id) => plain(id, 80)).join(', ')
  return new SnapshotError(
    {
      ...problem,
      message: `${message} ${ids.length} of ${wish.names.length} instances were begun, and run until they are stopped: ${begun}.`,
      hint: open ? problem.hint : 'Stop what is not wanted at Morph; snapshot_restore makes more of it.',
      outcome: open ? 'unknown' : 'partial',
      retryable: false,
      details: { targets: targetsOf(wish, ids) },
    },
    error,
  )
}

const targetsOf = ({ names }: Wish, ids: readonly string[]): Source[] =>
  ids.map((id, index) => ({ kind: 'instance', id, name: names[index] ?? id }))
