import { statePlaceOf } from '../../src/config/state.ts'
import { createFileStore } from '../../src/state/file-store.ts'
import { createRedisBackend } from '../../src/state/redis/backend.ts'
import type { StateStore } from '../../src/state/state-store.ts'

/** For processes that are told on their command line where the state is, as --state tells it. */
export function openStore(place: string): StateStore {
  const { redis, stateDirectory } = statePlaceOf(place, '/')
  const clock = Date.now
  if (!redis) return createFileStore({ directory: stateDirectory, clock })
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  return createRedisBackend({ address: redis, clock, log }).store()
}
