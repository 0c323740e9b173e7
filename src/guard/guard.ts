import { randomBytes } from 'node:crypto'
import type { Caller } from '../snapshots/caller.ts'
import { SnapshotError } from '../snapshots/errors.ts'
import type { PlanView } from '../snapshots/model.ts'
import type { Log } from '../snapshots/provider.ts'
import type { Lock, StateStore } from '../state/state-store.ts'
import { APPROVAL_MS, createApprovals } from './approvals.ts'
import { digest } from './digest.ts'
import { type Confirm, type Door, doorsFor, type Mode } from './doors.ts'
import type { Grant, Guard, GuardRequest, Passage, Planned, Removes, Verdict } from './guard-api.ts'
import { createPatience } from './patience.ts'
import { createPlans, isExpired, isUntold, type Plan, planName, type StoredPlan } from './plans.ts'
import { type Policy, permit, requireShared } from './policy.ts'
import { approvalWay, present } from './present.ts'
import { isYes } from './question.ts'
import {
  consumed,
  declined,
  expired,
  mismatch,
  needsBoth,
  notChecked,
  notFound,
  stale,
  takenOver,
  unanswered,
} from './refusals.ts'
import { createRules } from './rules.ts'
import { identity, isSameCall } from './same-call.ts'

/** How long a confirmation is good for that nobody has to be asked about. */
const PLAN_MS = 180_000

export interface GuardOptions {
  state: StateStore
  mode: Mode
  /** Read at every decision. */
  policy: () => Policy
  /** What a person types to approve; the default takes the program from the PATH and its usual home. */
  approveCommand?: (code: string) => string
  /** The address where a person approves instead. */
  approvalPage?: (code: string) => string
  /** Others serve the same callers, and nothing tells this one what they do: what destroys is refused. */
  unshared?: boolean
  /** Milliseconds. */
  clock: () => number
  random?: (size: number) => Buffer
  log: Log
}

export function createGuard(options: GuardOptions): Guard {
  const { state, mode, clock, random = randomBytes, log } = options
  const policy = () => ({ ...options.policy(), ...(options.unshared && { unshared: true }) })
  const howToApprove = approvalWay(options)
  const plans = createPlans({ state, clock, random })
  const approvals = createApprovals({ state, clock, random })
  const patience = createPatience({ state, clock })
  const rules = createRules({ state, mode, policy, clock })

  async function decide<P>(request: GuardRequest<P>, caller: Caller): Promise<Verdict<P>> {
    permit(policy(), request)
    requireShared(policy())
    if (request.dry_run)
      return { kind: 'reply', reply: { status: 'dry_run', plan: (await planned(request, caller)).view } }
    const stored = await storedPlan(request, caller)
    return stored ? commit(request, caller, stored) : firstCall(request, caller)
  }

  async function planned<P>(request: GuardRequest<P>, caller: Caller): Promise<Planned<P>> {
    const live = await request.plan()
    await rules.allow(request, caller, live)
    return live
  }

  const doors = (confirm: Confirm, { reversible }: PlanView, { canAsk }: Caller) =>
    doorsFor({ mode, confirm, reversible, canAsk })

  /** The plan that the call refers to; undefined for a call that refers to none. */
  async function storedPlan(request: GuardRequest<unknown>, caller: Caller): Promise<StoredPlan | undefined> {
    const id = caller.answer?.confirmation ?? request.confirmation
    if (id === undefined) return request.repeatable && plans.awaitingApproval(identity(request, caller))
    if (request.confirmation !== undefined && request.confirmation !== id) throw mismatch()
    const stored = await plans.load(id)
    // Somebody else's plan does not exist, for this caller.
    if (stored?.plan.principal !== caller.principal) throw notFound()
    return stored
  }

  async function firstCall<P>(request: GuardRequest<P>, caller: Caller): Promise<Verdict<P>> {
    const mayRunAtOnce = request.confirm !== 'always'
    let lock = mayRunAtOnce && request.lock ? await take(request.lock, caller) : undefined
    try {
      const live = await planned(request, caller)
      const toPass = live.idle ? [] : doors(confirmOf(request, live), live.view, caller)
      if (toPass.length > 0) return await issue(request, caller, live, toPass)
      const held = lock ?? (await take(live.lock, caller))
      lock = undefined
      return proceed(request, live, held, { doors: [] })
    } finally {
      await release(lock)
    }
  }

  /** Checks in the order that DESIGN promises: each one assumes those before it. */
  async function commit<P>(request: GuardRequest<P>, caller: Caller, shown: StoredPlan): Promise<Verdict<P>> {
    if (isUntold(shown.plan)) await plans.advance(shown, { told: true })
    if (shown.plan.status !== 'issued') throw consumed(shown)
    const isSame = isSameCall(shown.plan, request, caller)
    const toPass = doors(shown.plan.confirm, shown.plan.view, caller)
    const isNo = caller.answer && !(caller.canAsk && toPass.includes('answer') && isYes(shown, caller.answer))
    // A late one is one all the same: "too old" would tell the model to ask again.
    if (isSame && isNo) throw await refused(shown, caller)
    if (isExpired(shown.plan, clock())) throw expired()
    if (!isSame) throw mismatch()
    // A plan that was shown to a client that can ask has no approval that another client could wait for.
    if (toPass.includes('approval') && !shown.plan.approval) throw mismatch()
    const approval = toPass.includes('approval') ? await approvalOf(shown) : undefined
    if (approval?.status === 'pending') return present(shown, ['approval'], howToApprove)

    let lock: Lock | undefined = await take(shown.plan.lock, caller)
    try {
      // Time has passed, and whoever held the lock before us may have used the same confirmation.
      const stored = await plans.load(shown.id)
      if (stored?.plan.status !== 'issued') throw consumed(stored ?? shown)
      if (isExpired(stored.plan, clock())) throw expired()
      const live = await request.plan()
      if (hasMoved(stored.plan, live)) throw await replaced(request, caller, stored, live)
      await rules.allow(request, caller, live)
      if (toPass.includes('answer') && !caller.answer) {
        await patience.check(caller.principal)
        return present(stored, ['answer'], howToApprove)
      }
      const claimed = await plans.advance(stored, { status: 'claimed', operation: request.operation })
      if (!claimed) throw consumed((await plans.load(shown.id)) ?? stored)
      if (live.removes) await spend(claimed, caller, live.removes)
      const approved_by = approval?.by
      const passed = { plan: claimed.id, doors: toPass, ...(approved_by !== undefined && { approved_by }) }
      const grant = proceed(request, live, lock, passed, claimed)
      lock = undefined
      return grant
    } finally {
      await release(lock)
    }
  }

  /** After the claim, so that a confirmation that is used twice is paid once. */
  async function spend(claimed: StoredPlan, caller: Caller, removes: Removes): Promise<void> {
    try {
      await rules.spend(caller, removes)
    } catch (error) {
      await plans.advance(claimed, { status: 'failed' })
      throw error
    }
  }

  /** A person said no, or nothing. */
  async function refused(shown: StoredPlan, { principal, answer }: Caller) {
    const cancelled = answer?.action === 'cancel'
    await burn(shown, cancelled ? 'unanswered' : 'declined')
    await patience.spend(principal)
    return cancelled ? unanswered() : declined()
  }

  async function approvalOf({ id, plan }: StoredPlan) {
    const decision = await approvals.decision(plan.approval ?? '', id)
    if (decision.status === 'declined') throw declined()
    return decision
  }

  const hasMoved = (plan: Plan, live: Planned<unknown>) =>
    live.fingerprint !== plan.fingerprint ||
    live.lock !== plan.lock ||
    live.view.reversible !== plan.view.reversible ||
    digest(policy()) !== plan.policy_epoch

  /** The old plan dies, and the refusal carries what to decide on instead. */
  async function replaced<P>(request: GuardRequest<P>, caller: Caller, old: StoredPlan, live: Planned<P>) {
    await rules.allow(request, caller, live)
    await burn(old, 'stale')
    const toPass = doors(confirmOf(request, live), live.view, caller)
    // A question cannot travel inside an error: the next call asks it.
    if (toPass[0] === 'answer') return stale({ status: 'dry_run', plan: live.view }, false)
    const verdict = await issue(request, caller, live, toPass)
    return stale(verdict.kind === 'reply' ? verdict.reply : undefined, true)
  }

  async function burn(stored: StoredPlan, burned: NonNullable<Plan['burned']>): Promise<void> {
    if (!(await plans.advance(stored, { status: 'burned', burned }))) {
      throw consumed((await plans.load(stored.id)) ?? stored)
    }
  }

  async function issue<P>(
    request: GuardRequest<P>,
    caller: Caller,
    live: Planned<P>,
    toPass: readonly Door[],
  ) {
    const byApproval = toPass.includes('approval')
    const byAnswer = toPass.includes('answer')
    if (byAnswer && !caller.canAsk) throw needsBoth()
    if (byApproval || byAnswer) await patience.check(caller.principal)
    await plans.makeRoom(caller.principal)
    const id = plans.newId()
    const created = clock()
    const { fingerprint, lock, subject, view } = live
    const plan = {
      ...identity(request, caller),
      provider: request.provider,
      targets: [...request.targets].sort(),
      fingerprint,
      policy_epoch: digest(policy()),
      lock,
      subject,
      confirm: confirmOf(request, live),
      view,
      created,
      expires: created + (byApproval || byAnswer ? APPROVAL_MS : PLAN_MS),
    }
    const approval = byApproval ? await approvals.open(id, plan) : undefined
    const stored = await plans.issue(id, { ...plan, ...(approval && { approval }) })
    return present(stored, toPass, howToApprove)
  }

  function proceed<P>(
    request: GuardRequest<P>,
    live: Planned<P>,
    lock: Lock,
    passed: Passage,
    claimed?: StoredPlan,
  ): Grant<P> {
    const { type, provider, operation } = request
    log.info('guard: may run', {
      type,
      provider,
      operation,
      ...passed,
      // Its own name opens doors while it lives.
      ...(passed.plan !== undefined && { plan: planName(passed.plan) }),
    })
    return {
      kind: 'proceed',
      planned: live,
      passed,
      async stillHeld() {
        if (!(await lock.held())) throw takenOver()
      },
      async settle(outcome) {
        try {
          if (claimed && outcome !== 'unknown') await plans.advance(claimed, { status: outcome })
        } catch (error) {
          // The deed is done or not done; that its plan still says "claimed" must not hide that.
          log.error('guard: the outcome was not recorded', { operation, outcome, error })
        }
        await release(lock)
      },
    }
  }

  const take = (name: string, { signal }: Caller) => state.lock(name, { signal })

  async function release(lock: Lock | undefined): Promise<void> {
    await lock?.release().catch((error) => log.error('guard: a lock was not released', { error }))
  }

  return {
    ...rules.answers,
    async authorize(request, caller) {
      try {
        return await decide(request, caller)
      } catch (error) {
        if (error instanceof SnapshotError) throw error
        log.error('guard: refused, because the check failed', { type: request.type, error })
        throw notChecked(error)
      }
    },
    async conclude({ plan, outcome }) {
      const stored = plan === undefined ? undefined : await plans.load(plan)
      if (stored?.plan.status === 'claimed') await plans.advance(stored, { status: outcome })
    },
  }
}

const confirmOf = (request: GuardRequest<unknown>, live: Planned<unknown>) => live.confirm ?? request.confirm
