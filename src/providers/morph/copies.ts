import { SnapshotError } from '../../snapshots/errors.ts'
import type { Source } from '../../snapshots/model.ts'
import { plain, someNames } from '../../snapshots/plain.ts'
import type { Context } from '../../snapshots/provider.ts'
import { type Find, lookFor, sendOnce } from '../once.ts'
import { waitFor } from '../wait.ts'
import type { Resources, Started } from './api.ts'
import { FIRST_LOOK_MS, MADE_MS } from './assumptions.ts'
import { failure, type Morph } from './engine.ts'
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

/** What copies are called, `copy 1` to `copy 5`; one alone has the name as it is. */
export const copyNames = (name: string, count: number): string[] =>
  count === 1 ? [name] : Array.from({ length: count }, (_, index) => `${name} ${index + 1}`)

/** By what a copy is known: its operation, and its number, from 1. */
export const copyMetadata = (name: string, operation: string, number: number): Record<string, string> => ({
  [COMMON_NAME]: name,
  [KEY.operation]: operation,
  [KEY.copy]: String(number),
})

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
      await ctx.stillHeld?.()
      const once = { send: () => send(morph, wish, copy, ctx), find: numbered(morph, operation, copy) }
      ids.push(await sendOnce(once, morph, ctx))
    }
    await note()
    const lost = await whenRunning(morph, ids, ctx)
    if (lost.length > 0) throw notStarted(lost)
  } catch (error) {
    throw withCopies(error, names.length, targetsOf(wish, ids))
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
  return async (call) => (await api.instances({ metadata, complete: true }, call))[0]?.id
}

async function send({ api }: Morph, wish: Wish, copy: number, ctx: Context): Promise<string> {
  const { snapshot, operation, names, resources, ttl } = wish
  const wishes = { metadata: copyMetadata(names[copy - 1]!, operation, copy), ...ttl }
  const { id } = resources
    ? await api.startCold(snapshot, { ...wishes, ...resources }, ctx)
    : await api.startWarm(snapshot, wishes, ctx)
  return id
}

/** `paused`: it was ready, and its short time is over already. */
const ENDED: ReadonlySet<string> = new Set(['ready', 'paused', 'error'])

/** Waits until all are what they are to be; gives back those that Morph could not start. */
export async function whenRunning(morph: Morph, ids: readonly string[], ctx: Context): Promise<string[]> {
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
  return ids.filter((id) => ended.get(id)?.status === 'error')
}

const notStarted = (ids: string[]) =>
  failure(
    'PROVIDER_UNAVAILABLE',
    `Morph could not start what it had begun${someNames(ids)}, and gives no reason.`,
    'Call snapshot_restore again.',
    { outcome: 'partial', retryable: false },
  )

/** What was started runs, and costs: nobody must overlook it. `wanted`: how many there were to be. */
export function withCopies(error: unknown, wanted: number, targets: readonly Source[]): unknown {
  if (targets.length === 0 || !(error instanceof SnapshotError)) return error
  const { problem } = error
  const open = problem.outcome === 'unknown' || problem.code === 'CANCELLED'
  const message = problem.message.replace(/ *(Nothing was (changed|made)|It was looked for since.*)\.$/, '')
  const begun = targets.map(({ id }) => plain(id, 80)).join(', ')
  return new SnapshotError(
    {
      ...problem,
      message: `${message} ${targets.length} of ${wanted} instances were begun, and run until they are stopped: ${begun}.`,
      hint: open ? problem.hint : 'Stop what is not wanted at Morph; snapshot_restore makes more of it.',
      outcome: open ? 'unknown' : 'partial',
      retryable: false,
      details: { targets },
    },
    error,
  )
}

const targetsOf = ({ names }: Wish, ids: readonly string[]): Source[] =>
  ids.map((id, index) => ({ kind: 'instance', id, name: names[index] ?? id }))
