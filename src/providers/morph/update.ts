import { canonicalJson } from '../../guard/digest.ts'
import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Snapshot } from '../../snapshots/model.ts'
import type { Context, UpdateRequest } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { sendOnce } from '../once.ts'
import type { Morph } from './engine.ts'
import { lifetime } from './lifetime.ts'
import { changed, checkLabels, type FactsChange } from './metadata.ts'
import { toSnapshot } from './view.ts'
import type { MorphSnapshot } from './wire.ts'

/**
 * Changes what we know of a snapshot, and its time to live. Morph takes metadata only as a whole: what others have
 * written there is read first and sent along. Whoever writes at the same time may be overwritten; Morph has no means
 * against that.
 */
export async function update(
  morph: Morph,
  id: string,
  { expires_at, active, add_regions, ...facts }: UpdateRequest,
  ctx: Context,
): Promise<Snapshot> {
  if (active !== undefined || add_regions !== undefined)
    throw fail(
      'UNSUPPORTED',
      'Morph has neither regions nor inactive snapshots. Nothing was changed.',
      'It can change: name, note, labels, ttl, protected.',
    )
  checkLabels(facts.labels)
  const wrote = await writeFacts(morph, id, facts, ctx)
  if (expires_at !== undefined)
    await writeTtl(morph, id, expires_at, ctx).catch((error: unknown) => {
      throw wrote && error instanceof SnapshotError ? halfDone(error) : error
    })
  return toSnapshot(await morph.api.snapshot(id, ctx))
}

export async function unprotect(morph: Morph, id: string, ctx: Context): Promise<Snapshot> {
  await writeFacts(morph, id, { protected: false }, ctx)
  return toSnapshot(await morph.api.snapshot(id, ctx))
}

/** Whether there was anything to write. */
async function writeFacts(morph: Morph, id: string, change: FactsChange, ctx: Context): Promise<boolean> {
  const { metadata } = await morph.api.snapshot(id, ctx)
  const next = changed(metadata ?? {}, change)
  const isWritten = (found: MorphSnapshot) => canonicalJson(found.metadata ?? {}) === canonicalJson(next)
  if (canonicalJson(metadata ?? {}) === canonicalJson(next)) return false
  await write(morph, id, () => morph.api.setMetadata(id, next, ctx), isWritten, ctx)
  return true
}

async function writeTtl(morph: Morph, id: string, expiresAt: string | null, ctx: Context): Promise<void> {
  const seconds = expiresAt === null ? null : lifetime(expiresAt, morph.time.now())
  const isWritten = ({ ttl }: MorphSnapshot) => (ttl?.ttl_seconds ?? null) === seconds
  await write(morph, id, () => morph.api.setTtl(id, seconds, ctx), isWritten, ctx)
}

/** When nobody knows whether it arrived, the snapshot tells. */
async function write(
  morph: Morph,
  id: string,
  send: () => Promise<void>,
  isWritten: (found: MorphSnapshot) => boolean,
  ctx: Context,
): Promise<void> {
  const find = async (call: CallContext) => isWritten(await morph.api.snapshot(id, call)) || undefined
  await sendOnce({ send: () => send().then(() => true), find }, morph, ctx)
}

const halfDone = (error: SnapshotError) =>
  new SnapshotError(
    {
      ...error.problem,
      message:
        `${error.problem.message} The other changes of this call were made; only the expiry was not.`.replace(
          ' Nothing was changed.',
          '',
        ),
      outcome: error.problem.outcome === 'unknown' ? 'unknown' : 'partial',
    },
    error,
  )
