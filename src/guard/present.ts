import { showCode } from './approvals.ts'
import type { Door } from './doors.ts'
import type { NotRun, Verdict } from './guard-api.ts'
import type { StoredPlan } from './plans.ts'
import { askAbout } from './question.ts'

/** Tells the caller about the next door that the plan has to pass. `howTo` says what a person does to approve. */
export function present(
  stored: StoredPlan,
  [door]: readonly Door[],
  howTo: (code: string) => string,
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
    reply.approval = {
      code,
      how: `Make the same call again with this confirmation after a person has ${howTo(code)}`,
    }
  }
  return { kind: 'reply', reply }
}

/** What a person does who approves: in a browser where there is a page for it, else in a terminal. */
export function approvalWay({
  approvalPage,
  approveCommand = (code) => `snapshot-mcp approve ${code}`,
}: {
  approvalPage?: (code: string) => string
  approveCommand?: (code: string) => string
}): (code: string) => string {
  return (code) =>
    approvalPage ? `agreed to it at ${approvalPage(code)}` : `run this in a terminal: ${approveCommand(code)}`
}
