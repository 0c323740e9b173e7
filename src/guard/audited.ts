import type { Caller } from '../snapshots/caller.ts'
import { type ErrorCode, toProblem } from '../snapshots/errors.ts'
import type { Snapshot } from '../snapshots/model.ts'
import type { Log } from '../snapshots/provider.ts'
import type { Audit, AuditEvent } from './audit.ts'
import type { Grant, Guard, GuardRequest, Passage } from './guard-api.ts'
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

  async function witnessed<P>(grant: Grant<P>, about: Omit<AuditEvent, 'event'>): Promise<Grant<P>> {
    try {
      await audit.append({ event: 'allowed', ...about, ...passage(grant) })
    } catch (error) {
      await grant.settle('failed')
      throw notChecked(error)
    }
    return {
      ...grant,
      async settle(outcome) {
        await grant.settle(outcome)
        await tell({ event: 'ended', ...about, outcome })
      },
    }
  }

  return {
    ...guard,
    permit: (deed, caller) => orRefused({ ...who(caller), ...deed }, () => guard.permit(deed, caller)),
    charge: (spending, caller) => {
      const about = { ...who(caller), type: 'create', targets: spending.sources }
      return orRefused(about, () => guard.charge(spending, caller))
    },
    permitExpiry: (snapshot, way, caller) =>
      orRefused(update(snapshot, caller), () => guard.permitExpiry(snapshot, way, caller)),
    permitChange: (before, change, caller) =>
      orRefused(update(before, caller), () => guard.permitChange(before, change, caller)),
    async authorize(request, caller) {
      const about = { ...who(caller), ...what(request, caller) }
      if (request.dry_run) return guard.authorize(request, caller)
      const verdict = await orRefused(about, () => guard.authorize(request, caller))
      if (verdict.kind === 'proceed') return witnessed(verdict, about)
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

/** What each layer said to something that runs. */
function passage({ planned: { view }, passed }: Grant<unknown>): Pick<AuditEvent, 'plan' | 'by' | 'layers'> {
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

function personOf({ doors }: Passage): string {
  const said = doors
    .filter((door) => door !== 'token')
    .map((door) => (door === 'answer' ? 'answered' : 'approved'))
  return said.join(', ') || 'not asked'
}

function layerOf(code: ErrorCode): 'policy' | 'plan' | 'person' | 'state' {
  if (['POLICY_DENIED', 'PROTECTED', 'QUOTA_EXCEEDED'].includes(code)) return 'policy'
  if (code.startsWith('PLAN_')) return 'plan'
  return code.startsWith('APPROVAL_') ? 'person' : 'state'
}
