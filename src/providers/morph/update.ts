import { canonicalJson } from '../../guard/digest.ts'
import { SnapshotError } from '../../snapshots/errors.ts'
import type { Snapshot } from '../../snapshots/model.ts'
import type { Context, UpdateRequest } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { sendOnce } from '../once.ts'
import { failure, type Morph } from './engine.ts'
import { setLifetime } from './lifetime.ts'
import { changed, checkLabels, type FactsChange, factsOf } from './metadata.ts'
import { toSnapshot } from './view.ts'
import type { MorphSnapshot } from './wire.ts'

/**
 * Changes what we know of a snapshot, and its time to live. Morph takes metadata only as a whole: what others have
 * written there is read first and sent along. Whoever writes at the same time may be overwritten; Morph has no means
 * against that. What becomes protected loses its time to live: Morph would delete it at the end all the same.
 */
export async function update(
  morph: Morph,
  id: string,
  { expires_at, active, add_regions, ...facts }: UpdateRequest,
  ctx: Context,
): Promise<Snapshot> {
  if (active !== undefined || add_regions !== undefined)
    throw failure(
      'UNSUPPORTED',
      'Morph has neither regions nor inactive snapshots. Nothing was changed.',
      'It can change: name, note, labels, ttl, protected.',
    )
  checkLabels(facts.labels)
  const before = await morph.api.snapshot(id, ctx)
  const expiry = expiryFor(before, facts, expires_at)
  const wrote = await writeFacts(morph, before, facts, ctx)
  if (expiry !== undefined)
    await setLifetime(morph, id, expiry, ctx).catch((error: unknown) => {
      throw wrote && error instanceof SnapshotError ? halfDone(error) : error
    })
  return toSnapshot(await morph.api.snapshot(id, ctx))
}

export async function unprotect(morph: Morph, id: string, ctx: Context): Promise<Snapshot> {
  await writeFacts(morph, await morph.api.snapshot(id, ctx), { protected: false }, ctx)
  return toSnapshot(await morph.api.snapshot(id, ctx))
}

/** The expiry to be set; undefined leaves it as it is. */
function expiryFor(
  { metadata, ttl }: MorphSnapshot,
  { protected: protects }: FactsChange,
  asked: string | null | undefined,
): string | null | undefined {
  const stays = protects || factsOf(metadata ?? {}).protected
  if (stays && typeof asked === 'string')
    throw failure(
      protects ? 'INVALID_ARGUMENT' : 'PROTECTED',
      'Morph deletes what expires, also what is protected: the two exclude each other. Nothing was changed.',
      protects ? 'Leave ttl out.' : 'Only a person can lift the protection, with snapshot-mcp unprotect.',
    )
  const ends = (ttl?.ttl_seconds ?? ttl?.ttl_expire_at ?? null) !== null
  return protects && ends ? null : asked
}

/** Whether there was anything to write. When nobody knows whether it arrived, the snapshot tells. */
async function writeFacts(
  morph: Morph,
  { id, metadata }: MorphSnapshot,
  change: FactsChange,
  ctx: Context,
): Promise<boolean> {
  const { api } = morph
  const next = changed(metadata ?? {}, change)
  const isWritten = (found: MorphSnapshot) => canonicalJson(found.metadata ?? {}) === canonicalJson(next)
  if (canonicalJson(metadata ?? {}) === canonicalJson(next)) return false
  const send = () => api.setMetadata(id, next, ctx).then(() => true)
  const find = async (call: CallContext) => isWritten(await api.snapshot(id, call)) || undefined
  await sendOnce({ send, find }, morph, ctx)
  return true
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
