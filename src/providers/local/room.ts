import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import type { Engine } from './engine.ts'
import type { ByteString } from './names.ts'
import { rootOf } from './snapshot-view.ts'
import type { ObjectWriter } from './store/objects.ts'
import { isDiskFull } from './system-error.ts'

/**
 * Returns what to call before a capture and while it runs: it throws QUOTA_EXCEEDED or NO_SPACE when what was written so
 * far does not fit into the store, onto the disk or into what the source may take up. A safety snapshot only has to fit
 * onto the disk: a limit must not take away the way back.
 */
export function createRoom(
  engine: Engine,
  { root, auto }: { root: ByteString; auto: boolean },
): (writer?: Pick<ObjectWriter, 'written' | 'captured'>) => void {
  const { store, maxSourceBytes } = engine
  const limit = auto ? undefined : maxSourceBytes
  const before = limit === undefined ? 0 : capturedOf(engine, root)
  return (writer) => {
    store.ensureRoom(writer?.written() ?? 0, auto ? 'safety' : 'snapshot')
    const captured = before + (writer?.captured() ?? 0)
    if (limit !== undefined && captured > limit) throw sourceFull(captured, limit)
  }
}

/** Bytes that the snapshots of a source brought into the store; those in the trash and safety snapshots do not count. */
function capturedOf({ store }: Engine, root: ByteString): number {
  return store.manifests
    .list()
    .stored.filter(({ manifest, trashed }) => !trashed && !manifest.auto && rootOf(manifest) === root)
    .reduce((sum, { manifest }) => sum + manifest.receipt.bytes_captured, 0)
}

/** Does `work`; when there is no room for it, frees what can be freed and does it again. */
export async function withRoom<T>({ upkeep }: Engine, ctx: Context, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isFull(error) || !(await upkeep.makeRoom(ctx))) throw error
    return work()
  }
}

function isFull(error: unknown): boolean {
  if (!(error instanceof SnapshotError)) return isDiskFull(error)
  const { code, details } = error.problem
  return code === 'NO_SPACE' || (code === 'QUOTA_EXCEEDED' && isDetail(details, 'max_store'))
}

function isDetail(details: unknown, key: string): boolean {
  return typeof details === 'object' && details !== null && key in details
}

function sourceFull(captured: number, limit: number) {
  return fail(
    'QUOTA_EXCEEDED',
    `The snapshots of this source may bring ${limit} bytes into the store; with this one it would be ${captured} or more. Nothing was changed.`,
    'Delete snapshots of this source that nobody needs (snapshot_list, then snapshot_delete) and call again, leave out what need not be saved with local.exclude, or ask the operator to raise --max-source.',
    { details: { max_source: limit } },
  )
}
