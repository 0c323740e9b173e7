import type { Caller } from '../snapshots/caller.ts'
import { digest } from './digest.ts'
import type { GuardRequest } from './guard-api.ts'
import type { Plan } from './plans.ts'

/** What makes two calls the same, whatever confirmation they carry. */
export function identity(
  { type, args }: Pick<GuardRequest<unknown>, 'type' | 'args'>,
  { principal }: Pick<Caller, 'principal'>,
) {
  const { confirmation, dry_run, ...rest } = args
  return { type, principal, args_digest: digest(rest) }
}

/** Whether a plan was made for this very call. */
export function isSameCall(plan: Plan, request: GuardRequest<unknown>, caller: Caller): boolean {
  const { type, args_digest } = identity(request, caller)
  return (
    plan.type === type &&
    plan.provider === request.provider &&
    digest(plan.targets) === digest([...request.targets].sort()) &&
    plan.args_digest === args_digest
  )
}
