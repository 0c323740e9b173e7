import { beforeChange, fail, type Problem, toProblem } from '../snapshots/errors.ts'
import type { Approvals, Waiting } from './approvals.ts'
import type { Audit } from './audit.ts'
import { planName } from './plans.ts'

export interface Decision {
  yes: boolean
  /** For the records: from where, and who. */
  by: string
}

/** Where it is recorded. */
interface Records {
  approvals: Pick<Approvals, 'approve' | 'decline' | 'decision'>
  audit: Audit
}

/** Where it is recorded. */
interface Records {
  approvals: Pick<Approvals, 'approve' | 'decline' | 'decision'>
  audit: Audit
}

/**
 * A person's yes or no, given in a terminal or on the approval page. The line of the audit log comes first: what has
 * none does not count. NOT_FOUND when somebody else was quicker. With the outcome `unknown` it may stand.
 */
export async function recordDecision(
  waiting: Waiting,
  { yes, by }: Decision,
  { approvals, audit }: Records,
): Promise<void> {
  const { code, approval } = waiting
  const { principal, type, provider, plan } = approval
  const event = yes ? 'approved' : 'declined'
  const about = { principal, type, provider, by, plan: planName(plan) }
  await beforeChange(audit.append({ event, ...about }))
  try {
    await (yes ? approvals.approve(code, by) : approvals.decline(code, by))
  } catch (error) {
    const problem = toProblem(error)
    // It may have arrived, and only the answer to it was lost.
    const isInDoubt = problem.outcome === 'unknown'
    const found = isInDoubt
      ? await approvals.decision(code, plan).catch(() => 'unreadable' as const)
      : undefined
    // The line before must not stand alone.
    if (found === 'unreadable') {
      await audit.append({ event, ...about, code: problem.code, outcome: 'unknown' })
      throw mayStand(problem, yes, error)
    }
    if (found?.status === event && found.by === by) return
    // Somebody else was quicker, or it cannot be recorded.
    await audit.append({ event: 'refused', ...about, code: problem.code })
    return beforeChange(Promise.reject(error))
  }
}

const mayStand = ({ code, retry_after_ms }: Problem, yes: boolean, cause: unknown) =>
  fail(
    code,
    `It is not known whether your ${yes ? 'approval' : 'refusal'} was recorded: it may stand.`,
    yes
      ? 'Open the approval again in a moment: when nothing waits under its code any more, what was asked for may run.'
      : 'Open the approval again in a moment, and decline it if it still waits.',
    { outcome: 'unknown', cause, ...(retry_after_ms !== undefined && { retry_after_ms }) },
  )
