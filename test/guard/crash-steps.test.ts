import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { verifyAudit } from '../../src/guard/audit/verify.ts'
import { type Problem, SnapshotError } from '../../src/snapshots/errors.ts'
import { args, refusal } from '../snapshots/world.ts'
import { remove } from '../support/sandbox.ts'
import { bundleScript } from '../support/script.ts'
import { type Assembled, CALLER, call, confirmed } from './assembled.ts'
import { createLane, type Lane, type Story } from './crash-lane.ts'

/** How many processes are killed at a time. */
const LANES = 2
const PATIENCE = { timeout: 120_000 }

let directory: string
let script: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'snapshot-mcp-dying-'))
  script = bundleScript('test/guard/dying-caller.ts', directory)
})
afterAll(() => remove(directory))

describe('killed at any step, it is as if the call had not begun or had come to its end (G16):', () => {
  test('a confirmed restore', PATIENCE, async () => {
    const story: Story = {
      operation: 'restore',
      before: 'bad tree, snapshot listed',
      after: 'good tree, snapshot listed',
    }
    const told = await sweep(story)
    expectInOrder(told, [
      'after state.write plan',
      'after audit.append allowed',
      'after state.write operation',
      'before provider.restore',
      'before record',
      'after a move',
      'after provider.restore',
      'before audit.append ended',
    ])
  })

  test('a confirmed delete', PATIENCE, async () => {
    const story: Story = {
      operation: 'delete',
      before: 'bad tree, snapshot listed',
      after: 'bad tree, snapshot trashed',
    }
    const told = await sweep(story)
    expectInOrder(told, [
      'after state.write plan',
      'after state.write counter',
      'after audit.append allowed',
      'after state.write operation',
      'before provider.delete',
      'before audit.append ended',
    ])
  })

  test('an undo of a restore', PATIENCE, async () => {
    const story: Story = {
      operation: 'undo',
      before: 'good tree, snapshot listed',
      after: 'bad tree, snapshot listed',
    }
    const told = await sweep(story)
    expectInOrder(told, [
      'after audit.append allowed',
      'after state.write operation',
      'before provider.restore',
    ])
  })

  test('an undo of a delete', PATIENCE, async () => {
    const story: Story = {
      operation: 'undo',
      before: 'bad tree, snapshot trashed',
      after: 'bad tree, snapshot listed',
    }
    const told = await sweep(story)
    expectInOrder(told, [
      'after audit.append allowed',
      'after state.write operation',
      'before provider.undelete',
    ])
  })
})

/** Tells the story once for each moment of it, with its end there. Returns the moments of the one that lived on. */
async function sweep(story: Story): Promise<string[]> {
  const lanes = Array.from({ length: LANES }, async (_, first) => {
    const lane = await createLane(script, story)
    for (let moment = first + 1; ; moment += LANES) {
      const { told, killed } = await lane.die(moment)
      if (!killed) return told
      await judge(lane, story, told).catch((error) => {
        throw new Error(`killed ${told.at(-1)}: ${error.message}`, { cause: error })
      })
      await lane.reset()
    }
  })
  const ends = await Promise.allSettled(lanes)
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  return ends[0]?.status === 'fulfilled' ? ends[0].value : []
}

async function judge(lane: Lane, story: Story, told: readonly string[]): Promise<void> {
  const { before, after } = story
  const hadBegun = lane.standing() !== before || lane.added().length > 0
  const { length: allowed } = runsOf(lane, story)
  expect(allowed, 'what was done is on record').toBeGreaterThanOrEqual(hadBegun ? 1 : 0)
  expect(allowed).toBeLessThanOrEqual(1)

  // The first call takes up what was left.
  const server = lane.open()
  await statusOf(server)
  expect([before, after]).toContain(lane.standing())
  expect(lane.added().length, 'safety snapshots').toBeLessThanOrEqual(1)

  if ('confirmation' in lane.args) await repeat(lane, story, server, told)
  else await tryAgain(lane, story, server)
  await takeBack(lane, story, server)
  await goOn(lane, server)
  expect(await verifyAudit(lane.audit)).toMatchObject({ problems: [], omitted: 0 })
}

/** The operations of this kind that were allowed to run. */
const runsOf = (lane: Lane, { operation: type }: Story) =>
  lane
    .entries()
    .flatMap((entry) => (entry.event === 'allowed' && entry.type === type ? [entry.operation] : []))

const statusOf = ({ service }: Assembled) => service.status(args.status(), CALLER)

/** A confirmation that was claimed does not run again, and whoever repeats it is told how that ended. */
async function repeat(lane: Lane, story: Story, server: Assembled, told: readonly string[]): Promise<void> {
  const wasClaimed = told.includes('after state.write plan')
  if (!wasClaimed) {
    await call(server, story.operation, lane.args)
    expect(lane.standing()).toBe(story.after)
  }
  const seen = () => [lane.standing(), lane.added(), runsOf(lane, story)]
  const then = seen()
  const { operation, details } = await refusal(call(server, story.operation, lane.args), 'PLAN_CONSUMED')
  expect(seen()).toEqual(then)
  const { outcome } = details as { outcome: string }
  const { operations } = await statusOf(server)
  const state = operations.find((each) => each.operation === operation)?.state
  // Of an operation that never began there is no record.
  expect(outcome).toBe(state ?? 'claimed')
  if (outcome === 'done') expect(lane.standing()).toBe(story.after)
  if (outcome === 'failed' || outcome === 'claimed') expect(lane.standing()).toBe(story.before)
  if (!wasClaimed) expect(outcome).toBe('done')
}

/** An undo has nothing to confirm here: it is made again, and has no effect twice. */
async function tryAgain(lane: Lane, story: Story, server: Assembled): Promise<void> {
  const [first] = runsOf(lane, story)
  const { operations } = await statusOf(server)
  const wasDone = operations.some(({ operation, state }) => operation === first && state === 'done')
  const stood = lane.standing()
  const problem = await problemOf(confirmed(server, 'undo', lane.args))
  expect(lane.standing()).toBe(story.after)
  if (wasDone) expect(problem).toMatchObject({ code: 'CONFLICT', operation: first })
  else if (problem) {
    // Nothing is left in the trash to be taken out.
    expect(problem.code).toBe('NOT_FOUND')
    expect(stood).toBe(story.after)
  }
}

/** What has run can be undone, and that brings back how things stood. */
async function takeBack(lane: Lane, story: Story, server: Assembled): Promise<void> {
  const mine = new Set(runsOf(lane, story))
  const { undoable } = await statusOf(server)
  const [offered] = undoable.filter(({ operation }) => mine.has(operation))
  // To take a snapshot out of the trash takes nothing away.
  const losesNothing = story.before.endsWith('trashed')
  if (lane.standing() === story.after && !losesNothing) expect(offered).toBeDefined()
  if (!offered) return
  const problem = await problemOf(confirmed(server, 'undo', { operation: offered.operation }))
  // A delete may have been interrupted before it moved anything.
  if (problem) expect(problem.code).toBe('NOT_FOUND')
  expect(lane.standing()).toBe(story.before)
}

/** Nothing is in the way of what comes next. */
async function goOn(lane: Lane, server: Assembled): Promise<void> {
  const tree = lane.standing().startsWith('good') ? 'bad' : 'good'
  await confirmed(server, 'restore', { snapshot: lane.snapshots[tree] })
  expect(lane.standing()).toBe(`${tree} tree, snapshot listed`)
  await confirmed(server, 'delete', { snapshots: [lane.snapshots.good] })
  expect(lane.standing()).toBe(`${tree} tree, snapshot trashed`)
}

async function problemOf(work: Promise<unknown>): Promise<Problem | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (error instanceof SnapshotError) return error.problem
    throw error
  }
}

function expectInOrder(told: readonly string[], moments: readonly string[]): void {
  const places = moments.map((moment) => told.indexOf(moment))
  expect(places).not.toContain(-1)
  expect(places).toEqual([...places].sort((a, b) => a - b))
}
