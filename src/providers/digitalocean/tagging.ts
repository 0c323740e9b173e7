import { type SnapshotError, toProblem } from '../../snapshots/errors.ts'
import { absent } from '../absent.ts'
import type { CallContext } from '../http/exchange.ts'
import type { Tagged } from './api.ts'
import type { Env } from './env.ts'
import { isOfVolume } from './ids.ts'
import type { VendorSnapshot } from './schemas.ts'

/** A snapshot as the calls for tags name it. */
export const tagged = (snapshot: VendorSnapshot): Tagged => ({
  resource_id: String(snapshot.id),
  resource_type: isOfVolume(snapshot) ? 'volume_snapshot' : 'image',
})

/** Puts tags on. Those that are there already do no harm; neither does it where a tag cannot be made but is there. */
export async function addTags(
  { api }: Env,
  resource: Tagged,
  tags: readonly string[],
  ctx: CallContext,
): Promise<void> {
  for (const tag of tags) {
    const refusal = await api.newTag(tag, ctx).then(() => undefined, refused)
    await api.tag(tag, resource, ctx).catch((error: SnapshotError) => {
      throw refusal?.code === 'FORBIDDEN' && error.code === 'NOT_FOUND' ? refusal : error
    })
  }
}

export async function dropTags(
  { api }: Env,
  resource: Tagged,
  tags: readonly string[],
  ctx: CallContext,
): Promise<void> {
  for (const tag of tags) await api.untag(tag, resource, ctx).catch(absent)
}

/** The same as `addTags` for a snapshot that is made and must not be lost for its tags: gives back what went wrong. */
export async function tagNew(
  env: Env,
  resource: Tagged,
  tags: readonly string[],
  ctx: CallContext,
): Promise<string[]> {
  try {
    await addTags(env, resource, tags, ctx)
    return []
  } catch (error) {
    return [
      `The snapshot was made, but not all of its tags (${tags.join(', ')}) were set: ${toProblem(error).message}`,
    ]
  }
}

/** That a tag was not made shows when it is put on: it may be there, or a key may use tags and not make any. */
function refused(error: SnapshotError): SnapshotError {
  const { status = 500 } = toProblem(error)
  if (![400, 403, 409, 422].includes(status)) throw error
  return error
}
