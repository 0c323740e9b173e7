import { SnapshotError } from '../../snapshots/errors.ts'
import { someNames } from '../../snapshots/plain.ts'
import type { Context, CreateResult } from '../../snapshots/provider.ts'
import { lookFor } from '../once.ts'
import { whenRunning, withCopies } from './copies.ts'
import type { Morph } from './engine.ts'
import { setLifetime } from './lifetime.ts'
import { type Known, type Order, reuseWarning } from './making.ts'
import { isOf, KEY } from './metadata.ts'
import { whenReady } from './ready.ts'
import { instanceSource } from './sources.ts'
import { toSnapshot } from './view.ts'
import type { Instance, MorphSnapshot } from './wire.ts'

/**
 * Waits until the snapshot of a branch is ready and its copies run. Starts none: what Morph has not started is told. The
 * snapshot is there all the same, so that is no failure. Copies that Morph has not told are looked for.
 */
export async function whenBranched(
  morph: Morph,
  order: Order,
  { id, seen, copies: answered }: Known,
  ctx: Context,
): Promise<CreateResult> {
  const { operation, options } = order
  const wanted = options.branch ?? 0
  let copies = answered ?? []
  try {
    const ready = await whenReady(morph, id, ctx, seen)
    copies = answered ?? (await findCopies(morph, operation, wanted, ctx))
    const ids = copies.map((copy) => copy.id)
    const lost = await whenRunning(morph, ids, ctx)
    const { made, warnings } = await withExpiry(morph, ready, order, ctx)
    return {
      snapshot: toSnapshot(made),
      targets: copies.filter((copy) => !lost.includes(copy.id)),
      warnings: [...reuseWarning(made, operation), ...warnings, ...copyWarnings(ids, lost, wanted)],
    }
  } catch (error) {
    throw withCopies(error, wanted, copies)
  }
}

/** Those that carry the operation, in their order. Morph starts them when the snapshot is ready. */
async function findCopies({ api, ...clock }: Morph, operation: string, wanted: number, ctx: Context) {
  let seen: Instance[] = []
  await lookFor(
    async (call) => {
      seen = await api.instances({ metadata: { [KEY.operation]: operation } }, call)
      return seen.length >= wanted || undefined
    },
    clock,
    ctx,
  )
  const numberOf = ({ metadata }: Instance) => Number(metadata?.[KEY.copy])
  return seen.sort((a, b) => numberOf(a) - numberOf(b)).map(instanceSource)
}

/** With a branch Morph takes none: it is set when all else is done, and whatever hinders that undoes nothing. */
async function withExpiry(
  morph: Morph,
  made: MorphSnapshot,
  { request, operation }: Order,
  ctx: Context,
): Promise<{ made: MorphSnapshot; warnings: string[] }> {
  const { expires_at } = request
  if (expires_at === undefined || !isOf(made, operation)) return { made, warnings: [] }
  try {
    await setLifetime(morph, made.id, expires_at, ctx)
    return { made: await morph.api.snapshot(made.id, ctx), warnings: [] }
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error
    ctx.log.warn('the expiry of a branch could not be set', { snapshot: made.id, error: error.message })
    return { made, warnings: [UNLIMITED] }
  }
}

const UNLIMITED = 'It is not certain that the snapshot expires: set that with snapshot_update and ttl.'

function copyWarnings(ids: readonly string[], lost: readonly string[], wanted: number): string[] {
  const missing = wanted - ids.length
  return [
    ...(ids.length > 0 ? ['The copies cost until somebody stops them at Morph.'] : []),
    ...(missing > 0 ? [`Morph has started ${ids.length} of ${wanted} copies. ${MORE}`] : []),
    ...(lost.length > 0 ? [`Morph could not start what it had begun${someNames(lost)}. ${MORE}`] : []),
  ]
}

const MORE = 'snapshot_restore with mode "new" makes more.'
