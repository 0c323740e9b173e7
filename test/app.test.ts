import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { auditDirectory, createApp } from '../src/app.ts'
import { purge } from '../src/cli/purge.ts'
import { unprotect } from '../src/cli/unprotect.ts'
import { loadConfig } from '../src/config.ts'
import { newestEntries } from '../src/guard/audit/newest.ts'
import { verifyAudit } from '../src/guard/audit/verify.ts'
import type { NotRun } from '../src/guard/guard-api.ts'
import { args, caller, refusal, temporaryDirectory } from './snapshots/world.ts'
import { unasked } from './support/unasked.ts'

/** The parts as a server has them, on a directory of their own. */
async function server(flags: Record<string, string> = {}) {
  const base = temporaryDirectory()
  const cwd = join(base, 'project')
  mkdirSync(cwd)
  const policy = join(base, 'policy.json')
  const rule = (rules: object) => writeFileSync(policy, JSON.stringify(rules))
  rule({})
  const config = loadConfig(
    { policy, home: join(base, 'home'), 'log-level': 'error', ...flags },
    { env: {}, cwd, userHome: join(base, 'nobody') },
  )
  const app = createApp(config)
  onTestFinished(app.close)
  const service = unasked(await app.service())
  const me = caller({ principal: app.principal })
  const save = async (fields: object = {}) => (await service.create(args.create(fields), me)).snapshot
  const remove = async (snapshot: string, fields: object = {}) =>
    (await service.delete(args.delete({ snapshots: [snapshot], ...fields }), me)) as NotRun
  const names = async () => (await service.list(args.list(), me)).items.map(({ name }) => name)
  const log = async () => {
    const { entries } = await newestEntries(auditDirectory(config), 100)
    return entries.map(({ entry }) => entry.event)
  }
  return { config, service, me, rule, save, remove, names, log }
}

test('a server writes down what it decides before it does it', async () => {
  const { config, save, remove, log } = await server()
  const { id } = await save()
  const { confirmation } = await remove(id)
  await remove(id, { confirmation })
  expect(await log()).toEqual(['asked', 'allowed', 'ended'])
  expect(await verifyAudit(auditDirectory(config))).toMatchObject({ entries: 3, problems: [] })
})

test('servers with one home and two states take turns at one log', async () => {
  const base = temporaryDirectory()
  const home = join(base, 'home')
  const states = ['one', 'two'].map((name) => join(base, name))
  const audits = await Promise.all(
    states.map((state) => {
      const around = { env: {}, cwd: temporaryDirectory(), userHome: join(base, 'nobody') }
      return createApp(loadConfig({ home, state: `file:${state}` }, around)).audit()
    }),
  )
  await Promise.all(audits.map((audit) => audit.append({ event: 'purged', principal: 'ann' })))
  expect(readdirSync(join(home, 'lock/audit'))).toHaveLength(4)
  expect(states.filter((state) => existsSync(join(state, 'lock/audit')))).toEqual([])
  expect(await verifyAudit(join(home, 'audit'))).toMatchObject({ entries: 2, problems: [] })
})

test('a server obeys its policy file as it is now (G23)', async () => {
  const { rule, save, remove, log } = await server()
  const { id } = await save()
  const { confirmation } = await remove(id)
  rule({ delete: 'never' })
  await refusal(remove(id, { confirmation }), 'POLICY_DENIED')
  rule({ delet: 'trash' })
  await refusal(remove(id, { confirmation }), 'POLICY_DENIED')
  expect(await log()).toEqual(['asked', 'refused', 'refused'])
})

test('a server in human mode asks for a person', async () => {
  const { save, remove } = await server({ guard: 'human' })
  const { id } = await save()
  expect(await remove(id)).toMatchObject({ status: 'approval_required' })
})

test('nothing expires that the policy file keeps, and what it lets go does', async () => {
  const { rule, save, names, log } = await server()
  const { expires_at = '' } = await save({ name: 'release', ttl: '1s' })
  await save({ name: 'later' })
  rule({ protect: { names: ['release'] } })
  await sleep(Date.parse(expires_at) - Date.now() + 5)
  await save({ name: 'kept' })
  expect(await names()).toContain('release')
  rule({ delete: 'nevr' })
  await refusal(save(), 'POLICY_DENIED')
  rule({})
  await save({ name: 'gone' })
  expect(await names()).toEqual(['gone', 'kept', 'later'])
  await vi.waitFor(async () => expect(await log()).toContain('expired'))
})

describe('what only the operator does is written down, or not done', () => {
  const terminal = { interactive: true, say() {}, ask: async () => 'yes' }

  /** Does it while nothing can be written, and then again. */
  async function twice(
    { config, log }: Awaited<ReturnType<typeof server>>,
    deed: () => Promise<number>,
    isDone: () => Promise<boolean>,
  ) {
    const directory = auditDirectory(config)
    rmSync(directory, { recursive: true, force: true })
    writeFileSync(directory, '')
    await refusal(deed(), 'FORBIDDEN')
    expect(await isDone()).toBe(false)
    rmSync(directory)
    expect(await deed()).toBe(0)
    expect(await isDone()).toBe(true)
    return log()
  }

  test('a purge', async () => {
    const box = await server()
    const { id } = await box.save()
    const { confirmation } = await box.remove(id)
    await box.remove(id, { confirmation })
    const deed = () => purge({ all: true, yes: true }, box.config, terminal)
    const isDone = async () =>
      (await box.service.list(args.list({ include_trashed: true }), box.me)).items.length === 0
    expect(await twice(box, deed, isDone)).toEqual(['purged', 'ended'])
  })

  test('the lifting of a protection', async () => {
    const box = await server()
    const { id } = await box.save()
    await box.service.update(args.update({ snapshot: id, protected: true }), box.me)
    const deed = () => unprotect(id, box.config, terminal)
    const isDone = async () => !(await box.service.get(args.get({ snapshot: id }), box.me)).snapshot.protected
    expect(await twice(box, deed, isDone)).toEqual(['unprotected'])
  })
})
