import { createApprovals } from '../../src/guard/approvals.ts'
import type { Mode } from '../../src/guard/doors.ts'
import { createGuard } from '../../src/guard/guard.ts'
import type { Grant, GuardRequest, NotRun, Verdict } from '../../src/guard/guard-api.ts'
import type { Policy } from '../../src/guard/policy.ts'
import type { Question } from '../../src/snapshots/caller.ts'
import { createFileStore } from '../../src/state/file-store.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { NOON, silent, temporaryDirectory } from '../snapshots/world.ts'

export interface DeskOptions {
  mode?: Mode
  reversible?: boolean
  directory?: string
  state?: (store: StateStore) => StateStore
}

/** A guard over a real store, and requests to a live state that tests can change under its hands. */
export function createDesk({ mode = 'token', reversible = true, directory, state: wrap }: DeskOptions = {}) {
  const time = { now: NOON }
  const clock = () => time.now
  const store = createFileStore({ directory: directory ?? temporaryDirectory(), clock })
  const state = wrap?.(store) ?? store
  const live = { fingerprint: 'as shown', reversible, protected: false, plans: 0 }
  const rules: { now: Policy } = { now: { read_only: false, delete: 'permanent' } }
  let count = 0

  const start = (how: Mode = mode, approveCommand?: (code: string) => string) =>
    createGuard({
      state,
      mode: how,
      policy: () => rules.now,
      ...(approveCommand && { approveCommand }),
      clock,
      log: silent,
    })

  const request = (fields: Partial<GuardRequest<string>> = {}): GuardRequest<string> => ({
    type: 'delete',
    provider: 'memory',
    targets: ['memory:abc123456'],
    args: { snapshots: ['memory:abc123456'], dry_run: false },
    confirm: 'always',
    operation: `op_${String(++count).padStart(8, '0')}`,
    async plan() {
      live.plans++
      return {
        what: 'the plan of the provider',
        view: { summary: 'Delete "my snapshot"', effects: {}, reversible: live.reversible, warnings: [] },
        fingerprint: live.fingerprint,
        lock: 'memory:snapshots',
        subject: 'memory:abc123456',
        removes: [{ id: 'memory:abc123456', protected: live.protected }],
      }
    },
    ...fields,
  })

  return {
    time,
    rules,
    live,
    state,
    start,
    request,
    guard: start(),
    approvals: createApprovals({ state, clock }),
  }
}

export function granted(verdict: Verdict<string>): Grant<string> {
  if (verdict.kind !== 'proceed') throw new Error(`expected a grant, got ${JSON.stringify(verdict)}`)
  return verdict
}

export function replied(verdict: Verdict<string>): NotRun {
  if (verdict.kind !== 'reply') throw new Error(`expected a reply, got ${JSON.stringify(verdict)}`)
  return verdict.reply
}

export function asked(verdict: Verdict<string>): Question {
  if (verdict.kind !== 'question') throw new Error(`expected a question, got ${JSON.stringify(verdict)}`)
  return verdict.question
}
