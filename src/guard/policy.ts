import { fail } from '../snapshots/errors.ts'
import type { PolicyFile } from './policy-file.ts'

/** What the operator allows. No call can loosen it. */
export interface Policy
  extends Pick<PolicyFile, 'delete' | 'providers' | 'protect' | 'min_keep' | 'min_age' | 'quotas'> {
  readonly read_only: boolean
  /** One of several servers that know nothing of each other. */
  readonly unshared?: boolean
}

export type OperationType = 'create' | 'update' | 'restore' | 'delete' | 'prune' | 'undo'

export interface Deed {
  type: OperationType
  provider: string
}

/** Asked before anything is looked up. Throws what is not allowed. */
export function permit(policy: Policy, { type, provider }: Deed): void {
  if (policy.read_only) throw denied('This server is read-only.')
  if (policy.providers && !policy.providers.includes(provider)) {
    throw denied(`The operator does not allow changes with the provider "${provider}".`)
  }
  if ((type === 'delete' || type === 'prune') && deletionOf(policy, provider) === 'never') {
    throw denied('The operator does not allow deletes.')
  }
}

export function deletionOf({ delete: deletion }: Policy, provider: string) {
  if (typeof deletion !== 'object') return deletion
  return Object.hasOwn(deletion, provider) ? (deletion[provider] ?? 'trash') : 'trash'
}

export const onlyReversible = () =>
  denied('The operator allows only deletes that can be undone, and this one cannot.')

export function denied(
  what: string,
  hint = 'Do not try again: only the operator of this server can change its policy. snapshot_status shows it.',
) {
  return fail('POLICY_DENIED', `${what} Nothing was changed.`, hint)
}

/** For what destroys, now or later. Throws where several servers could do it at once and none would know. */
export function requireShared({ unshared }: Policy): void {
  if (unshared)
    throw denied(
      'This server is one of several replicas that share no state, so none of them does what destroys.',
      'Do not try again: the operator has to give them one state, with --state redis://...',
    )
}
