import { z } from 'zod'
import type { Caller, Question } from '../snapshots/caller.ts'
import { shortened, UNSEEN } from '../snapshots/plain.ts'
import type { StoredPlan } from './plans.ts'

/** How many characters of the id a person types where there is no way back: a tick is too easily given. */
export const TYPED = 6
/** Of a summary or a warning. They begin with what counts: what is cut off are names. */
const LONGEST = 800

/**
 * Puts the facts of a plan before a person. What the model may have chosen are names in it: they are defused, and no
 * name, however long, pushes a count, a warning or the end of the question away.
 */
export function askAbout({ id, plan }: StoredPlan): Question {
  const { summary, reversible, undo_until, warnings } = plan.view
  const facts = [summary, ...warnings].map((text) => sentence(defuse(text, LONGEST))).join(' ')
  if (reversible) {
    const wayBack = undo_until ? `It can be undone until ${undo_until}.` : 'It can be undone.'
    return { status: 'question', confirmation: id, message: `${facts} ${wayBack}` }
  }
  const label = `the last ${TYPED} characters of ${defuse(plan.subject, 200)}`
  return {
    status: 'question',
    confirmation: id,
    message: `${facts} This cannot be undone. To allow it, type ${label}.`,
    typed: { label, length: TYPED },
  }
}

const Yes = z.strictObject({ confirm: z.literal(true) })
const Typed = z.strictObject({ typed: z.string() })

/** Only an explicit, complete and exact yes is one. */
export function isYes({ plan }: StoredPlan, { action, content }: NonNullable<Caller['answer']>): boolean {
  if (action !== 'accept') return false
  if (plan.view.reversible) return Yes.safeParse(content).success
  return Typed.safeParse(content).data?.typed === plan.subject.slice(-TYPED)
}

/**
 * Text that cannot pose as something else: one line in which nothing acts or hides, and nothing that a client could
 * render as markup, as a mention, or as a link that says that it is one.
 */
export function defuse(text: string, longest: number): string {
  const line = text
    .replace(UNSEEN, ' ')
    .replace(/[`*[\]<>#|~\\&]/g, ' ')
    // In the middle of a word it is no markup, and names of files are full of it.
    .replace(/(?<![\p{L}\p{N}])_+|_+(?![\p{L}\p{N}])/gu, ' ')
    .replace(/:\/\//g, ': ')
    .replace(/www\./gi, 'www ')
    .replace(/@/g, ' at ')
    .replace(/\s+/g, ' ')
    .trim()
  return shortened(line, longest)
}

const sentence = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`)
