import type { PlanView } from '../../snapshots/model.ts'
import { plain } from '../../snapshots/plain.ts'
import { effectLines } from './effects.ts'
import { warningLines } from './wording.ts'

/** What a destructive call that did not run has in common. */
interface NotRun {
  status: string
  plan?: PlanView | undefined
  confirmation?: string | undefined
  approval?: { code: string; how: string } | undefined
  expires_at?: string | undefined
}

/** The plan, and the one call that runs it. */
export function planLines(tool: string, reply: NotRun): string[] {
  const { status, plan, confirmation, approval, expires_at } = reply
  return [
    ...(plan === undefined ? [] : planFacts(plan)),
    'Nothing was changed.',
    ...(approval === undefined
      ? []
      : [`A person must approve this first (code ${approval.code}). ${plain(approval.how, 2000)}`]),
    ...(status === 'dry_run' || confirmation === undefined ? [] : [again(tool, confirmation, expires_at)]),
  ]
}

function planFacts(plan: PlanView): string[] {
  const undo = plan.undo_until === undefined ? 'Can be undone.' : `Can be undone until ${plan.undo_until}.`
  return [
    `Plan: ${plain(plan.summary, 1000)}`,
    ...effectLines(plan.effects),
    plan.reversible ? undo : 'Cannot be undone.',
    ...warningLines(plan.warnings),
  ]
}

function again(tool: string, confirmation: string, expires: string | undefined): string {
  const until = expires === undefined ? '' : ` before ${expires}`
  return `To run it, call ${tool} again${until} with the same arguments and "confirmation":"${confirmation}".`
}
