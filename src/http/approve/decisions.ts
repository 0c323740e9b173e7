import type { Approvals, Waiting } from '../../guard/approvals.ts'
import type { Audit } from '../../guard/audit.ts'
import { recordDecision } from '../../guard/decision.ts'
import { TYPED } from '../../guard/question.ts'
import { beforeChange, toProblem } from '../../snapshots/errors.ts'
import { callerKey, type Identity } from '../identity.ts'
import { refuse } from '../refusal.ts'
import { type Html, html } from './html.ts'
import { addressOf, type Page, redirect, type Visitor } from './layout.ts'
import { decidedPage, nothingWaitsPage } from './outcomes.ts'
import { planPage } from './plan-page.ts'
import type { Seal } from './sealed.ts'
import { isTyped } from './typed.ts'

/** How long a form and the news of a decision are good: as long as an approval waits. */
const GOOD_MS = 10 * 60_000

/** Where a person who is signed in sees what is asked, and decides. */
export interface Decisions {
  show(visitor: Visitor, code: string): Promise<Page>
  /** What was decided here a moment ago. Undefined where `receipt` is none for this code, and for this visitor if any. */
  news(visitor: Visitor | undefined, code: string, receipt: string | null): Promise<Page | undefined>
  /** `carried` is what the form was given to carry, opened. */
  decide(visitor: Visitor, code: string, form: URLSearchParams, carried: Carried | undefined): Promise<Page>
}

/** What a form carries. */
export interface Carried {
  /** To whom it was given, and for what. */
  about: string
  /** Of who typed one to see it. */
  token?: string
}

/** The news of a decision. It says no more than the page that it leads to. */
export interface Receipt {
  code: string
  who: string
  yes: boolean
}

export interface DecisionsOptions {
  approvals(identity: Identity): Promise<Approvals>
  audit(identity: Identity): Promise<Audit>
  forms: Seal<Carried>
  receipts: Seal<Receipt>
}

export function createDecisions({ approvals, audit, forms, receipts }: DecisionsOptions): Decisions {
  async function find({ identity }: Visitor, code: string): Promise<Waiting | undefined> {
    return (await approvals(identity)).find(code, identity.principal)
  }

  async function plan(visitor: Visitor, waiting: Waiting, wrong?: Html): Promise<Page> {
    const { token } = visitor
    const carried = { about: about(visitor, waiting.code), ...(token !== undefined && { token }) }
    return planPage({ waiting, visitor, form: await forms.seal(carried, GOOD_MS), ...(wrong && { wrong }) })
  }

  return {
    async show(visitor, code) {
      const waiting = await find(visitor, code)
      return waiting ? plan(visitor, waiting) : nothingWaitsPage(visitor)
    },

    async news(visitor, code, receipt) {
      const news = await receipts.open(receipt)
      if (news?.code !== code || (visitor && news.who !== callerKey(visitor.identity))) return undefined
      return decidedPage(news.yes, visitor)
    },

    async decide(visitor, code, form, carried) {
      if (carried?.about !== about(visitor, code)) throw notOurs()
      const yes = form.get('decision') === 'approve'
      if (!yes && form.get('decision') !== 'decline') throw undecided()
      const waiting = await beforeChange(find(visitor, code))
      if (!waiting) return nothingWaitsPage(visitor)
      const { principal } = visitor.identity
      const here = await approvals(visitor.identity)
      if (yes && !isTyped(waiting.approval, form.get('typed'))) {
        await beforeChange(here.missed(principal))
        return plan(visitor, waiting, NOT_TYPED)
      }
      // Made first: once the decision is on record, nothing may fail and say that it is not.
      const receipt = await beforeChange(
        receipts.seal({ code, who: callerKey(visitor.identity), yes }, GOOD_MS),
      )
      const records = { approvals: here, audit: await audit(visitor.identity) }
      try {
        await recordDecision(waiting, { yes, by: `page:${principal}` }, records)
      } catch (error) {
        if (toProblem(error).code === 'NOT_FOUND') return nothingWaitsPage(visitor)
        throw error
      }
      return redirect(`${addressOf(code)}?decided=${receipt}`)
    },
  }
}

const about = ({ identity }: Visitor, code: string) => JSON.stringify([callerKey(identity), code])

const NOT_TYPED = html`Those are not the last ${TYPED} characters. Nothing was decided: compare the id with what you want, and type its end again, or decline.`

const notOurs = () =>
  refuse(403, [
    'FORBIDDEN',
    'The form is too old, or belongs to somebody else or to another code. Nothing was decided.',
    'Open the address of the approval again and decide there.',
  ])

const undecided = () =>
  refuse(400, [
    'INVALID_ARGUMENT',
    'The form says neither yes nor no. Nothing was decided.',
    'Press one of its two buttons.',
  ])
