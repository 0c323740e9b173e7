import { randomBytes } from 'node:crypto'
import { type ErrorCode, SnapshotError } from '../snapshots/errors.ts'
import { createLocks, type LocksOptions } from './locks.ts'
import { createRecords, parse, type RecordsOptions } from './records.ts'
import type { Lock, StateStore } from './state-store.ts'

export type FileStoreOptions = Omit<RecordsOptions, 'random'> &
  Partial<Pick<RecordsOptions, 'random'> & Pick<LocksOptions, 'uptime'>>

/**
 * State in a directory of the local disk, shared by every process that is given the same one. It is made on first
 * write, for the owner only. Needs a file system with hard links.
 */
export function createFileStore({ random = randomBytes, ...rest }: FileStoreOptions): StateStore {
  const options = { random, ...rest }
  const records = createRecords(options)

  /** Taken before it is removed, so that it is nobody else's; false for one that is held. */
  async function retireLock(id: string): Promise<boolean> {
    const lock = await free(store.lock(id, { wait_ms: 0 }))
    const own = lock && (await records.newest('lock', id))
    if (own && (await lock.held())) await records.removeUpTo('lock', id, own.version)
    await lock?.release()
    return lock !== undefined
  }

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
        if (kind !== 'lock') await records.remove(kind, id)
        else if (!(await retireLock(id))) continue
        count++
      }
      return count
    },
    lock: createLocks({ ...options, records }),
  }
  return store
}

const readable = <T>(reading: Promise<T>) => unless('CORRUPT', reading)
const free = (locking: Promise<Lock>) => unless('BUSY', locking)

/** Undefined where it fails with this code. */
async function unless<T>(code: ErrorCode, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof SnapshotError && error.code === code) return undefined
    throw error
  }
}
