import { setTimeout as sleep } from 'node:timers/promises'
import { hasEnded, isCheckable, thisRunner } from '../state/runner.ts'
import type { StateStore } from '../state/state-store.ts'
import { createDebts, isOurs } from './debts.ts'
import { fail, toProblem } from './errors.ts'
import {
  type Beginning,
  cancelledWhileWaiting,
  failureOf,
  Operation,
  type StoredOperation,
} from './operation.ts'

/** An operation of this process. */
export interface Run {
  readonly id: string
  /** As it stands in the record, or is to stand there. */
  readonly operation: Operation
  /** Adds facts durably. Where that fails they may be on record all the same, until its end. */
  note(facts: Partial<Operation>): Promise<void>
  /** Where the record cannot be written, that is tried again until it is, and before this process looks at it. */
  end(state: 'done' | 'failed' | 'unknown', facts?: Partial<Operation>): Promise<void>
}

/** What is found is told as it stands: an operation whose process is gone is not running, but `unknown`. */
export interface Operations {
  newId(): string
  begin(id: string, beginning: Beginning): Promise<Run>
  /** A call that a person did not allow. */
  declined(id: string, beginning: Beginning): Promise<void>
  /** Ends the record of an operation whose process was killed. Undefined when there is none, or when it has ended. */
  conclude(id: string, how: Pick<Operation, 'state'> & Partial<Operation>): Promise<Operation | undefined>
  /** Makes an operation that nobody works on one of this process. Undefined when it has ended, or somebody was first. */
  adopt(id: string): Promise<Run | undefined>
  /** One that has not ended and that nobody works on, whoever began it. */
  abandoned(id: string): Promise<StoredOperation | undefined>
  /** All of those of a provider. */
  allAbandoned(provider: string): Promise<StoredOperation[]>
  /** Forgets one that never came to work, or has it told as that. Never fails. */
  discard(run: Run): Promise<void>
  /** Undefined when unknown or somebody else's. */
  find(id: string, principal: string): Promise<StoredOperation | undefined>
  /** As `find`, but waits up to `wait_ms` while it is running, in whatever process. */
  settled(
    id: string,
    principal: string,
    wait_ms: number,
    signal: AbortSignal,
  ): Promise<StoredOperation | undefined>
  /** Claims the undo for the operation `by`. False when somebody else was first. */
  markUndone(stored: StoredOperation, by: string): Promise<boolean>
  /** All of this principal, newest first. */
  list(principal: string): Promise<StoredOperation[]>
  /** Something that ended is not on record yet. */
  owes(): boolean
  /** Tries once more to put on record what is not there yet. */
  close(): Promise<void>
}

/** After this long an operation is taken for ended whose process cannot be checked, being of another container. */
const LONGEST_MS = 10 * 60_000

export interface OperationsOptions {
  state: StateStore
  clock: () => number
  random: (size: number) => Buffer
}

export function createOperations({ state, clock, random }: OperationsOptions): Operations {
  const debts = createDebts(state)

  async function write(id: string, operation: Operation, after: number): Promise<number> {
    const version = await state.write('operation', id, operation, after)
    if (version === undefined) throw notAsLeft(id)
    return version
  }

  const started = (beginning: Beginning, how: 'running' | 'declined'): Operation => ({
    ...beginning,
    v: 1,
    state: how,
    started_at: clock(),
    runner: thisRunner(),
  })

  async function find(id: string, principal: string): Promise<StoredOperation | undefined> {
    const found = await read(id)
    return found?.operation.principal === principal ? found : undefined
  }

  async function read(id: string): Promise<StoredOperation | undefined> {
    await debts.pay()
    const found = await state.read('operation', id)
    const { data: operation } = Operation.safeParse(found?.value)
    return found && operation && { id, version: found.version, operation: asItStands(id, operation) }
  }

  async function everything(): Promise<StoredOperation[]> {
    await debts.pay()
    return (await state.list('operation')).flatMap(({ id, version, value }) => {
      const { data: operation } = Operation.safeParse(value)
      return operation ? [{ id, version, operation: asItStands(id, operation) }] : []
    })
  }

  function runOf(id: string, from: Operation, at: number): Run {
    let operation = from
    let version = at
    let isInDoubt = false

    /** What this process wrote last, of which it may not have heard that it arrived. */
    async function readBack(): Promise<number> {
      const found = await state.read('operation', id)
      const { data: recorded } = Operation.safeParse(found?.value)
      if (!found || recorded?.state !== 'running' || !isOurs(recorded.runner)) throw notAsLeft(id)
      return found.version
    }

    return {
      id,
      get operation() {
        return operation
      },
      async note(facts) {
        const next = { ...operation, ...facts }
        if (isInDoubt) version = await readBack()
        isInDoubt = true
        version = await write(id, next, version)
        isInDoubt = false
        operation = next
      },
      async end(how, facts = {}) {
        operation = { ...operation, ...facts, state: how, ended_at: clock() }
        const debt = { ended: operation, anew: true }
        let isWritten: boolean
        try {
          isWritten = (await state.write('operation', id, operation, version)) !== undefined
        } catch (error) {
          debts.owe(id, debt)
          throw error
        }
        // A note may have arrived of which that was not known, or the state has forgotten what it was told.
        if (!isWritten && !(await debts.settle(id, debt))) throw notAsLeft(id)
      },
    }
  }

  /** Nobody ends an operation whose process is gone: how it went is then not known. */
  function asItStands(id: string, operation: Operation): Operation {
    const { state: recorded, runner, started_at, taken_up_at = started_at } = operation
    if (recorded !== 'running') return operation
    const owed = debts.of(id)
    if (owed && isOurs(runner)) return owed
    const isGone = isCheckable(runner) ? hasEnded(runner) : clock() - taken_up_at > LONGEST_MS
    return isGone ? { ...operation, state: 'unknown' } : operation
  }

  return {
    newId: () => `op_${random(10).toString('hex')}`,

    async begin(id, beginning) {
      const operation = started(beginning, 'running')
      try {
        return runOf(id, operation, await write(id, operation, 0))
      } catch (error) {
        // The record may be there all the same. Then it is that of an operation that nobody began.
        debts.owe(id, { ended: neverBegun(operation, error, clock()) })
        throw error
      }
    },
    async adopt(id) {
      const found = await read(id)
      // What is owed for it would end what is begun now.
      if (found?.operation.state !== 'unknown' || debts.of(id)) return undefined
      const { ended_at: _, error: __, ...rest } = found.operation
      const operation: Operation = {
        ...rest,
        state: 'running',
        runner: thisRunner(),
        taken_up_at: clock(),
      }
      try {
        const version = await state.write('operation', id, operation, found.version)
        return version === undefined ? undefined : runOf(id, operation, version)
      } catch (error) {
        // It may be ours by now, and nobody works on it.
        debts.owe(id, { ended: { ...found.operation, runner: thisRunner() } })
        throw error
      }
    },
    async abandoned(id) {
      const found = await read(id)
      return found?.operation.state === 'unknown' ? found : undefined
    },
    async allAbandoned(provider) {
      const all = await everything()
      return all.filter(({ operation }) => operation.provider === provider && operation.state === 'unknown')
    },

    async declined(id, beginning) {
      await write(id, started(beginning, 'declined'), 0)
    },
    async conclude(id, how) {
      const found = await state.read('operation', id)
      const { data: operation } = Operation.safeParse(found?.value)
      if (!found || operation?.state !== 'running') return undefined
      const ended = { ...operation, ...how, ended_at: clock() }
      return (await state.write('operation', id, ended, found.version)) === undefined ? undefined : ended
    },
    async discard({ id, operation }) {
      await state.remove('operation', id).catch((error) => {
        debts.owe(id, { ended: neverBegun(operation, error, clock()) })
      })
    },
    find,

    async settled(id, principal, wait_ms, signal) {
      for (let waited = 0, pause = 10; ; waited += pause) {
        const found = await find(id, principal)
        if (found?.operation.state !== 'running' || waited >= wait_ms) return found
        if (signal.aborted) throw cancelledWhileWaiting(id)
        pause = Math.min(pause * 2, 250, wait_ms - waited)
        await sleep(pause, undefined, { signal }).catch(() => {})
      }
    },

    async markUndone({ id, version, operation }, by) {
      return (await state.write('operation', id, { ...operation, undone_by: by }, version)) !== undefined
    },

    async list(principal) {
      const all = await everything()
      return all
        .filter(({ operation }) => operation.principal === principal)
        .sort((a, b) => b.operation.started_at - a.operation.started_at)
    },
    owes: debts.any,
    close: debts.close,
  }
}

function neverBegun(operation: Operation, cause: unknown, now: number): Operation {
  const failure = failureOf({ ...toProblem(cause), outcome: 'not_started' })
  return { ...operation, ...failure, state: 'failed', ended_at: now }
}

function notAsLeft(id: string) {
  return fail(
    'CONFLICT',
    `The record of ${id} is not as this server left it: another server took it up, or the state lost what was written last.`,
    'snapshot_status shows what is on record. Make the call again if it is still wanted.',
    { outcome: 'unknown', operation: id },
  )
}
