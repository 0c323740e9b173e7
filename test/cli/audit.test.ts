import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { type AuditCommand, audit } from '../../src/cli/audit.ts'
import { loadConfig } from '../../src/config.ts'

/** A home whose log has as many entries as asked for, and somebody who reads what the command says. */
async function home(entries: number) {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'audit-')))
  onTestFinished(() => rmSync(base, { recursive: true }))
  const cwd = join(base, 'project')
  mkdirSync(cwd)
  const env = { SNAPSHOT_MCP_HOME: join(base, 'home') }
  const config = loadConfig({ log_level: 'error' }, { env, cwd, userHome: join(base, 'nobody') })
  const log = await createApp(config).audit()
  for (let n = 1; n <= entries; n++)
    await log.append({ event: 'ended', principal: 'local:1000', operation: `op_${n}`, outcome: 'done' })
  const segment = join(base, 'home/audit/000001.jsonl')
  return {
    log,
    segment,
    stored: () => readFileSync(segment, 'utf8'),
    edit: (change: (text: string) => string) => writeFileSync(segment, change(readFileSync(segment, 'utf8'))),
    async run(options: Partial<AuditCommand> = {}) {
      const printed: string[] = []
      const command = { json: false, verify: false, ...options }
      const status = await audit(command, config, (text) => void printed.push(text))
      return { status, text: printed.join('') }
    },
  }
}

describe('shown', () => {
  test('an entry is one line: when, what, how, and who', async () => {
    const { log, run } = await home(0)
    await log.append({
      event: 'allowed',
      principal: 'local:1000',
      client: 'claude\u001b[2J 2.1',
      operation: 'op_1',
      type: 'delete',
      provider: 'local',
      targets: ['local:a', 'local:b', 'local:c', 'local:d', 'local:e'],
      layers: { policy: 'passed', person: 'approved' },
      by: 'terminal:ada',
    })
    await log.append({ event: 'refused', principal: 'local:1000', type: 'undo', code: 'PLAN_STALE' })
    const { status, text } = await run()
    expect(status).toBe(0)
    expect(text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'THEN')).toBe(
      [
        '#1  THEN  allowed   op_1  delete  local  local:a, local:b, local:c, and 2 more',
        '  policy: passed, person: approved  by terminal:ada  for local:1000 (claude?[2J 2.1)\n',
        '#2  THEN  refused   undo  PLAN_STALE  for local:1000\n',
      ].join(''),
    )
  })

  test('are the newest fifty, the oldest of them first', async () => {
    const { run } = await home(60)
    const { text } = await run()
    const numbers = text.match(/^#\d+/gm)
    expect([numbers?.length, numbers?.[0], numbers?.at(-1)]).toEqual([50, '#11', '#60'])
  })

  test('are as many as asked for, and with --json exactly as they are stored', async () => {
    const { stored, run } = await home(5)
    expect((await run({ limit: '2', json: true })).text).toBe(stored().split('\n').slice(3).join('\n'))
    expect((await run({ limit: '10000', json: true })).text).toBe(stored())
  })

  test('nothing yet', async () => {
    const { run } = await home(0)
    expect(await run()).toEqual({ status: 0, text: 'There is nothing in the audit log.\n' })
    expect(await run({ json: true })).toEqual({ status: 0, text: '' })
  })

  test('with a hint when something met on the way is not as it was written', async () => {
    const { edit, run } = await home(3)
    edit((text) => text.replace('op_1', 'op_9').replace(/\n/, '\nnothing\n'))
    const { status, text } = await run()
    expect(status).toBe(0)
    expect(text.split('\n').slice(-2)[0]).toBe(
      'Not as they were written: 2. "snapshot-mcp audit --verify" tells more.',
    )
  })

  test.each(['0', '-1', '1.5', 'all', '', '10001'])('--limit %j is refused', async (limit) => {
    const { run } = await home(0)
    await expect(run({ limit })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(run({ limit: '5', verify: true })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

describe('verified', () => {
  test('a whole log: status 0, and what it spans', async () => {
    const { run } = await home(3)
    const { status, text } = await run({ verify: true })
    expect(status).toBe(0)
    expect(text).toMatch(/^3 entries, #1 of \S+Z to #3 of \S+Z, unbroken\.\n$/)
  })

  test('an empty one: status 0', async () => {
    const { run } = await home(0)
    expect(await run({ verify: true })).toEqual({ status: 0, text: 'There is nothing in the audit log.\n' })
  })

  test('a broken one: status 1, where, and how', async () => {
    const { edit, run } = await home(4)
    edit((text) => text.replace('op_2', 'op_9').replace(/\n[^\n]*\n$/, '\n'))
    const { status, text } = await run({ verify: true })
    expect(status).toBe(1)
    expect(text.split('\n').slice(1)).toEqual([
      'BROKEN: 2',
      '  000001.jsonl:2 changed: entry 2 is not what was written',
      '  000001.jsonl:3 cut off: entry 4 is missing at the end',
      '',
    ])
  })

  test('a log of which nothing but its head is left', async () => {
    const { segment, run } = await home(4)
    rmSync(segment)
    expect(await run({ verify: true })).toEqual({
      status: 1,
      text: 'There is nothing in the audit log.\nBROKEN: 1\n  cut off: entries 1 to 4 are missing at the end\n',
    })
  })

  test('--json says the same to a program', async () => {
    const { edit, run } = await home(2)
    edit((text) => text.replace('op_1', 'op_9'))
    const { status, text } = await run({ verify: true, json: true })
    expect(status).toBe(1)
    expect(JSON.parse(text)).toEqual({
      entries: 2,
      first: { seq: 1, at: expect.stringMatching(/Z$/) },
      last: { seq: 2, at: expect.stringMatching(/Z$/) },
      problems: [
        { segment: '000001.jsonl', line: 1, kind: 'changed', what: 'entry 1 is not what was written' },
      ],
      omitted: 0,
      notes: [],
    })
  })
})
