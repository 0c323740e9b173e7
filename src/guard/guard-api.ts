import type { Caller, Question } from '../snapshots/caller.ts'
import type { PlanView } from '../snapshots/model.ts'
import type { Confirm } from './doors.ts'
import type { Plan } from './plans.ts'
import type { OperationType } from './policy.ts'

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
  /** The call has no place for a confirmation: after the approval it is simply repeated. */
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
  /** The snapshots that go away. */
  removes: readonly { id: string; protected: boolean }[]
  /** Nothing would change, so nobody has to agree. */
  idle?: true
}

/** A destructive call that may not run yet. */
export interface NotRun {
  status: 'dry_run' | 'confirmation_required' | 'approval_required'
  plan: PlanView
  confirmation?: string
  approval?: { code: string; how: string }
  expires_at?: string
}

export interface Grant<P> {
  kind: 'proceed'
  planned: Planned<P>
  /** Records how it ended and lets go of the target. To be called once, whatever happens. */
  settle(outcome: 'done' | 'failed'): Promise<void>
}

export type Verdict<P> =
  | Grant<P>
  | { kind: 'reply'; reply: NotRun }
  | { kind: 'question'; question: Question }

export interface Guard {
  /** For operations that destroy nothing: the policy alone decides. */
  permit(type: OperationType, provider: string): void
  /** Decides whether a destructive operation may run now. Whatever goes wrong in here, the answer is no. */
  authorize<P>(request: GuardRequest<P>, caller: Caller): Promise<Verdict<P>>
  /** The rules in force, for snapshot_status. */
  describe(): Record<string, unknown>
}
