import { type Environment, release } from './environment.ts'
import { beforeChange, toProblem } from './errors.ts'
import { failureOf } from './operation.ts'
import type { Run } from './operations.ts'
import type { Provider } from './provider.ts'

/**
 * Held by whoever works on an operation that others could take up: as long as the lock gives a sign of life, they do not.
 * The record alone cannot tell, where its process runs in another container.
 */
export const aliveLock = (operation: string) => `operation:${operation}`

/** Works on an operation, and has it looked at again when the work ends without anybody knowing how it ended. */
export async function alive<R>(
  env: Environment,
  provider: Provider | undefined,
  run: Run,
  work: () => Promise<R>,
): Promise<R> {
  if (!provider?.resume) return work()
  const lock = await beforeChange(env.state.lock(aliveLock(run.id))).catch(async (error) => {
    // What cannot be put on record is owed.
    await run.end('failed', failureOf(toProblem(error))).catch(() => {})
    throw error
  })
  try {
    return await work()
  } finally {
    await release(env, lock)
    if (run.operation.state === 'unknown') env.resumption.takeUpLater(provider, run.id)
  }
}
