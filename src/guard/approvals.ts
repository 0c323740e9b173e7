import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { fail } from '../snapshots/errors.ts'
import { PlanView } from '../snapshots/model.ts'
import type { StateStore } from '../state/state-store.ts'
import { createMisses } from './misses.ts'
import { createPatience } from './patience.ts'
import { createPlans, isExpired, type Plan } from './plans.ts'

/** A person's yes or no from outside of the chat, bound to one plan and therefore good for one execution. */
const Approval = z.object({
  v: z.literal(1),
  plan: z.string(),
  type: z.string(),
  provider: z.string(),
  principal: z.string(),
  view: PlanView,
  /** The id whose end a person types when there is no way back. Records of earlier versions have none. */
  subject: z.string().optional(),
  /** Milliseconds. */
  created: z.number(),
  expires: z.number(),
  status: z.enum(['pending', 'approved', 'declined']),
  by: z.string().optional(),
})
export type Approval = z.infer<typeof Approval>

/** An approval that nobody has decided yet. */
export interface Waiting {
  code: string
  approval: Approval
}

export interface Approvals {
  /** Opens an approval for a plan and returns its code. RATE_LIMITED when too many wait for a person already. */
  open(
    planId: string,
    plan: Pick<Plan, 'type' | 'provider' | 'principal' | 'view' | 'subject' | 'created' | 'expires'>,
  ): Promise<string>
  /** What was decided about this plan. Anything that does not fit is not an approval. */
  decision(code: string, planId: string): Promise<Pick<Approval, 'status' | 'by'>>
  /** What waits for a person, newest first. */
  list(): Promise<Waiting[]>
  /**
   * By its code, in any case and with or without the hyphen. Undefined when unknown, decided or too old; RATE_LIMITED
   * after too many of those. A principal finds its own alone, and its misses are counted for itself.
   */
  find(code: string, principal?: string): Promise<Waiting | undefined>
  /** Counts what was typed wrong beside the code. */
  missed(principal: string): Promise<void>
  /** NOT_FOUND when `find` would not find it. */
  approve(code: string, by: string): Promise<Approval>
  decline(code: string, by: string): Promise<Approval>
}

/** How long a person has to come to a terminal. */
export const APPROVAL_MS = 10 * 60_000

/** More than this many at once nobody reads. */
const MOST_WAITING = 10

/** Without 0 O 1 I L U: what people mix up, and what makes words. */
const ALPHABET = '23456789ABCDEFGHJKMNPQRSTVWXYZ'
const LENGTH = 8

export interface ApprovalsOptions {
  state: StateStore
  clock: () => number
  random?: (size: number) => Buffer
}

export function createApprovals({ state, clock, random = randomBytes }: ApprovalsOptions): Approvals {
  const plans = createPlans({ state, clock, random })
  const misses = createMisses({ state, clock })
  const patience = createPatience({ state, clock })

  async function read(code: string) {
    if (code.length !== LENGTH) return undefined
    const found = await state.read('approval', code)
    const { data: approval } = Approval.safeParse(found?.value)
    return found && approval && { approval, version: found.version }
  }

  const waits = (approval: Approval) => approval.status === 'pending' && !isExpired(approval, clock())

  async function decide(code: string, status: 'approved' | 'declined', by: string): Promise<Approval> {
    const id = bareCode(code)
    const found = await read(id)
    if (!found || !waits(found.approval)) throw nothingWaits()
    const decided: Approval = { ...found.approval, status, by }
    if ((await state.write('approval', id, decided, found.version)) === undefined) throw nothingWaits()
    if (status === 'declined') {
      const plan = await plans.load(decided.plan)
      if (plan?.plan.status === 'issued') await plans.advance(plan, { status: 'burned', burned: 'declined' })
      await patience.spend(decided.principal)
    }
    return decided
  }

  async function list() {
    const all = await state.list('approval')
    return all
      .flatMap(({ id: code, value }) => {
        const { data: approval } = Approval.safeParse(value)
        return approval && waits(approval) ? [{ code, approval }] : []
      })
      .sort((a, b) => b.approval.created - a.approval.created)
  }

  return {
    async open(planId, { type, provider, principal, view, subject, created, expires }) {
      const waiting = (await list()).filter(({ approval }) => approval.principal === principal)
      if (waiting.length >= MOST_WAITING) throw tooManyWait()
      const approval = {
        v: 1,
        plan: planId,
        type,
        provider,
        principal,
        view,
        subject,
        created,
        expires,
        status: 'pending',
      }
      for (;;) {
        const code = newCode(random)
        if (await state.write('approval', code, approval, 0)) return code
      }
    },
    async decision(code, planId) {
      const found = await read(code)
      return found?.approval.plan === planId ? found.approval : { status: 'pending' }
    },
    list,
    async find(code, principal) {
      await misses.check(principal)
      const id = bareCode(code)
      const found = await read(id)
      const isTheirs = principal === undefined || found?.approval.principal === principal
      if (found && isTheirs && waits(found.approval)) return { code: id, approval: found.approval }
      await misses.add(principal)
      return undefined
    },
    missed: (principal) => misses.add(principal),
    approve: (code, by) => decide(code, 'approved', by),
    decline: (code, by) => decide(code, 'declined', by),
  }
}

/** As people read it: `ABCD-EFGH`. */
export function showCode(code: string): string {
  return `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`
}

/** As it is kept, from what a person typed. What is too long stays so, and does not get longer. */
export function bareCode(typed: string): string {
  return typed
    .slice(0, 100)
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '')
}

function newCode(random: (size: number) => Buffer): string {
  let code = ''
  // Bytes beyond the last whole multiple of the alphabet are thrown away: every letter is equally likely.
  const fair = 256 - (256 % ALPHABET.length)
  while (code.length < LENGTH) {
    const [byte = 0] = random(1)
    if (byte < fair) code += ALPHABET[byte % ALPHABET.length]
  }
  return code
}

function tooManyWait() {
  return fail(
    'RATE_LIMITED',
    `${MOST_WAITING} calls wait for an approval already. Nothing was changed.`,
    'Wait until a person has decided on those, or until they are 10 minutes old.',
    { retry_after_ms: 60_000 },
  )
}

function nothingWaits() {
  return fail(
    'NOT_FOUND',
    'Nothing waits for an approval with this code: it is mistyped, was already decided, or is older than 10 minutes.',
    'Check the code. The agent gets a new one by making its call again.',
  )
}
