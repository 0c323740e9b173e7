import { createApprovals } from '../../src/guard/approvals.ts'
import type { Mode } from '../../src/guard/doors.ts'
import { createGuard } from '../../src/guard/guard.ts'
import type { Grant, GuardRequest, NotRun, Verdict } from '../../src/guard/guard-api.ts'
import type { Policy } from '../../src/guard/policy.ts'
import type { Question } from '../../src/snapshots/caller.ts'
import type { Snapshot } from '../../src/snapshots/model.ts'
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
  const live = { fingerprint: 'as shown', reversible, snapshots: [aSnapshot(), newer()], plans: 0 }
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

  const request = (
    fields: Partial<GuardRequest<string>> = {},
    wanted: readonly string[] = [SUBJECT],
  ): GuardRequest<string> => ({
    type: 'delete',
    provider: 'memory',
    targets: wanted,
    args: { snapshots: wanted, dry_run: false },
    confirm: 'always',
    operation: `op_${String(++count).padStart(8, '0')}`,
    async plan() {
      live.plans++
      return {
        what: 'the plan of the provider',
        view: { summary: 'Delete "my snapshot"', effects: {}, reversible: live.reversible, warnings: [] },
        fingerprint: live.fingerprint,
        lock: 'memory:snapshots',
        subject: SUBJECT,
        removes: {
          snapshots: live.snapshots.filter(({ id }) => wanted.includes(id)),
          shelf: async () => live.snapshots,
        },
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

const SUBJECT = 'memory:abc123456'

/** As old as the day, unless told otherwise. */
export function aSnapshot(fields: Partial<Snapshot> = {}): Snapshot {
  return {
    id: SUBJECT,
    provider: 'memory',
    name: 'my snapshot',
    state: 'ready',
    captures: ['files'],
    source: { kind: 'box', id: 'desk', name: 'desk' },
    created_at: new Date(NOON - 12 * 3_600_000).toISOString(),
    labels: {},
    protected: false,
    auto: false,
    native: {},
    ...fields,
  }
}

/** Made after the one that the requests name, which therefore is not the newest. */
const newer = () =>
  aSnapshot({ id: 'memory:def789012', created_at: new Date(NOON - 3_600_000).toISOString() })

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
