import type { Approval } from '../../guard/approvals.ts'
import { TYPED } from '../../guard/question.ts'

/** Where there is a way back nothing is typed. */
export function isTyped({ view, subject }: Approval, typed: string | null): boolean {
  return view.reversible || (!!subject && typed === subject.slice(-TYPED))
}
