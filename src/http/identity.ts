import type { Scope, Use } from '../config/access.ts'
import type { Place } from '../config/tenant.ts'

/** Who calls over HTTP, and what they may do here. */
export interface Identity {
  /** Bound into plans, operations and quotas. Within a tenant no two callers have the same. */
  principal: string
  place: Place
  scopes: readonly Scope[]
  /** The doors that their credential opens. */
  uses: readonly Use[]
}

/** One word for a caller among all tenants: for counting, never shown. */
export const callerKey = ({ principal, place }: Identity) => JSON.stringify([place.tenant, principal])
