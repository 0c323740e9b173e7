import { z } from 'zod'
import type { Caller, Question } from '../snapshots/caller.ts'
import type { StoredPlan } from './plans.ts'

/** How many characters of the id a person types where there is no way back: a tick is too easily given. */
const TYPED = 6
const LONGEST = 600

/** Puts the facts of a plan before a person. Nothing in it comes from the model: names in it are defused all the same. */
export function askAbout({ id, plan }: StoredPlan): Question {
  const { summary, reversible, undo_until, warnings } = plan.view
  const facts = [summary, ...warnings].map((text) => sentence(defuse(text, 240))).join(' ')
  if (reversible) {
    const wayBack = undo_until ? ` It can be undone until ${undo_until}.` : ' It can be undone.'
    return { status: 'question', confirmation: id, message: defuse(facts, LONGEST) + wayBack }
  }
  const label = `the last ${TYPED} characters of ${defuse(plan.subject, 200)}`
  return {
    status: 'question',
    confirmation: id,
    message: `${defuse(facts, LONGEST)} This cannot be undone. To allow it, type ${label}.`,
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
 * Text that cannot pose as something else: one line, no control, invisible or direction-changing characters, nothing
 * that a client could render as markup or as a link.
 */
export function defuse(text: string, longest: number): string {
  const line = text
    .replace(/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, ' ')
    .replace(/[`*[\]<>#|~\\]/g, ' ')
    .replace(/:\/\//g, ': ')
    .replace(/\s+/g, ' ')
    .trim()
  const letters = Array.from(line)
  return letters.length > longest
    ? `${letters
        .slice(0, longest - 3)
        .join('')
        .trimEnd()}...`
    : line
}

const sentence = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`)
