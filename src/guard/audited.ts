import type { Caller } from '../snapshots/caller.ts'
import { type ErrorCode, toProblem } from '../snapshots/errors.ts'
import type { Snapshot } from '../snapshots/model.ts'
import type { Log } from '../snapshots/provider.ts'
import type { Audit, AuditEvent } from './audit.ts'
import type { Ending, Expiry, Grant, Guard, GuardRequest, Passage, Removed } from './guard-api.ts'
import { planName } from './plans.ts'
import { notChecked } from './refusals.ts'
import { identity } from './same-call.ts'

/**
 * The same guard, with a witness: each decision is in the audit log, and nothing runs before its line is on the disk.
 * How it ended, and what did not run anyway, is written as well as it can be.
 */
export function audited(guard: Guard, audit: Audit, log: Log): Guard {
  const tell = (event: AuditEvent) =>
    audit.append(event).catch((error) => log.error('audit: a line could not be written', { ...event, error }))

  async function orRefused<T>(about: Omit<AuditEvent, 'event'>, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const { code } = toProblem(error)
      await tell({ event: 'refused', ...about, code, layers: { [layerOf(code)]: 'refused' } })
      throw error
    }
  }

  type Settle = Grant<unknown>['settle']

  /** Writes that it may begin, and with what is returned how it ended. */
  async function witnessed(settle: Settle, about: Omit<AuditEvent, 'event'>, said: Said): Promise<Settle> {
    try {
      await audit.append({ event: 'allowed', ...about, ...said })
    } catch (error) {
      await settle('failed')
      throw notChecked(error)
    }
    return async (outcome, removed) => {
      await settle(outcome, removed)
      await tell({ event: 'ended', ...about, ...endOf(outcome, removed) })
    }
  }

  return {
    ...guard,
    permit: (deed, caller) => orRefused({ ...who(caller), ...deed }, () => guard.permit(deed, caller)),
    checkCharge: (spending, caller) =>
      orRefused(create(spending, caller), () => guard.checkCharge(spending, caller)),
    charge: (spending, caller) => orRefused(create(spending, caller), () => guard.charge(spending, caller)),
    async permitExpiry(snapshot, expiry, caller) {
      const about = { ...update(snapshot, caller), operation: expiry.operation }
      const settle = await orRefused(about, () => guard.permitExpiry(snapshot, expiry, caller))
      return witnessed(settle, about, { layers: expiryLayers(expiry) })
    },
    permitChange: (before, change, caller) =>
      orRefused(update(before, caller), () => guard.permitChange(before, change, caller)),
    async authorize(request, caller) {
      const about = { ...who(caller), ...what(request, caller) }
      if (request.dry_run) return guard.authorize(request, caller)
      const verdict = await orRefused(about, () => guard.authorize(request, caller))
      if (verdict.kind === 'proceed') {
        const going = verdict.planned.removes?.snapshots.map(({ id }) => id)
        const begun = { ...about, ...(going && { targets: going }) }
        return { ...verdict, settle: await witnessed(verdict.settle, begun, passage(verdict)) }
      }
      const person = verdict.kind === 'question' ? 'asked' : verdict.reply.status
      await tell({ event: 'asked', ...about, layers: { policy: 'passed', plan: 'issued', person } })
      return verdict
    },
    async conclude(ended) {
      await guard.conclude(ended)
      const { principal, operation, plan, outcome } = ended
      const named = plan !== undefined && { plan: planName(plan) }
      await tell({ event: 'ended', principal, operation, ...named, outcome, by: 'recovery' })
    },
  }
}

const who = ({ principal, client }: Caller) => ({ principal, ...(client && { client }) })

const create = ({ sources }: { sources: readonly string[] }, caller: Caller) => ({
  ...who(caller),
  type: 'create',
  targets: sources,
})

const update = ({ id, provider }: Snapshot, caller: Caller) => ({
  ...who(caller),
  type: 'update',
  provider,
  targets: [id],
})

function what(request: GuardRequest<unknown>, caller: Caller) {
  const { type, provider, targets, operation } = request
  const { args_digest } = identity(request, caller)
  return { type, provider, targets, operation, args_digest }
}

type Said = Pick<AuditEvent, 'plan' | 'by' | 'layers'>

/** What each layer said to something that runs. */
function passage({ planned: { view }, passed }: Grant<unknown>): Said {
  return {
    ...(passed.plan !== undefined && { plan: planName(passed.plan) }),
    ...(passed.approved_by !== undefined && { by: passed.approved_by }),
    layers: {
      policy: 'passed',
      way_back: view.reversible ? (view.undo_until ?? 'yes') : 'none',
      plan: passed.plan === undefined ? 'not needed' : 'claimed',
      person: personOf(passed),
    },
  }
}

const expiryLayers = ({ reversible, at }: Expiry) => ({
  policy: 'passed',
  way_back: reversible ? 'yes' : 'none',
  expires_at: at,
})

/** A delete has ended with what is gone, which may be less than was allowed, or nothing. */
function endOf(outcome: Ending, removed: Removed | undefined) {
  if (!removed || removed.left.length === 0) return { outcome, ...(removed && { targets: removed.gone }) }
  const { gone, left } = removed
  return { outcome: gone.length > 0 ? 'partial' : 'failed', targets: gone, failed: left }
}

function personOf({ doors }: Passage): string {
  const said = doors
    .filter((door) => door !== 'token')
    .map((door) => (door === 'answer' ? 'answered' : 'approved'))
  return said.join(', ') || 'not asked'
}

function layerOf(code: ErrorCode): 'policy' | 'plan' | 'person' | 'limits' | 'state' {
  if (['POLICY_DENIED', 'PROTECTED', 'QUOTA_EXCEEDED'].includes(code)) return 'policy'
  if (code.startsWith('PLAN_')) return 'plan'
  if (code === 'RATE_LIMITED') return 'limits'
  return code.startsWith('APPROVAL_') ? 'person' : 'state'
}
