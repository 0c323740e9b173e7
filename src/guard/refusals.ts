import { fail, type Problem } from '../snapshots/errors.ts'
import { isUntold, type StoredPlan } from './plans.ts'

/** Every way the guard says no, in the words that the caller gets. */

const CALL_ANEW = 'Make the call again without confirmation to get a new plan.'

export const notFound = () =>
  fail('PLAN_NOT_FOUND', 'There is no plan with this confirmation. Nothing was changed.', CALL_ANEW)

export const expired = () =>
  fail('PLAN_EXPIRED', 'This confirmation is too old. Nothing was changed.', CALL_ANEW)

export const mismatch = () =>
  fail(
    'PLAN_MISMATCH',
    'This confirmation was given for another call: operation, target or arguments differ. Nothing was changed.',
    'Repeat the first call exactly and add only the confirmation, or leave it out to get a new plan.',
  )

export const declined = (more: Partial<Problem> = {}) =>
  fail(
    'APPROVAL_DECLINED',
    'A person was asked and did not agree. Nothing was changed.',
    'Do not retry: ask what is wanted instead.',
    more,
  )

export const unanswered = (more: Partial<Problem> = {}) =>
  fail(
    'APPROVAL_DECLINED',
    'Nobody answered the question about this: it was dismissed, ran out of time, or the client failed. Nothing was changed.',
    'Do not retry by yourself: say what was wanted and wait for the person. Where nobody can answer, the operator can start the server with --guard token.',
    more,
  )

/** The lock was lost between the decision and the deed. */
export const takenOver = () =>
  fail(
    'BUSY',
    'Another operation took over the target before this one began. Nothing was changed.',
    'Make the call again without confirmation to get a new plan.',
  )

export const needsBoth = () =>
  fail(
    'APPROVAL_REQUIRED',
    'This cannot be undone, so a person has to answer in the client and approve in a terminal, and this client cannot ask. Nothing was changed.',
    'Make the call from a client that can put a question to its user. With --guard auto the operator leaves it at the approval.',
  )

/** `fresh` is the reply to show instead of the stale one. */
export const stale = (fresh: unknown, hasConfirmation: boolean) =>
  fail(
    'PLAN_STALE',
    'What the plan was made for has changed since. Nothing was done; the fresh plan is attached.',
    hasConfirmation
      ? 'Look at the fresh plan. If it is still wanted, make the same call with its confirmation.'
      : 'Look at the fresh plan. If it is still wanted, make the same call again: a person is asked anew.',
    { fresh },
  )

export function consumed({ plan }: StoredPlan) {
  const { status, operation, burned } = plan
  // It is no news: who was told once is not put on record again, however often it is repeated.
  const again = isUntold(plan) ? {} : { details: { repeated: true } }
  if (burned === 'declined') return declined(again)
  if (burned === 'unanswered') return unanswered(again)
  if (operation === undefined) {
    return fail(
      'PLAN_CONSUMED',
      'This confirmation was replaced by a newer one. Nothing was done now.',
      CALL_ANEW,
    )
  }
  return usedBy(operation, status)
}

const ENDS: Record<string, string> = {
  claimed: 'has not ended yet, or was interrupted before it began',
  unknown: 'was interrupted',
}

/** `outcome`: of the plan, or of the operation where that knows more. */
export function usedBy(operation: string, outcome: string) {
  return fail(
    'PLAN_CONSUMED',
    `This confirmation was already used by ${operation}, which ${ENDS[outcome] ?? `ended: ${outcome}`}. Nothing was done now.`,
    `That outcome stands; snapshot_status shows ${operation}, unless it never began.`,
    { operation, details: { operation, outcome } },
  )
}

export const notChecked = (cause: unknown) =>
  fail(
    'INTERNAL',
    'It could not be checked whether this may run, so it did not run. Nothing was changed.',
    'Try again. The server log on stderr has the details.',
    { cause },
  )
