import { isDeepStrictEqual } from 'node:util'
import { type Runner, thisRunner } from '../state/runner.ts'
import type { StateStore } from '../state/state-store.ts'
import { SnapshotError } from './errors.ts'
import { Operation } from './operation.ts'

/** How an operation of this process has to stand on record. */
export interface Debt {
  ended: Operation
  /** Somebody may have been told: it is put on record also where the state has lost the operation meanwhile. */
  anew?: boolean
}

/**
 * Ends of operations that could not be put on record when they came, as on a full disk or while a shared state is away.
 * They are paid before this process looks at its records, and on their own, for others look at them as well.
 */
export interface Debts {
  /** Kept until it is paid. Whether what was tried before has arrived does not matter. */
  owe(id: string, debt: Debt): void
  of(id: string): Operation | undefined
  /** Puts it on record now. False when the operation is somebody else's by now. What fails is owed, and thrown. */
  settle(id: string, debt: Debt): Promise<boolean>
  /** All that can be paid now. Never fails. */
  pay(): Promise<void>
  any(): boolean
  /** Tries once more, and then no more on its own. */
  close(): Promise<void>
}

/** Milliseconds from one try to the next. */
const PAY_MS = 5000

export function createDebts(state: StateStore): Debts {
  const owed = new Map<string, Debt>()
  let paying: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let closed = false

  function owe(id: string, debt: Debt): void {
    owed.set(id, debt)
    payLater()
  }

  function payLater(): void {
    if (closed || timer || owed.size === 0) return
    timer = setTimeout(() => {
      timer = undefined
      void pay().then(payLater)
    }, PAY_MS)
    // It keeps no process from ending.
    timer.unref()
  }

  /** After whatever version is found. */
  async function put(id: string, { ended, anew = false }: Debt): Promise<boolean> {
    for (;;) {
      const found = await state.read('operation', id)
      if (!found && !anew) return true
      const { data: recorded } = Operation.safeParse(found?.value)
      if (found && !isOurs(recorded?.runner)) return false
      if (recorded && recorded.state !== 'running') return true
      if (await state.write('operation', id, ended, found?.version ?? 0)) return true
      // Somebody else was first, perhaps a call of this process that paid the same: see what is there now.
    }
  }

  async function payAll(): Promise<void> {
    for (const [id, debt] of owed) {
      try {
        await put(id, debt)
      } catch (error) {
        // One that is damaged will never be paid. Anything else keeps the others from being paid as well.
        if (!(error instanceof SnapshotError && error.code === 'CORRUPT')) return
      }
      if (owed.get(id) === debt) owed.delete(id)
    }
  }

  function pay(): Promise<void> {
    if (owed.size === 0) return Promise.resolve()
    paying ??= payAll().finally(() => {
      paying = undefined
    })
    return paying
  }

  return {
    owe,
    pay,
    of: (id) => owed.get(id)?.ended,
    async settle(id, debt) {
      try {
        return await put(id, debt)
      } catch (error) {
        owe(id, debt)
        throw error
      }
    },
    any: () => owed.size > 0,
    async close() {
      closed = true
      clearTimeout(timer)
      await paying
      await pay()
    },
  }
}

/** Whether this process works on it, by its record. */
export const isOurs = (runner: Runner | undefined) => isDeepStrictEqual(runner, thisRunner())
