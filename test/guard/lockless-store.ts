import type { Scheduler } from 'fast-check'
import type { StateStore, Versioned } from '../../src/state/state-store.ts'

/**
 * State in memory whose every step takes place when the scheduler says so, and whose locks let everybody in: what is
 * right on it is right by compare-and-set alone.
 */
export function createLocklessStore(scheduler: Scheduler): StateStore {
  const records = new Map<string, Versioned>()
  const step = <T>(label: string, act: () => T) => scheduler.schedule(Promise.resolve(), label).then(act)
  const refuse = () => Promise.reject(new Error('not part of this store'))
  return {
    read: (kind, id) => step('read', () => structuredClone(records.get(`${kind}/${id}`))),
    write: (kind, id, value, after) =>
      step('write', () => {
        const key = `${kind}/${id}`
        if ((records.get(key)?.version ?? 0) !== after) return undefined
        records.set(key, { value: structuredClone(value), version: after + 1 })
        return after + 1
      }),
    lock: () => step('lock', () => ({ held: async () => true, release: async () => {} })),
    list: (kind) =>
      step('list', () =>
        [...records].flatMap(([key, record]) =>
          key.startsWith(`${kind}/`) ? [{ id: key.slice(kind.length + 1), ...structuredClone(record) }] : [],
        ),
      ),
    remove: refuse,
    retire: refuse,
  }
}
