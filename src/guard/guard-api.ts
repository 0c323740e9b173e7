import type { Caller, Question } from '../snapshots/caller.ts'
import type { PlanView, Snapshot } from '../snapshots/model.ts'
import type { Confirm, Door } from './doors.ts'
import type { Plan } from './plans.ts'
import type { Deed } from './policy.ts'
import type { Spending } from './quotas.ts'

/** A destructive call, as the service puts it to the guard. `P` is the provider's own plan. */
export interface GuardRequest<P> {
  type: Plan['type']
  provider: string
  /** What the call names. */
  targets: readonly string[]
  /** As parsed; `confirmation` and `dry_run` do not count. */
  args: Record<string, unknown>
  confirmation?: string | undefined
  dry_run?: boolean
  confirm: Confirm
  /** After an approval the call may be repeated as it was, without the confirmation. */
  repeatable?: true
  /** What to lock, where it is known before planning. */
  lock?: string | undefined
  /** The id under which it will run. */
  operation: string
  /** Looks at the live state and says what would be done now. Changes nothing. */
  plan(): Promise<Planned<P>>
}

export interface Planned<P> {
  what: P
  view: PlanView
  fingerprint: string
  /** What to hold while the live state is compared and changed. */
  lock: string
  /** The id whose end a person types when there is no way back. */
  subject: string
  /** The snapshots that go away; absent where none does. */
  removes?: Removes
  /** In place of the request's, where only a look at the live state can tell. */
  confirm?: Confirm
  /** Nothing would change, so nobody has to agree. */
  idle?: true
}

export interface Removes {
  snapshots: readonly Snapshot[]
  /** All snapshots of the provider, for the rules that count what stays. */
  shelf(): Promise<readonly Snapshot[]>
}

/** A destructive call that may not run yet. */
export interface NotRun {
  status: 'dry_run' | 'confirmation_required' | 'approval_required'
  plan: PlanView
  confirmation?: string
  approval?: { code: string; how: string }
  expires_at?: string
}

/** What an operation passed before it ran, for its record. */
export interface Passage {
  /** The plan that was confirmed. Absent where there was nothing to pass. */
  plan?: string
  doors: readonly Door[]
  /** The person at the terminal. */
  approved_by?: string
}

export interface Grant<P> {
  kind: 'proceed'
  planned: Planned<P>
  passed: Passage
  /** To be called right before the target is touched. BUSY when somebody took it over meanwhile. */
  stillHeld(): Promise<void>
  /** Records how it ended and lets go of the target. To be called once, whatever happens. */
  settle(outcome: Ending, removed?: Removed): Promise<void>
}

/** How an operation ended. `unknown`: it may go on, and whoever takes it up tells how it ended. */
export type Ending = 'done' | 'failed' | 'unknown'

/** The ids of the snapshots that went, and of those that were meant to go and stayed. */
export interface Removed {
  gone: readonly string[]
  left: readonly string[]
}

export type Verdict<P> =
  | Grant<P>
  | { kind: 'reply'; reply: NotRun }
  | { kind: 'question'; question: Question }

export interface Guard {
  /** For operations that destroy nothing: the policy alone decides. */
  permit(deed: Deed, caller: Caller): Promise<void>
  /** Whether the policy lets this server change anything with this provider. */
  mayChange(provider: string): boolean
  /** Whether a create would be within the quotas, before anything is written for it. */
  checkCharge(spending: Omit<Spending, 'type'>, caller: Caller): Promise<void>
  /** Counts a create against the quotas. To be called once it is certain that it is made anew. */
  charge(spending: Omit<Spending, 'type'>, caller: Caller): Promise<void>
  /**
   * For a delete that is to happen later, when nobody can be asked: the policy decides, mode `human` says no, and the
   * quotas count it now. To be told how the change that sets it ended.
   */
  permitExpiry(snapshot: Snapshot, expiry: Expiry, caller: Caller): Promise<Grant<unknown>['settle']>
  /** For a change of what the policy may protect a snapshot by. */
  permitChange(before: Snapshot, change: Renaming, caller: Caller): Promise<void>
  /** What of `due` the policy lets go, oldest first, so that a retention rule need not fail over the rest. */
  removable(due: readonly Snapshot[], shelf: readonly Snapshot[], way: RemovalWay): Snapshot[]
  /** Decides whether a destructive operation may run now. Whatever goes wrong in here, the answer is no. */
  authorize<P>(request: GuardRequest<P>, caller: Caller): Promise<Verdict<P>>
  /** Records how an operation ended that another process has begun under this plan, so that a repeat is told. */
  conclude(ended: Ended): Promise<void>
  /** The rules in force, for snapshot_status. */
  describe(): Record<string, unknown>
}

export interface Expiry {
  reversible: boolean
  /** When it is to go. */
  at: string
  /** The operation that sets it. */
  operation: string
}

/** What a policy may know a snapshot by. */
export interface Renaming {
  name?: string
  labels?: Snapshot['labels']
}

/** An operation of a process that was killed. */
export interface Ended {
  /** Absent where nothing had to be confirmed. */
  plan?: string | undefined
  operation: string
  principal: string
  outcome: 'done' | 'failed'
}

export interface RemovalWay {
  provider: string
  reversible: boolean
}
