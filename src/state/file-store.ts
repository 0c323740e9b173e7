import { randomBytes } from 'node:crypto'
import { SnapshotError } from '../snapshots/errors.ts'
import { createLocks } from './locks.ts'
import { createRecords, parse, type RecordsOptions } from './records.ts'
import type { StateStore } from './state-store.ts'

export type FileStoreOptions = Omit<RecordsOptions, 'random'> & Partial<Pick<RecordsOptions, 'random'>>

/**
 * State in a directory of the local disk, shared by every process that is given the same one. It is made on first
 * write, for the owner only. Needs a file system with hard links.
 */
export function createFileStore({ random = randomBytes, ...rest }: FileStoreOptions): StateStore {
  const options = { random, ...rest }
  const records = createRecords(options)

  const store: StateStore = {
    async read(kind, id) {
      const found = await records.newest(kind, id)
      return found && { value: parse(kind, id, found.text), version: found.version }
    },
    write: (kind, id, value, after) => records.write(kind, id, value, after),
    async list(kind) {
      const ids = await records.ids(kind)
      const found = await Promise.all(
        ids.map(async (id) => ({ id, record: await readable(store.read(kind, id)) })),
      )
      return found.flatMap(({ id, record }) => (record ? { id, ...record } : []))
    },
    remove: (kind, id) => records.remove(kind, id),
    async retire(kind, before) {
      let count = 0
      for (const id of await records.ids(kind)) {
        const at = await records.writtenAt(kind, id)
        if (at === undefined || at >= before) continue
        await records.remove(kind, id)
        count++
      }
      return count
    },
    lock: createLocks({ ...options, records }),
  }
  return store
}

async function readable<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof SnapshotError && error.code === 'CORRUPT') return undefined
    throw error
  }
}
