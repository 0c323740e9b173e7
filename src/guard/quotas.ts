import { z } from 'zod'
import { fail } from '../snapshots/errors.ts'
import type { StateStore } from '../state/state-store.ts'
import { readCounter } from './counter.ts'
import type { Policy } from './policy.ts'

/** What is counted: for a delete each snapshot that goes, for a create the one that comes. */
export interface Spending {
  type: 'create' | 'delete'
  principal: string
  /** The source of each snapshot. */
  sources: readonly string[]
}

/**
 * How much may happen within an hour. The ledger is one durable record that all servers on this state share: a restart
 * does not refill it, and compare-and-set keeps two from spending the same rest. Tries count, also those that fail.
 */
export interface Quotas {
  /** QUOTA_EXCEEDED when it would be too much. */
  check(policy: Policy, spending: Spending): Promise<void>
  /** The same, and counts it. */
  spend(policy: Policy, spending: Spending): Promise<void>
}

const Entry = z.object({
  at: z.number(),
  type: z.enum(['create', 'delete']),
  principal: z.string(),
  source: z.string(),
  count: z.int(),
})
type Entry = z.infer<typeof Entry>
const Ledger = z.object({ v: z.literal(1), entries: z.array(Entry) })

const ID = 'ledger'
const WHAT = 'The record of what was created and deleted in the last hour'
const HOUR = 3_600_000
/** What falls into one minute is one entry, so that the ledger stays small. */
const GRAIN = 60_000

export function createQuotas({ state, clock }: { state: StateStore; clock: () => number }): Quotas {
  async function load() {
    for (;;) {
      const found = await readCounter(state, { id: ID, schema: Ledger, what: WHAT })
      if (!found) return { entries: [], version: 0 }
      const now = clock()
      const entries = found.value.entries.flatMap((entry) => {
        // From before a clock was set back: it counts for an hour from now, and no longer.
        const at = Math.min(entry.at, now)
        return now - at < HOUR + GRAIN ? [{ ...entry, at }] : []
      })
      if (found.value.entries.every(({ at }) => at <= now)) return { entries, version: found.version }
      // Else that hour would begin again with each look.
      await state.write('counter', ID, { v: 1, entries }, found.version)
    }
  }

  async function check(policy: Policy, spending: Spending) {
    if (!limitsOf(policy, spending)) return undefined
    const ledger = await load()
    for (const limit of limitsFor(policy, spending)) {
      refuseBeyond(limit, ledger.entries.filter(limit.counts), clock())
    }
    return ledger
  }

  return {
    check: async (policy, spending) => void (await check(policy, spending)),
    async spend(policy, spending) {
      for (;;) {
        const ledger = await check(policy, spending)
        if (!ledger) return
        const entries = added(ledger.entries, spending, clock())
        if ((await state.write('counter', ID, { v: 1, entries }, ledger.version)) !== undefined) return
      }
    },
  }
}

interface Limit {
  most: number
  /** How many would be added. */
  more: number
  what: string
  counts(entry: Entry): boolean
}

const limitsOf = ({ quotas }: Policy, { type }: Spending) =>
  type === 'delete' ? quotas?.deletes_per_hour : quotas?.creates_per_hour

function limitsFor(policy: Policy, spending: Spending): Limit[] {
  const { type, principal, sources } = spending
  const { principal: ofPrincipal, source: ofSource, global } = limitsOf(policy, spending) ?? {}
  const limits: Limit[] = []
  const ofType = (entry: Entry) => entry.type === type
  const things = type === 'delete' ? 'deletes' : 'creates'
  if (global !== undefined)
    limits.push({ most: global, more: sources.length, what: `${things} of all callers`, counts: ofType })
  if (ofPrincipal !== undefined)
    limits.push({
      most: ofPrincipal,
      more: sources.length,
      what: `${things} of one caller`,
      counts: (entry) => ofType(entry) && entry.principal === principal,
    })
  if (ofSource === undefined) return limits
  for (const source of new Set(sources))
    limits.push({
      most: ofSource,
      more: sources.filter((each) => each === source).length,
      what: `${things} of one source`,
      counts: (entry) => ofType(entry) && entry.source === source,
    })
  return limits
}

function refuseBeyond({ most, more, what }: Limit, spent: readonly Entry[], now: number): void {
  const used = spent.reduce((sum, { count }) => sum + count, 0)
  if (used + more <= most) return
  const rule = `The operator allows ${most} ${what} in an hour`
  if (more > most) {
    const ask = 'Name fewer snapshots. snapshot_status shows the limits.'
    throw fail('QUOTA_EXCEEDED', `${rule}, and this would be ${more} at once. Nothing was changed.`, ask)
  }
  const retry_after_ms = Math.max(1000, roomAt(spent, used + more - most) + HOUR + GRAIN - now)
  throw fail(
    'QUOTA_EXCEEDED',
    `${rule}, and ${used} were made. Nothing was changed.`,
    `Do without, or call again in ${Math.ceil(retry_after_ms / 60_000)} minutes.`,
    { retry_after_ms },
  )
}

/** When the one was counted with whose end `needed` more may happen. */
function roomAt(spent: readonly Entry[], needed: number): number {
  let freed = 0
  for (const { at, count } of [...spent].sort((a, b) => a.at - b.at)) {
    freed += count
    if (freed >= needed) return at
  }
  return Number.POSITIVE_INFINITY
}

function added(entries: readonly Entry[], { type, principal, sources }: Spending, now: number): Entry[] {
  const at = Math.floor(now / GRAIN) * GRAIN
  const next = entries.map((entry) => ({ ...entry }))
  for (const source of sources) {
    const same = next.find(
      (entry) =>
        entry.at === at && entry.type === type && entry.principal === principal && entry.source === source,
    )
    if (same) same.count++
    else next.push({ at, type, principal, source, count: 1 })
  }
  return next
}
