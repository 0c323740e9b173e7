import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import { lookFor, type Once, type Search, sendOnce } from '../once.ts'

/**
 * As in `once.ts`, and careful about one thing more: when the last look was not answered before the time was over, that
 * proves nothing, so what came of the request stays unknown.
 */

export function sendOnceForSure<T>(once: Once<T>, ctx: Context): Promise<T> {
  return forSure(once, (search) => sendOnce({ ...once, ...search }, ctx))
}

export function lookForSure<T>(search: Search<T>, ctx: Context): Promise<T | undefined> {
  return forSure(search, async (watched, isOpen) => {
    const found = await lookFor(watched, ctx)
    if (found === undefined && isOpen()) throw unanswered()
    return found
  })
}

async function forSure<T, R>(
  search: Search<T>,
  work: (watched: Search<T>, isOpen: () => boolean) => Promise<R>,
): Promise<R> {
  let open = false
  const find: Search<T>['find'] = async (ctx) => {
    open = true
    const found = await search.find(ctx)
    open = false
    return found
  }
  try {
    return await work({ ...search, find }, () => open)
  } catch (error) {
    if (open && error instanceof SnapshotError && error.problem.outcome !== 'unknown') throw unanswered(error)
    throw error
  }
}

const unanswered = (cause?: SnapshotError) =>
  fail(
    cause?.code ?? 'PROVIDER_UNAVAILABLE',
    'Morph could not be asked what came of the request. It is not known whether it took effect.',
    'snapshot_get with the id of the operation, or snapshot_status, finds out later what came of it.',
    { outcome: 'unknown', retryable: false, provider: 'morph', cause },
  )
