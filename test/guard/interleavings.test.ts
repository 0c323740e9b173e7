import { randomBytes } from 'node:crypto'
import fc, { type Scheduler } from 'fast-check'
import { expect, test } from 'vitest'
import type { AuditEvent } from '../../src/guard/audit.ts'
import { audited } from '../../src/guard/audited.ts'
import { createGuard } from '../../src/guard/guard.ts'
import { SnapshotError } from '../../src/snapshots/errors.ts'
import { Operation } from '../../src/snapshots/operation.ts'
import type { Provider } from '../../src/snapshots/provider.ts'
import { createService } from '../../src/snapshots/service.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { createMemoryProvider } from '../snapshots/memory-provider.ts'
import { args, caller, NOON, silent } from '../snapshots/world.ts'
import { unasked } from '../support/unasked.ts'
import { createLockingStore } from './locking-store.ts'
import { createLocklessStore } from './lockless-store.ts'

const HOUR = 3_600_000
/** Each of the plans leaves that many, and not every two of them do. */
const MIN_KEEP = 3

const REFUSALS = ['PLAN_CONSUMED', 'PLAN_STALE', 'PROTECTED', 'POLICY_DENIED']

/** What the provider was made to do, in the order in which it did it. */
interface Deletion {
  id: string
  operation: string
  wasProtected: boolean
  wasNewest: boolean
  left: number
}

/**
 * A provider that trusts whoever calls it, as a cloud does: what keeps a snapshot from going is the guard alone. Each of
 * its calls takes place when the scheduler says so.
 */
function createTrusting(scheduler: Scheduler, clock: () => number) {
  const memory = createMemoryProvider({ clock })
  const deletions: Deletion[] = []
  const step = (label: string) => scheduler.schedule(Promise.resolve(), label)
  const present = () =>
    [...memory.shelf.values()]
      .map(({ snapshot }) => snapshot)
      .filter(({ state }) => state === 'ready')
      .sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at))

  const provider: Provider = {
    ...memory,
    async create(...call) {
      await step('create')
      return memory.create(...call)
    },
    async list(...call) {
      await step('list snapshots')
      return memory.list(...call)
    },
    async planDelete(...call) {
      await step('plan a delete')
      return memory.planDelete(...call)
    },
    async update(...call) {
      await step('update')
      return memory.update!(...call)
    },
    async delete({ snapshots }, { operation }) {
      const deleted: string[] = []
      for (const { id } of snapshots) {
        await step('delete')
        const native = id.slice('memory:'.length)
        const found = memory.shelf.get(native)!
        const wasNewest = present()[0]?.id === id
        found.snapshot = { ...found.snapshot, state: 'trashed' }
        deletions.push({
          id,
          operation,
          wasProtected: found.snapshot.protected,
          wasNewest,
          left: present().length,
        })
        deleted.push(native)
      }
      return { deleted, failed: [] }
    },
  }
  return { provider, deletions }
}

/** Five snapshots and four plans, some of which overlap; then all that can happen at once happens at once. */
async function play(scheduler: Scheduler, state: StateStore, what: { create: boolean }) {
  const time = { now: NOON }
  const clock = () => time.now
  const { provider, deletions } = createTrusting(scheduler, clock)
  const witnessed: AuditEvent[] = []
  const audit = { append: async (event: AuditEvent) => void witnessed.push(event) }
  const policy = () => ({ read_only: false, delete: 'trash' as const, min_keep: MIN_KEEP })
  const guard = createGuard({ state, mode: 'token', policy, clock, log: silent })
  const service = createService({
    registry: { names: ['memory'], get: async () => provider },
    guard: audited(guard, audit, silent),
    state,
    clock,
    random: randomBytes,
    log: silent,
  })
  const save = () => unasked(service).create(args.create(), caller())
  const planned = async (reply: Promise<unknown>) =>
    ((await scheduler.waitFor(reply)) as { confirmation: string }).confirmation

  const ids: string[] = []
  for (let n = 0; n < 5; n++) {
    ids.push((await scheduler.waitFor(save())).snapshot.id)
    time.now += HOUR
  }
  const [first, second, third] = ids
  const pruning = { keep_last: 3, dry_run: false }
  const plans = {
    first: await planned(service.delete(args.delete({ snapshots: [first] }), caller())),
    both: await planned(service.delete(args.delete({ snapshots: [first, second] }), caller())),
    third: await planned(service.delete(args.delete({ snapshots: [third] }), caller())),
    prune: await planned(service.prune(args.prune(pruning), caller())),
  }

  const deleting = (confirmation: string, ...snapshots: (string | undefined)[]) =>
    service.delete(args.delete({ snapshots, confirmation }), caller())
  const calls = {
    first: deleting(plans.first, first),
    'first again': deleting(plans.first, first),
    both: deleting(plans.both, first, second),
    third: deleting(plans.third, third),
    prune: service.prune(args.prune({ ...pruning, confirmation: plans.prune }), caller()),
    protect: service.update(args.update({ snapshot: second, protected: true }), caller()),
    ...(what.create && { create: save() }),
  }
  const ends = await scheduler.waitFor(Promise.allSettled(Object.values(calls)))
  const won = Object.keys(calls).filter((_, n) => ends[n]?.status === 'fulfilled')
  const refusals = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []))
  const records = (await scheduler.waitFor(state.list('operation'))).map(({ id, value }) => ({
    id,
    ...Operation.parse(value),
  }))
  return { won, refusals, deletions, records, witnessed }
}
type Played = Awaited<ReturnType<typeof play>>

/** True whatever the locks do. */
function expectOnceAndOnRecord({ won, refusals, deletions, records, witnessed }: Played): void {
  expect(won).toContain('protect')
  expect(won).not.toEqual(expect.arrayContaining(['first', 'first again']))
  for (const refused of refusals) {
    expect(refused).toBeInstanceOf(SnapshotError)
    expect(REFUSALS).toContain(refused.code)
  }
  const removals = records.filter(({ type }) => type === 'delete' || type === 'prune')
  const winners = won.filter((name) => name !== 'protect' && name !== 'create')
  expect(removals.map(({ state }) => state)).toEqual(winners.map(() => 'done'))
  for (const { id, plan, undo } of removals) {
    const gone = deletions.filter(({ operation }) => operation === id)
    expect(undo).toMatchObject({ snapshots: gone.map((each) => each.id.slice('memory:'.length)) })
    expect(witnessed.filter((event) => event.operation === id).map(({ event }) => event)).toEqual([
      'allowed',
      'ended',
    ])
    expect(removals.filter((other) => other.plan === plan)).toHaveLength(1)
  }
  expect(deletions.filter(({ operation }) => !removals.some(({ id }) => id === operation))).toEqual([])
}

test('confirms, a protection, a create and a prune at once break no rule, whatever the order of their steps (G6)', async () => {
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.boolean(), async (scheduler, create) => {
      const played = await play(scheduler, createLockingStore(scheduler), { create })
      expectOnceAndOnRecord(played)
      const { deletions, won, refusals } = played
      expect(new Set(deletions.map(({ id }) => id)).size, 'each goes once').toBe(deletions.length)
      for (const { wasProtected, wasNewest, left } of deletions) {
        expect(wasProtected).toBe(false)
        expect(wasNewest).toBe(false)
        expect(left).toBeGreaterThanOrEqual(MIN_KEEP)
      }
      for (const each of [...won, ...refusals.map(({ code }) => code)]) seen.add(each)
    }),
    { numRuns: 150, seed: 6 },
  )
  // Each of them came first at times, and each rule had something to stop.
  for (const each of ['first', 'first again', 'both', 'third', 'prune']) expect(seen).toContain(each)
  for (const each of REFUSALS) expect(seen).toContain(each)
})

test('without working locks a plan still runs once, and all that ran is on record (G6)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      expectOnceAndOnRecord(await play(scheduler, createLocklessStore(scheduler), { create: true }))
    }),
    { numRuns: 100, seed: 6 },
  )
})
