import type { Scheduler } from 'fast-check'
import type { StateStore } from '../../src/state/state-store.ts'
import { createLocklessStore } from './lockless-store.ts'

/** The same with locks that work: one holder at a time, first come, first served; when each comes, the scheduler says. */
export function createLockingStore(scheduler: Scheduler): StateStore {
  const step = (label: string) => scheduler.schedule(Promise.resolve(), label)
  const queues = new Map<string, Promise<void>>()
  return {
    ...createLocklessStore(scheduler),
    async lock(name) {
      await step('ask for a lock')
      const before = queues.get(name)
      let leave = () => {}
      queues.set(
        name,
        new Promise((resolve) => {
          leave = resolve
        }),
      )
      await before
      await step('get a lock')
      return {
        held: () => step('look at a lock').then(() => true),
        release: () => step('release a lock').then(leave),
      }
    },
  }
}
