import { showCode } from './approvals.ts'
import type { Door } from './doors.ts'
import type { NotRun, Verdict } from './guard-api.ts'
import type { StoredPlan } from './plans.ts'
import { askAbout } from './question.ts'

/** Tells the caller about the next door that the plan has to pass. `command` is what a person types to approve. */
export function present(
  stored: StoredPlan,
  [door]: readonly Door[],
  command: (code: string) => string,
): Exclude<Verdict<never>, { kind: 'proceed' }> {
  if (door === 'answer') return { kind: 'question', question: askAbout(stored) }
  const { id, plan } = stored
  const reply: NotRun = {
    status: door === 'approval' ? 'approval_required' : 'confirmation_required',
    plan: plan.view,
    confirmation: id,
    expires_at: new Date(plan.expires).toISOString(),
  }
  if (door === 'approval') {
    const code = showCode(plan.approval ?? '')
    const how = 'Make the same call again with this confirmation after a person has run this in a terminal:'
    reply.approval = { code, how: `${how} ${command(code)}` }
  }
  return { kind: 'reply', reply }
}
