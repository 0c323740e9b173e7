import { takenOver } from '../guard/refusals.ts'
import { type Environment, sourceLock } from './environment.ts'
import { SnapshotError } from './errors.ts'
import type { Recovered, RecoveryHands } from './interrupted.ts'
import type { Operation } from './operation.ts'
import type { Provider } from './provider.ts'

/**
 * Returns what to call before a provider is used: it has the provider take up what a process that was killed has left
 * half done, and ends the records of those operations. Never fails: what cannot be taken up keeps nobody from working.
 */
export function createRecovery(
  env: Pick<Environment, 'guard' | 'state' | 'operations' | 'log'>,
): (provider: Provider) => Promise<void> {
  const { guard, state, operations, log } = env
  /** Calls that come at once wait for the same recovery. */
  const running = new Map<Provider, Promise<void>>()
  /** Nobody waits for it or stops it. What is taken up goes on under the id that it was begun with. */
  const ctx = { signal: new AbortController().signal, progress() {}, log, operation: operations.newId() }

  async function recover(provider: Provider): Promise<void> {
    try {
      await provider.recover?.(handsFor(provider), ctx)
    } catch (error) {
      log.warn('what was interrupted could not be taken up', { provider: provider.name, error })
    }
  }

  function handsFor({ name }: Provider): RecoveryHands {
    return {
      async hold(target) {
        try {
          const lock = await state.lock(sourceLock(name, target), { wait_ms: 0 })
          return {
            release: lock.release,
            async stillHeld() {
              if (!(await lock.held())) throw takenOver()
            },
          }
        } catch (error) {
          if (error instanceof SnapshotError && error.code === 'BUSY') return undefined
          throw error
        }
      },
      async settle(recovered) {
        const operation = await operations.conclude(recovered.operation, factsOf(recovered))
        if (!operation || recovered.outcome === 'left') return
        await guard.conclude({
          plan: operation.plan,
          operation: recovered.operation,
          principal: operation.principal,
          outcome: recovered.outcome === 'finished' ? 'done' : 'failed',
        })
      },
    }
  }

  return async (provider) => {
    // A server that may not restore leaves this to another one.
    if (!provider.recover || !guard.mayChange(provider.name)) return
    const already = running.get(provider)
    if (already) return already
    const work = recover(provider).finally(() => running.delete(provider))
    running.set(provider, work)
    await work
  }
}

function factsOf({
  outcome,
  message,
  fingerprint,
}: Recovered): Pick<Operation, 'state'> & Partial<Operation> {
  if (outcome === 'finished')
    return { state: 'done', ...(fingerprint !== undefined && { left: fingerprint }) }
  const error = { code: 'INTERNAL', message, retryable: false }
  if (outcome === 'rolled_back') {
    const hint = 'Make the call again if it is still wanted.'
    return {
      state: 'failed',
      undo: undefined,
      undo_until: undefined,
      error: { ...error, hint, outcome: 'not_started' },
    }
  }
  const hint = 'Call snapshot_diff to see how it stands, and snapshot_undo or a new restore to leave it.'
  return { state: 'unknown', error: { ...error, hint, outcome: 'partial' } }
}
