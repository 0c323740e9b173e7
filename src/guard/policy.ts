import { fail } from '../snapshots/errors.ts'
import { digest } from './digest.ts'
import type { Mode } from './doors.ts'

/** What the operator allows. No call can loosen it. */
export interface Policy {
  readonly read_only: boolean
  /** Providers that may be changed; absent: all that are enabled. */
  readonly providers?: readonly string[]
  /** `trash`: only deletes that can be undone. */
  readonly delete: 'never' | 'trash' | 'permanent'
}

export type OperationType = 'create' | 'update' | 'restore' | 'delete' | 'prune' | 'undo'

export interface Deed {
  type: OperationType
  provider: string
}

/** What is known once the provider has planned the deed. */
export interface Consequences {
  reversible: boolean
  /** The snapshots that go away. */
  removes: readonly { id: string; protected: boolean }[]
}

/** Asked with the deed alone before anything is looked up, and again with its consequences. Throws what is not allowed. */
export function permit(policy: Policy, { type, provider }: Deed, consequences?: Consequences): void {
  if (policy.read_only) throw denied('This server is read-only.')
  if (policy.providers && !policy.providers.includes(provider)) {
    throw denied(`The operator does not allow changes with the provider "${provider}".`)
  }
  if (type !== 'delete' && type !== 'prune') return
  if (policy.delete === 'never') throw denied('The operator does not allow deletes.')
  if (!consequences) return
  if (policy.delete === 'trash' && !consequences.reversible) {
    throw denied('The operator allows only deletes that can be undone, and this one cannot.')
  }
  const kept = consequences.removes.find((snapshot) => snapshot.protected)
  if (kept) {
    throw fail(
      'PROTECTED',
      `${kept.id} is protected. Nothing was deleted.`,
      'Leave it out. Only a person can lift the protection, with "snapshot-mcp unprotect".',
    )
  }
}

/** An expiry is a delete that happens when nobody can be asked: where a person must agree to each, there is none. */
export function permitExpiry(
  policy: Policy,
  { mode, provider, reversible }: { mode: Mode; provider: string; reversible: boolean },
): void {
  permit(policy, { type: 'delete', provider }, { reversible, removes: [] })
  if (mode === 'human') {
    throw denied(
      'Here a person agrees to every delete, and nobody can be asked when a snapshot expires.',
      'Call snapshot_delete when the snapshot should go: a person then decides.',
    )
  }
}

/** Changes with the policy: a plan made under another one is stale. */
export function policyEpoch(policy: Policy): string {
  return digest(policy)
}

function denied(
  what: string,
  hint = 'Do not try again: only the operator of this server can change its policy. snapshot_status shows it.',
) {
  return fail('POLICY_DENIED', `${what} Nothing was changed.`, hint)
}
