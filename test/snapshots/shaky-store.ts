import { unreachable } from '../../src/state/redis/trouble.ts'
import type { Kind, StateStore } from '../../src/state/state-store.ts'

/** A store that goes away and comes back, as one behind a network does. */
export function shaky(store: StateStore) {
  let isAway = false
  let losing: Kind | undefined

  const there = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      if (isAway) throw unreachable(false)
      return call(...args)
    }
  }
  const state: StateStore = {
    read: there(store.read),
    list: there(store.list),
    remove: there(store.remove),
    retire: there(store.retire),
    lock: there(store.lock),
    write: there(async (kind, ...rest) => {
      const version = await store.write(kind, ...rest)
      if (kind !== losing) return version
      losing = undefined
      isAway = true
      throw unreachable(true)
    }),
  }
  return {
    state,
    leave() {
      isAway = true
    },
    comeBack() {
      isAway = false
    },
    /** The next record of this kind arrives, the answer to it does not, and then the store is away. */
    loseAnswerTo(kind: Kind) {
      losing = kind
    },
  }
}
export type Shaky = ReturnType<typeof shaky>
