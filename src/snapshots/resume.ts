import type { Ending } from '../guard/guard-api.ts'
import type { Lock } from '../state/state-store.ts'
import { aliveLock } from './alive.ts'
import { madeBy } from './create.ts'
import { type Environment, holding, release, sourceLock } from './environment.ts'
import { SnapshotError } from './errors.ts'
import { execute, noting, undoUntil } from './execute.ts'
import type { Interrupted } from './interrupted.ts'
import type { Operation, StoredOperation } from './operation.ts'
import type { Run } from './operations.ts'
import type { Context, CreateRequest, Provider, RestoreRequest } from './provider.ts'
import { restoredBy } from './restore.ts'

/**
 * Finds out what became of creates and restores that a cloud may have gone on with while no process of ours was
 * watching, and sees them through. What is taken up goes on in the background; its record tells how it ends.
 */
export interface Resumption {
  /**
   * Takes one up, unless it has ended, is too old, belongs to another account, or its provider cannot. True when
   * somebody else is at work on it. Never fails.
   */
  takeUp(provider: Provider, operation: string): Promise<boolean>
  /** All of a provider, at most once a minute unless it is to be `now`. Never fails. */
  takeUpAll(provider: Provider, when?: 'now'): Promise<void>
  /** In a while, and then again as long as nobody knows how it ended: no call need come for that. */
  takeUpLater(provider: Provider, operation: string): void
  /** Forgets what was to be taken up later. */
  close(): void
}

/** What was begun so long ago is left to people: who knows what has been done to it since. */
const OLDEST_MS = 24 * 3_600_000
/** Milliseconds between two looks for what others have left. */
const LOOK_MS = 60_000

type Needs = Pick<Environment, 'guard' | 'state' | 'operations' | 'background' | 'clock' | 'log' | 'changed'>

export function createResumption(env: Needs): Resumption {
  const { guard, state, operations, background, clock, log } = env
  const looks = new Map<string, { at: number; work: Promise<void> }>()
  const waiting = new Set<NodeJS.Timeout>()
  let closed = false

  // Whoever may only look leaves it to those who may finish it: a Droplet may have to be switched on again.
  const can = (provider: Provider) => provider.resume !== undefined && guard.mayChange(provider.name)

  async function takeUpEach(provider: Provider): Promise<void> {
    try {
      for (const left of await operations.allAbandoned(provider.name)) await begin(provider, left)
    } catch (error) {
      log.warn('what was interrupted could not be taken up', { provider: provider.name, error })
    }
  }

  /** True when somebody else is at work on it. */
  async function begin(provider: Provider, left: StoredOperation): Promise<boolean> {
    if (!isFor(provider, left.operation, clock())) return false
    const own = await lockNow(aliveLock(left.id))
    if (!own) return true
    const held = [own]
    const letGo = () => Promise.all(held.map((lock) => release(env, lock)))
    try {
      const target = targetOf(provider, left.operation)
      const lock = target === undefined ? undefined : await lockNow(target)
      if (lock) held.push(lock)
      const run = target !== undefined && !lock ? undefined : await operations.adopt(left.id)
      if (run) goOn(provider, run, lock, letGo)
      else await letGo()
    } catch (error) {
      await letGo()
      throw error
    }
    return false
  }

  function goOn(provider: Provider, run: Run, lock: Lock | undefined, letGo: () => Promise<unknown>): void {
    log.info('taking up what was interrupted', { operation: run.id, provider: provider.name })
    const nobody = { signal: new AbortController().signal, progress() {} }
    const how = { operation: run.id, caller: nobody, runs: 'on_its_own', finishes: false } as const
    background.start(how, async (reach) => {
      const ctx: Context = {
        ...reach,
        log,
        operation: run.id,
        note: noting(run),
        ...(lock && { stillHeld: holding(lock) }),
      }
      try {
        await seeThrough(provider, run, ctx)
      } finally {
        await letGo()
      }
    })
  }

  async function lockNow(name: string): Promise<Lock | undefined> {
    try {
      return await state.lock(name, { wait_ms: 0 })
    } catch (error) {
      if (error instanceof SnapshotError && error.code === 'BUSY') return undefined
      throw error
    }
  }

  async function seeThrough(provider: Provider, run: Run, ctx: Context): Promise<void> {
    const { capture, restoring, plan, principal } = run.operation
    const { create, restore } = provider.resume!
    let outcome: Ending = 'failed'
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
    if (run.operation.state === 'unknown') return takeUpLater(provider, run.id)
    await guard.conclude({ plan, operation: run.id, principal, outcome }).catch((error) => {
      log.error('the outcome of an operation was not told to the guard', { operation: run.id, error })
    })
  }

  async function takeUp(provider: Provider, id: string): Promise<boolean> {
    if (!can(provider)) return false
    try {
      const left = await operations.abandoned(id)
      return left !== undefined && (await begin(provider, left))
    } catch (error) {
      log.warn('an operation could not be taken up', { operation: id, error })
      return false
    }
  }

  function takeUpLater(provider: Provider, id: string): void {
    if (closed || !can(provider)) return
    const timer = setTimeout(() => {
      waiting.delete(timer)
      void takeUp(provider, id)
    }, LOOK_MS)
    // It keeps no process from ending.
    waiting.add(timer.unref())
  }

  return {
    takeUp,
    takeUpLater,
    close() {
      closed = true
      for (const timer of waiting) clearTimeout(timer)
    },
    async takeUpAll(provider, when) {
      if (!can(provider)) return
      const last = looks.get(provider.name)
      if (last && when !== 'now' && performance.now() - last.at < LOOK_MS) return last.work
      const work = takeUpEach(provider)
      looks.set(provider.name, { at: performance.now(), work })
      await work
    },
  }
}

function isFor({ name, account }: Provider, operation: Operation, now: number): boolean {
  const isOurs = operation.provider === name && operation.account === account
  const isWork = operation.capture !== undefined || operation.restoring !== undefined
  return isOurs && isWork && now - operation.started_at <= OLDEST_MS
}

/** What the operation had locked, beside itself. */
function targetOf({ name, capabilities }: Provider, { lock, capture }: Operation): string | undefined {
  const isRead = capture && capabilities.recipes.includes(capture.source.kind)
  return lock ?? (capture && !isRead ? sourceLock(name, capture.source) : undefined)
}

const interrupted = <Request>({ id, operation }: Run, request: Request): Interrupted<Request> => ({
  operation: id,
  started_at: operation.started_at,
  request,
  facts: operation.facts,
})
