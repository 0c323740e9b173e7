import { z } from 'zod'
import { fail } from '../snapshots/errors.ts'
import { PlanView } from '../snapshots/model.ts'
import type { StateStore } from '../state/state-store.ts'
import { digest } from './digest.ts'
import { Confirm } from './doors.ts'

/** What was shown and to whom, kept here and not in the token: the token is only a name that cannot be guessed. */
const Plan = z.object({
  v: z.literal(1),
  type: z.enum(['create', 'restore', 'delete', 'prune', 'undo']),
  provider: z.string(),
  /** What the call named, sorted. */
  targets: z.array(z.string()),
  /** Of the arguments without `confirmation` and `dry_run`. */
  args_digest: z.string(),
  principal: z.string(),
  /** Of the live state that `view` describes. */
  fingerprint: z.string(),
  policy_epoch: z.string(),
  /** The lock to hold while the live state is compared and changed. */
  lock: z.string(),
  /** The id whose end a person types when there is no way back. */
  subject: z.string(),
  confirm: Confirm,
  view: PlanView,
  /** Milliseconds. */
  created: z.number(),
  expires: z.number(),
  status: z.enum(['issued', 'claimed', 'done', 'failed', 'burned']),
  /** The operation that claimed it. */
  operation: z.string().optional(),
  /** The code of the approval it waits for. */
  approval: z.string().optional(),
  /** Why it was burned. */
  burned: z.enum(['declined', 'unanswered', 'stale']).optional(),
  /** The caller knows that a person declined outside of the chat. */
  told: z.literal(true).optional(),
})
export type Plan = z.infer<typeof Plan>

export interface StoredPlan {
  id: string
  version: number
  plan: Plan
}

export interface Plans {
  /** `cfm_` and 128 random bits. */
  newId(): string
  /** RATE_LIMITED when too many of this principal are open. To be called before `issue`. */
  makeRoom(principal: string): Promise<void>
  issue(id: string, plan: Omit<Plan, 'v' | 'status'>): Promise<StoredPlan>
  load(id: string): Promise<StoredPlan | undefined>
  /** Undefined when somebody else changed the plan since it was loaded. */
  advance(from: StoredPlan, changes: Partial<Plan>): Promise<StoredPlan | undefined>
  /** The plan with which this same call of this principal waits for an approval, or for the news of a refusal. */
  awaitingApproval(call: Pick<Plan, 'type' | 'principal' | 'args_digest'>): Promise<StoredPlan | undefined>
}

export interface PlansOptions {
  state: StateStore
  clock: () => number
  random: (size: number) => Buffer
}

/** Nobody decides on more than this many at once, and each is a record. */
const MOST_OPEN = 50
/** How long a plan that nobody used can still say that it is too old. */
const REMEMBERED_MS = 60 * 60_000

export function createPlans({ state, clock, random }: PlansOptions): Plans {
  return {
    newId: () => `cfm_${random(16).toString('base64url')}`,

    async makeRoom(principal) {
      const now = clock()
      let open = 0
      for (const { id, value } of await state.list('plan')) {
        const { data: plan } = Plan.safeParse(value)
        if (plan?.status !== 'issued') continue
        if (!isExpired(plan, now)) open += Number(plan.principal === principal)
        else if (now - plan.expires > REMEMBERED_MS) await state.remove('plan', id)
      }
      if (open >= MOST_OPEN) throw tooManyOpen()
    },

    async issue(id, fields) {
      const plan: Plan = { ...fields, v: 1, status: 'issued' }
      const version = await state.write('plan', id, plan, 0)
      if (version === undefined) throw new Error('a new plan id was already taken')
      return { id, version, plan }
    },

    async load(id) {
      const found = await state.read('plan', id)
      if (!found) return undefined
      const { success, data } = Plan.safeParse(found.value)
      if (success) return { id, version: found.version, plan: data }
      throw fail(
        'CORRUPT',
        'The plan behind this confirmation is damaged. Nothing was changed.',
        'Make the call again without confirmation to get a new plan.',
      )
    },

    async advance({ id, version, plan }, changes) {
      const next = { ...plan, ...changes }
      const written = await state.write('plan', id, next, version)
      return written === undefined ? undefined : { id, version: written, plan: next }
    },

    async awaitingApproval({ type, principal, args_digest }) {
      for (const { id, version, value } of await state.list('plan')) {
        const { data: plan } = Plan.safeParse(value)
        if (plan?.approval === undefined || isExpired(plan, clock())) continue
        if (plan.status !== 'issued' && !isUntold(plan)) continue
        if (plan.type !== type || plan.principal !== principal || plan.args_digest !== args_digest) continue
        return { id, version, plan }
      }
      return undefined
    },
  }
}

/** What records call a plan: its own name is a secret while it lives. */
export const planName = (id: string) => digest(id).slice(0, 16)

/** Declined in a terminal, and the caller has not heard of it yet. */
export const isUntold = ({ burned, approval, told }: Plan) =>
  burned === 'declined' && approval !== undefined && !told

/** A clock that was set back by more than a minute makes plans of the future: they count as too old as well. */
export function isExpired({ created, expires }: Pick<Plan, 'created' | 'expires'>, now: number): boolean {
  return now >= expires || created > now + 60_000
}

const tooManyOpen = () =>
  fail(
    'RATE_LIMITED',
    `${MOST_OPEN} plans wait for a decision already. Nothing was changed.`,
    'Confirm one of them, or wait a few minutes: plans that nobody confirms end by themselves. dry_run needs none.',
    { retry_after_ms: 60_000 },
  )
