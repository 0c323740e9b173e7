import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Policy } from '../../src/guard/policy.ts'
import type { Problem } from '../../src/snapshots/errors.ts'
import type { RestoreReply } from '../../src/snapshots/replies.ts'
import { args } from '../snapshots/world.ts'
import { differences, picture } from '../support/oracle.ts'
import { remove } from '../support/sandbox.ts'
import { bundleScript } from '../support/script.ts'
import { assemble, CALLER, placesIn } from './assembled.ts'
import type { Work } from './replica.ts'

let directory: string
let script: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'snapshot-mcp-replica-'))
  script = bundleScript('test/guard/replica.ts', directory)
})
afterAll(() => remove(directory))

interface Answer {
  reply?: RestoreReply
  problem?: Problem
}

interface Replica {
  ask(work: Work, fields?: object): Promise<Answer>
  /** Lets it come to its end. */
  stop(): Promise<void>
}

function startReplica(dir: string, policy: Partial<Policy> = {}): Replica {
  const child = spawn(process.execPath, [script, dir, JSON.stringify(policy)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exit = once(child, 'exit')
  onTestFinished(() => void child.kill('SIGKILL'))
  const waiting: ((answer: Answer) => void)[] = []
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(JSON.parse(line)))
  return {
    ask: (work, fields = {}) =>
      new Promise((resolve) => {
        waiting.push(resolve)
        child.stdin.write(`${JSON.stringify([work, fields])}\n`)
      }),
    async stop() {
      child.stdin.end()
      await exit
    },
  }
}

/** A directory to work in, with a snapshot of it, and two servers that share everything. */
async function shared() {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'snapshot-mcp-shared-')))
  onTestFinished(() => remove(dir))
  const { root } = placesIn(dir)
  mkdirSync(root)
  writeFileSync(join(root, 'file'), 'saved')
  const good = picture(root)
  const { service } = assemble(dir)
  const { id } = (await service.create(args.create(), CALLER)).snapshot
  onTestFinished(() => service.close())
  let times = 0
  return {
    restoring: { snapshot: id },
    servers: [startReplica(dir), startReplica(dir)] as const,
    spoil: () => writeFileSync(join(root, 'file'), `spoilt ${++times}`),
    isGood: () => differences(good, picture(root)).length === 0,
    async safetySnapshots() {
      const { items } = await service.list(args.list({ include_auto: true, limit: 100 }), CALLER)
      return items.filter(({ auto }) => auto).length
    },
  }
}

describe('two servers on one state', () => {
  test('make plans for each other (G17)', async () => {
    const { restoring, servers, spoil, isGood } = await shared()
    for (const [planner, other] of [servers, servers.toReversed()] as [Replica, Replica][]) {
      spoil()
      const { reply: shown } = await planner.ask('restore', restoring)
      const confirmed = { ...restoring, confirmation: shown?.confirmation }
      const { reply: done } = await other.ask('restore', confirmed)
      expect(done).toMatchObject({ status: 'done', undo: { operation: done?.operation } })
      expect(isGood()).toBe(true)
      const { problem } = await planner.ask('restore', confirmed)
      expect(problem).toMatchObject({
        code: 'PLAN_CONSUMED',
        operation: done?.operation,
        details: { outcome: 'done' },
      })
      // And it is the planner's to undo.
      expect((await planner.ask('undo', { operation: done?.operation })).reply?.status).toBe('done')
      expect(isGood()).toBe(false)
    }
  })

  test('that are given the same confirmation at once use it once, and the other one tells by whom (G5)', async () => {
    const { restoring, servers, spoil, isGood, safetySnapshots } = await shared()
    const ROUNDS = 12
    for (let round = 1; round <= ROUNDS; round++) {
      spoil()
      const { reply: shown } = await servers[round % 2]!.ask('restore', restoring)
      const confirmed = { ...restoring, confirmation: shown?.confirmation }
      const answers = await Promise.all(servers.map((server) => server.ask('restore', confirmed)))
      const [won] = answers.flatMap(({ reply }) => reply ?? [])
      const [lost] = answers.flatMap(({ problem }) => problem ?? [])
      expect(won).toMatchObject({ status: 'done' })
      // How it ended it tells if it has.
      expect(lost).toMatchObject({ code: 'PLAN_CONSUMED', operation: won?.operation })
      for (const server of servers) {
        const { problem } = await server.ask('restore', confirmed)
        expect(problem?.details).toEqual({ operation: won?.operation, outcome: 'done' })
      }
      expect(isGood()).toBe(true)
      expect(await safetySnapshots()).toBe(round)
    }
  })
})

test('processes that spend one quota at once get exactly as much as there is, and a later one gets nothing (G25)', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'snapshot-mcp-quota-'))
  onTestFinished(() => remove(dir))
  mkdirSync(placesIn(dir).root)
  const LIMIT = 37
  const policy = { quotas: { creates_per_hour: { global: LIMIT } } }
  const spenders = Array.from({ length: 4 }, () => startReplica(dir, policy))
  // All have started before the first one spends.
  await Promise.all(spenders.map((each) => each.ask('restore', { snapshot: 'local:none' })))
  const answers = await Promise.all(
    spenders.flatMap((each) => Array.from({ length: 15 }, () => each.ask('charge'))),
  )
  const refused = answers.flatMap(({ problem }) => problem ?? [])
  expect(answers.length - refused.length).toBe(LIMIT)
  expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['QUOTA_EXCEEDED']))
  await Promise.all(spenders.map((each) => each.stop()))

  const later = startReplica(dir, policy)
  expect((await later.ask('charge')).problem).toMatchObject({ code: 'QUOTA_EXCEEDED' })
})
