import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createApprovals, type Waiting } from '../../src/guard/approvals.ts'
import { newestEntries } from '../../src/guard/audit/newest.ts'
import { createAudit } from '../../src/guard/audit.ts'
import { recordDecision } from '../../src/guard/decision.ts'
import { createFileStore } from '../../src/state/file-store.ts'
import { unreachable } from '../../src/state/redis/trouble.ts'
import { shaky } from '../snapshots/shaky-store.ts'
import { NOON, refusal, temporaryDirectory } from '../snapshots/world.ts'

const clock = () => NOON
const PLAN = 'cnf_0123456789'

/** An approval that waits, the line to where it is kept, and the lines of the audit log. */
async function asked() {
  const directory = temporaryDirectory()
  const store = createFileStore({ directory, clock })
  const { state, ...line } = shaky(store)
  const audit = createAudit({ directory: join(directory, 'audit'), lock: store.lock, clock })
  const approvals = createApprovals({ state, clock })
  const view = { summary: 'Restore the desk.', effects: {}, reversible: true, warnings: [] }
  const code = await approvals.open(PLAN, {
    type: 'restore',
    provider: 'memory',
    principal: 'ann',
    view,
    subject: 'memory:1',
    created: NOON,
    expires: NOON + 60_000,
  })
  const waiting = (await approvals.find(code)) as Waiting
  return {
    ...line,
    store,
    decide: (yes: boolean, records = { approvals, audit }) =>
      recordDecision(waiting, { yes, by: 'pat' }, records),
    approvals,
    audit,
    standing: async () => (await createApprovals({ state: store, clock }).decision(code, PLAN)).status,
    lines: async () =>
      (await newestEntries(join(directory, 'audit'), 10)).entries.map(({ entry }) => entry) as object[],
  }
}

test.for([
  ['approved', true],
  ['declined', false],
] as const)('a decision that arrived without an answer is decided: %s', async ([event, yes]) => {
  const { approvals, audit, decide, standing, lines } = await asked()
  const deaf = async (decision: Promise<unknown>) => {
    await decision
    throw unreachable(true)
  }
  const lossy = {
    ...approvals,
    approve: (code: string, by: string) => deaf(approvals.approve(code, by)) as never,
    decline: (code: string, by: string) => deaf(approvals.decline(code, by)) as never,
  }
  await decide(yes, { approvals: lossy, audit })
  expect(await standing()).toBe(event)
  expect(await lines()).toMatchObject([{ event }])
})

test('an approval that arrived and cannot be read back may stand: the person and the audit log are told so', async () => {
  const { decide, loseAnswerTo, standing, lines } = await asked()
  loseAnswerTo('approval')
  const problem = await refusal(decide(true), 'PROVIDER_UNAVAILABLE')
  expect(problem).toMatchObject({ outcome: 'unknown', message: expect.stringContaining('may stand') })
  expect(await standing()).toBe('approved')
  const [before, after] = await lines()
  expect(before).toMatchObject({ event: 'approved' })
  expect(after).toMatchObject({ event: 'approved', outcome: 'unknown', code: 'PROVIDER_UNAVAILABLE' })
})

test('an approval that did not arrive is refused, and nothing was decided', async () => {
  const { approvals, audit, decide, standing, lines } = await asked()
  const lost = { ...approvals, approve: () => Promise.reject(unreachable(true)) }
  const problem = await refusal(decide(true, { approvals: lost, audit }), 'PROVIDER_UNAVAILABLE')
  expect(problem.outcome).toBe('not_started')
  expect(await standing()).toBe('pending')
  expect(await lines()).toMatchObject([{ event: 'approved' }, { event: 'refused' }])
})

test('what somebody else decided meanwhile is not our decision', async () => {
  const { approvals, audit, decide, standing, lines } = await asked()
  const slow = {
    ...approvals,
    async approve(code: string) {
      await approvals.decline(code, 'sam')
      throw unreachable(true)
    },
  }
  await refusal(decide(true, { approvals: slow, audit }), 'PROVIDER_UNAVAILABLE')
  expect(await standing()).toBe('declined')
  expect(await lines()).toMatchObject([{ event: 'approved' }, { event: 'refused' }])
})
