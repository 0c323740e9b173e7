import { takenOver } from '../guard/refusals.ts'
import type { Lock } from '../state/state-store.ts'
import { madeBy } from './create.ts'
import { type Environment, release, sourceLock } from './environment.ts'
import { SnapshotError } from './errors.ts'
import { execute, noting, undoUntil } from './execute.ts'
import type { Interrupted } from './interrupted.ts'
import type { Operation, StoredOperation } from './operation.ts'
import type { Run } from './operations.ts'
import type { Context, CreateRequest, Provider, RestoreRequest } from './provider.ts'
import { restoredBy } from './restore.ts'

/**
 * Finds out what became of creates and restores that a cloud may have gone on with while no process of ours was
 * watching, and sees them through. What is asked for again goes on in the background; its record tells how it ends.
 */
export interface Resumption {
  /** Takes one up, unless it has ended, somebody is at work on it, or its provider cannot. Never fails. */
  takeUp(provider: Provider, operation: string): Promise<void>
  /** All of a provider. Never fails. */
  takeUpAll(provider: Provider): Promise<void>
}

type Needs = Pick<Environment, 'guard' | 'state' | 'operations' | 'background' | 'clock' | 'log'>

export function createResumption(env: Needs): Resumption {
  const { guard, state, operations, background, log } = env

  async function takeUp(provider: Provider, id: string): Promise<void> {
    // Whoever may only look leaves it to those who may finish it: a Droplet may have to be switched on again.
    if (!provider.resume || !guard.mayChange(provider.name)) return
    try {
      const left = await operations.abandoned(id)
      if (left?.operation.provider === provider.name) await begin(provider, left)
    } catch (error) {
      log.warn('an operation could not be taken up', { operation: id, error })
    }
  }

  async function begin(provider: Provider, { id, operation }: StoredOperation): Promise<void> {
    if (!operation.capture && !operation.restoring) return
    const lock = await lockOf(provider, operation)
    if (lock === 'taken') return
    const run = await operations.adopt(id).catch(async (error) => {
      if (lock) await release(env, lock)
      throw error
    })
    if (!run) return lock && release(env, lock)
    log.info('taking up what was interrupted', { operation: id, provider: provider.name })
    const nobody = { signal: new AbortController().signal, progress() {} }
    background.start(
      { operation: id, caller: nobody, runs: 'on_its_own', finishes: false },
      async (reach) => {
        const ctx: Context = {
          ...reach,
          log,
          operation: id,
          note: noting(run),
          ...(lock && { stillHeld: holding(lock) }),
        }
        try {
          await seeThrough(provider, run, ctx)
        } finally {
          if (lock) await release(env, lock)
        }
      },
    )
  }

  /** What the operation had locked; undefined where it had nothing, `taken` where somebody is at work there. */
  async function lockOf(
    { name, capabilities }: Provider,
    { lock, capture }: Operation,
  ): Promise<Lock | undefined | 'taken'> {
    const source = capture && !capabilities.recipes.includes(capture.source.kind) ? capture.source : undefined
    const key = lock ?? (source && sourceLock(name, source))
    if (key === undefined) return undefined
    try {
      return await state.lock(key, { wait_ms: 0 })
    } catch (error) {
      if (error instanceof SnapshotError && error.code === 'BUSY') return 'taken'
      throw error
    }
  }

  async function seeThrough(provider: Provider, run: Run, ctx: Context): Promise<void> {
    const { capture, restoring, plan, principal } = run.operation
    const { create, restore } = provider.resume!
    let outcome: 'done' | 'failed' = 'failed'
    try {
      await execute<unknown>(env, run, async () => {
        if (capture) {
          const request = { ...capture, auto: false, protected: false } as CreateRequest
          return madeBy(provider, await create(interrupted(run, request), ctx))
        }
        const wayBack = (snapshot: string): Partial<Operation> => ({
          undo: { kind: 'restore', snapshot },
          undo_until: undoUntil(env, {}),
        })
        const record: Context['record'] = ({ safety_snapshot }) => run.note(wayBack(safety_snapshot))
        const result = await restore(interrupted(run, restoring as RestoreRequest), { ...ctx, record })
        return restoredBy(provider, result, wayBack)
      })
      outcome = 'done'
    } catch {
      // It is in the record, and nobody waits for it here.
    }
    if (run.operation.state !== 'unknown')
      await guard.conclude({ plan, operation: run.id, principal, outcome }).catch((error) => {
        log.error('the outcome of an operation was not told to the guard', { operation: run.id, error })
      })
  }

  return {
    takeUp,
    async takeUpAll(provider) {
      if (!provider.resume || !guard.mayChange(provider.name)) return
      try {
        for (const left of await operations.allAbandoned(provider.name)) await begin(provider, left)
      } catch (error) {
        log.warn('what was interrupted could not be taken up', { provider: provider.name, error })
      }
    },
  }
}

const interrupted = <Request>({ id, operation }: Run, request: Request): Interrupted<Request> => ({
  operation: id,
  started_at: operation.started_at,
  request,
  facts: operation.facts,
})

const holding = (lock: Lock) => async () => {
  if (!(await lock.held())) throw takenOver()
}
