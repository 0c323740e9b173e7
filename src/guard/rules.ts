import type { Caller } from '../snapshots/caller.ts'
import { toProblem } from '../snapshots/errors.ts'
import type { StateStore } from '../state/state-store.ts'
import type { Mode } from './doors.ts'
import type { Guard, GuardRequest, Planned, Removes } from './guard-api.ts'
import { type Policy, permit, requireShared } from './policy.ts'
import { createQuotas } from './quotas.ts'
import { permitChange, permitExpiry, permitRemoval, removable, sourceKey } from './removal.ts'

type Answers = Pick<
  Guard,
  | 'permit'
  | 'mayChange'
  | 'checkCharge'
  | 'charge'
  | 'permitExpiry'
  | 'permitChange'
  | 'removable'
  | 'describe'
>

/** What the operator says, at the moment of asking: the policy as it is now, and what is left of the quotas. */
export interface Rules {
  /** Whether it may happen, now that it is known what would. */
  allow(request: GuardRequest<unknown>, caller: Caller, live: Planned<unknown>): Promise<void>
  /** Counts what goes away. */
  spend(caller: Caller, removes: Removes): Promise<void>
  /** The part of the guard that is nothing else than these rules. */
  answers: Answers
}

export interface RulesOptions {
  state: StateStore
  mode: Mode
  policy: () => Policy
  clock: () => number
}

export function createRules({ state, mode, policy, clock }: RulesOptions): Rules {
  const quotas = createQuotas({ state, clock })
  const deletes = ({ principal }: Caller, { snapshots }: Pick<Removes, 'snapshots'>) => ({
    type: 'delete' as const,
    principal,
    sources: snapshots.map(sourceKey),
  })
  const spend: Rules['spend'] = (caller, removes) => quotas.spend(policy(), deletes(caller, removes))

  return {
    async allow(request, caller, live) {
      const rules = policy()
      const { provider } = request
      permit(rules, request)
      if (!live.removes) return
      await permitRemoval(rules, { provider, reversible: live.view.reversible, ...live.removes }, clock())
      await quotas.check(rules, deletes(caller, live.removes))
    },
    spend,
    answers: {
      async permit(deed) {
        permit(policy(), deed)
      },
      mayChange(provider) {
        try {
          permit(policy(), { type: 'restore', provider })
          return true
        } catch {
          return false
        }
      },
      checkCharge: (spending) => quotas.check(policy(), { type: 'create', ...spending }),
      charge: (spending) => quotas.spend(policy(), { type: 'create', ...spending }),
      async permitExpiry(snapshot, { reversible }, caller) {
        requireShared(policy())
        permitExpiry(policy(), snapshot, { mode, reversible })
        // It is a delete, and nobody counts it when it happens.
        await quotas.spend(policy(), deletes(caller, { snapshots: [snapshot] }))
        return async () => {}
      },
      permitChange: async (before, change) => permitChange(policy(), before, change),
      removable: (due, shelf, { reversible }) =>
        removable(policy(), due, shelf, { reversible, now: clock() }),
      describe() {
        try {
          return { guard: mode, ...policy() }
        } catch (error) {
          // The operator looks here for why nothing is allowed any more.
          return { guard: mode, error: toProblem(error).message }
        }
      },
    },
  }
}
