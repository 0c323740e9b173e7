import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { auditDirectory, createApp } from '../../src/app.ts'
import { purge } from '../../src/cli/purge.ts'
import { loadConfig } from '../../src/config.ts'
import { newestEntries } from '../../src/guard/audit/newest.ts'
import type { Caller } from '../../src/snapshots/caller.ts'
import { CreateArgs, DeleteArgs, ListArgs } from '../../src/snapshots/requests.ts'
import { intercept, systemFault } from '../providers/local/faults.ts'
import { content } from '../support/trees.ts'
import { unasked } from '../support/unasked.ts'

/** A real store with two snapshots, one of them in the trash, and a terminal with somebody who gives one answer. */
async function withTrash(answer: string, { interactive = true, window = '72h' } = {}) {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'purge-')))
  onTestFinished(() => rmSync(base, { recursive: true }))
  const cwd = join(base, 'project')
  mkdirSync(cwd)
  writeFileSync(join(base, 'policy.json'), JSON.stringify({ trash_window: window }))
  const env = { SNAPSHOT_MCP_HOME: join(base, 'home'), SNAPSHOT_MCP_POLICY: join(base, 'policy.json') }
  const config = loadConfig({ 'log-level': 'error' }, { env, cwd, userHome: join(base, 'nobody') })

  const app = createApp(config)
  const service = unasked(await app.service())
  onTestFinished(app.close)
  const { signal } = new AbortController()
  const caller: Caller = { principal: app.principal, signal, progress() {}, canAsk: false }
  writeFileSync(join(cwd, 'large'), content(2_000_000, 1))
  const { snapshot } = await service.create(CreateArgs.parse({ name: 'the large one' }), caller)
  rmSync(join(cwd, 'large'))
  await service.create(CreateArgs.parse({ name: 'the small one' }), caller)
  const asked = await service.delete(DeleteArgs.parse({ snapshots: [snapshot.id] }), caller)
  const { confirmation } = asked as { confirmation: string }
  await service.delete(DeleteArgs.parse({ snapshots: [snapshot.id], confirmation }), caller)

  const said: string[] = []
  const questions: string[] = []
  const terminal = {
    interactive,
    say: (text: string) => void said.push(text),
    ask: async (question: string) => {
      questions.push(question)
      return answer
    },
  }
  const packs = join(base, 'home/store/packs')
  return {
    said,
    questions,
    snapshot,
    audit: auditDirectory(config),
    run: (options = {}) => purge({ all: false, yes: false, ...options }, config, terminal),
    used: () => readdirSync(packs).reduce((sum, name) => sum + statSync(join(packs, name)).size, 0),
    async names() {
      const { items } = await service.list(ListArgs.parse({ include_trashed: true }), caller)
      return items.map(({ name }) => name)
    },
  }
}

test('what can still be taken back stays', async () => {
  const { said, questions, run, used, names } = await withTrash('yes')
  expect(await run()).toBe(0)
  expect(said).toContain('1 snapshot in the trash stay: they can still be taken back, or are protected.')
  expect(said.at(-1)).toBe('There is nothing to purge.')
  expect(questions).toEqual([])
  expect(used()).toBeGreaterThan(2_000_000)
  expect(await names()).toHaveLength(2)
})

describe('everything in the trash', () => {
  test.each(['yes', ' YES '])('goes after %j, and the space is free', async (answer) => {
    const { said, questions, snapshot, run, used, names } = await withTrash(answer)
    expect(await run({ all: true })).toBe(0)
    expect(said.join('\n')).toContain(snapshot.id)
    expect(said.join('\n')).toContain('To be freed: about 2.0 MB.')
    expect(questions).toEqual(['Delete them for good? This CANNOT BE UNDONE. Type yes: '])
    expect(said.at(-1)).toMatch(/^Deleted 1 snapshot, freed 2\.0 MB; the store occupies \d+ bytes\.$/)
    expect(used()).toBeLessThan(10_000)
    expect(await names()).toEqual(['the small one'])
  })

  test.each(['y', 'no', '', 'yes please'])('stays after %j', async (answer) => {
    const { said, run, used, names } = await withTrash(answer)
    expect(await run({ all: true })).toBe(1)
    expect(said.at(-1)).toBe('Nothing was deleted.')
    expect(used()).toBeGreaterThan(2_000_000)
    expect(await names()).toHaveLength(2)
  })

  test('goes without a question when the answer was given before', async () => {
    const { questions, run, used } = await withTrash('no', { interactive: false })
    expect(await run({ all: true, yes: true })).toBe(0)
    expect(questions).toEqual([])
    expect(used()).toBeLessThan(10_000)
  })
})

test('what has left its window goes without --all', async () => {
  const { run, used, names } = await withTrash('yes', { window: '1s' })
  await new Promise((resolve) => setTimeout(resolve, 1100))
  expect(await run()).toBe(0)
  expect(used()).toBeLessThan(10_000)
  expect(await names()).toEqual(['the small one'])
})

describe('a disk with no room for the line that goes before', () => {
  /** Has no room for a line of the audit log while `isFull`. */
  const fill = (audit: string, isFull: () => boolean) =>
    intercept('openSync', (path) => {
      if (path.startsWith(audit) && path.endsWith('.jsonl') && isFull()) throw systemFault('ENOSPC')
    })
  const eventsIn = async (audit: string) => {
    const { entries } = await newestEntries(audit, 100)
    return entries.map(({ entry }) => entry.event)
  }

  test('is freed all the same, and the line follows', async () => {
    const { audit, run, used, said } = await withTrash('yes')
    fill(audit, () => used() > 2_000_000)
    expect(await run({ all: true })).toBe(0)
    expect(used()).toBeLessThan(10_000)
    expect(said.at(-1)).toMatch(/^Deleted 1 snapshot/)
    expect(await eventsIn(audit)).toContain('purged')
  })

  test('and none afterwards: the operator is told that it is missing', async () => {
    const { audit, run, used, said } = await withTrash('yes')
    let full = true
    fill(audit, () => full)
    expect(await run({ all: true })).toBe(1)
    full = false
    expect(used()).toBeLessThan(10_000)
    expect(said.at(-1)).toContain('it does not hold all of this purge')
    expect(await eventsIn(audit)).not.toContain('purged')
  })
})

test('without a terminal and without --yes nothing is shown and nothing deleted', async () => {
  const { said, questions, run, used } = await withTrash('yes', { interactive: false })
  await expect(run({ all: true })).rejects.toMatchObject({ code: 'FORBIDDEN' })
  expect([...said, ...questions]).toEqual([])
  expect(used()).toBeGreaterThan(2_000_000)
})
