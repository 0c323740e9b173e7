import { expect, onTestFinished } from 'vitest'
import { statePlaceOf } from '../../../src/config/state.ts'
import { createLog } from '../../../src/log.ts'
import { createRedisBackend } from '../../../src/state/redis/backend.ts'

/**
 * The state of a server in a Redis for the running test, with what its log says. More patient than a server is, so that no
 * test depends on how busy the machine is.
 */
export function openBackend(url: string, { patience_ms = 10_000, clock = Date.now } = {}) {
  const lines: string[] = []
  const log = createLog({ level: 'debug', write: (line) => void lines.push(line) })
  const address = statePlaceOf(url, '/home').redis!
  const backend = createRedisBackend({ address, clock, log, patience_ms })
  onTestFinished(() => backend.close())
  return { ...backend, lines }
}

/** Asks again until it is answered: a Redis that comes back is called every now and then. */
export async function soon<T>(ask: () => Promise<T>): Promise<T> {
  let answer: T | undefined
  const isAnswered = async () => {
    answer = await ask()
    return true
  }
  await expect.poll(() => isAnswered().catch(() => false), { timeout: 20_000 }).toBe(true)
  return answer as T
}
