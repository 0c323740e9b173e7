import type { z } from 'zod'
import { fail, SnapshotError } from '../snapshots/errors.ts'
import type { StateStore, Versioned } from '../state/state-store.ts'

/**
 * A record that limits by what it counts. One that is damaged denies, and is not begun anew: that would refill what
 * it limits. `what` begins the message.
 */
export async function readCounter<T>(
  state: StateStore,
  { id, schema, what }: { id: string; schema: z.ZodType<T>; what: string },
): Promise<Versioned<T> | undefined> {
  const found = await state.read('counter', id).catch((error) => {
    throw error instanceof SnapshotError && error.code === 'CORRUPT' ? damaged(what, id, error) : error
  })
  if (!found) return undefined
  const { success, data } = schema.safeParse(found.value)
  if (!success) throw damaged(what, id)
  return { value: data, version: found.version }
}

const damaged = (what: string, id: string, cause?: unknown) =>
  fail(
    'CORRUPT',
    `${what} is damaged, and what it limits is not done without it. Nothing was changed.`,
    `The operator has to remove "counter/${id}" from the state directory.`,
    { cause },
  )
