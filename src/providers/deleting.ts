import { fail, SnapshotError } from '../snapshots/errors.ts'
import type { Snapshot } from '../snapshots/model.ts'
import { plain, quotedName } from '../snapshots/plain.ts'
import type { Context, DeleteResult } from '../snapshots/provider.ts'
import { absent } from './absent.ts'
import type { CallContext } from './http/exchange.ts'
import type { Clock } from './http/time.ts'
import { nativeId } from './native-id.ts'
import { waitFor } from './wait.ts'

/** How a vendor deletes snapshots for good. Ids are native. */
export interface Deletion<Seen> {
  title: string
  /** NOT_FOUND when it is not there any more. */
  look(id: string, ctx: CallContext): Promise<Seen>
  /** Why it must not go, as it is now. */
  refusal(seen: Seen): SnapshotError | undefined
  /** Asks for it to be deleted; it may be there for a while yet. */
  remove(id: string, ctx: CallContext): Promise<unknown>
  /** Why it does not go after all, as it is seen later. */
  stays?(seen: Seen): SnapshotError | undefined
  /** The first pause between looks. */
  firstMs: number
  /** How long the last one may take to go. */
  timeoutMs: number
}

type Fate = 'leaving' | 'gone' | SnapshotError

/**
 * Looks at each once more, asks for all that may go, and waits for those together. What somebody else has deleted counts
 * as deleted, and what cannot be deleted does not keep the others. A caller who cancels is told what became of each;
 * CANCELLED only when nothing was sent.
 */
export async function deleteAll<Seen>(
  deletion: Deletion<Seen>,
  snapshots: readonly Snapshot[],
  clock: Clock,
  ctx: Context,
): Promise<DeleteResult> {
  const fates = new Map<string, Fate>()
  for (const id of snapshots.map(nativeId)) fates.set(id, await ask(deletion, id, ctx))
  if (ctx.signal.aborted && [...fates.values()].every(isUntouched)) throw nothingDeleted()
  await waitUntilGone(deletion, fates, clock, ctx)
  return resultOf(snapshots, fates)
}

async function ask<Seen>(deletion: Deletion<Seen>, id: string, ctx: Context): Promise<Fate> {
  if (ctx.signal.aborted) return notReached()
  try {
    const refusal = deletion.refusal(await deletion.look(id, ctx))
    if (refusal) return refusal
    await deletion.remove(id, ctx)
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error
    return error.code === 'NOT_FOUND' ? 'gone' : error
  }
  // Many are gone at once. Where that cannot be seen now, there is time for it later.
  return fateOf(deletion, id, ctx).catch(() => 'leaving')
}

/** Of one that was asked for. */
async function fateOf<Seen>({ look, stays }: Deletion<Seen>, id: string, ctx: CallContext): Promise<Fate> {
  const seen = await look(id, ctx).catch(absent)
  return seen === undefined ? 'gone' : (stays?.(seen) ?? 'leaving')
}

const isUntouched = (fate: Fate) => typeof fate !== 'string' && fate.problem.outcome === 'not_started'

async function waitUntilGone<Seen>(
  deletion: Deletion<Seen>,
  fates: Map<string, Fate>,
  clock: Clock,
  ctx: Context,
): Promise<void> {
  const leaving = () => [...fates.keys()].filter((id) => fates.get(id) === 'leaving')
  const total = leaving().length
  if (total === 0) return
  const { title, firstMs, timeoutMs } = deletion
  try {
    await waitFor<number>(
      {
        what: 'The deletion',
        async read(call) {
          for (const id of leaving()) fates.set(id, await fateOf(deletion, id, call))
          return leaving().length
        },
        initial: total,
        settled: (left) => left === 0,
        describe: (left) => `${title} deletes the snapshots, ${left} of ${total} are still there`,
        ...{ firstMs, timeoutMs },
      },
      clock,
      ctx,
    )
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error
    for (const id of leaving()) fates.set(id, error)
  }
}

function resultOf(snapshots: readonly Snapshot[], fates: ReadonlyMap<string, Fate>): DeleteResult {
  const gone = snapshots.filter((each) => fates.get(nativeId(each)) === 'gone')
  const failed = [...fates].flatMap(([snapshot, fate]) =>
    typeof fate === 'string' ? [] : [{ snapshot, code: fate.code, message: fate.message }],
  )
  const sizes = gone.flatMap(({ size_bytes }) => size_bytes ?? [])
  return {
    deleted: gone.map(nativeId),
    failed,
    ...(sizes.length > 0 && { freed_bytes: sizes.reduce((a, b) => a + b) }),
  }
}

const notReached = () => fail('CANCELLED', 'The call was cancelled before this one was deleted.', AGAIN)

const nothingDeleted = () => fail('CANCELLED', 'The call was cancelled. Nothing was deleted.', AGAIN)

const AGAIN = 'Call snapshot_delete again if it is still wanted.'

/**
 * What a person decides on. How many there are comes first, where no name can hide it.
 *
 * @param more How far it goes, behind `for good`.
 */
export function deletionSummary(title: string, snapshots: readonly Snapshot[], more = ''): string {
  const count = snapshots.length === 1 ? 'one snapshot' : `${snapshots.length} snapshots`
  const shown = snapshots
    .slice(0, 3)
    .map(({ id, name, created_at }) => `${quotedName(name)} of ${created_at} (...${plain(id.slice(-6))})`)
  const rest = snapshots.length - shown.length
  return `Delete ${count} at ${title} for good${more}: ${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}.`
}
