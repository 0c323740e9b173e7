import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { unprotect } from '../../src/cli/unprotect.ts'
import { loadConfig } from '../../src/config.ts'
import type { Caller } from '../../src/snapshots/caller.ts'
import { CreateArgs, GetArgs, UpdateArgs } from '../../src/snapshots/requests.ts'
import { unasked } from '../support/unasked.ts'

/** A real store with one snapshot, and a terminal with somebody who always gives the same answer. */
async function protectedSnapshot(answer: string, { interactive = true, guarded = true } = {}) {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'unprotect-')))
  onTestFinished(() => rmSync(base, { recursive: true }))
  const cwd = join(base, 'project')
  mkdirSync(cwd)
  writeFileSync(join(cwd, 'file'), 'content')
  const env = { SNAPSHOT_MCP_HOME: join(base, 'home') }
  const config = loadConfig({ log_level: 'error' }, { env, cwd, userHome: join(base, 'nobody') })

  const app = createApp(config)
  const service = unasked(await app.service())
  const { signal } = new AbortController()
  const caller: Caller = { principal: app.principal, signal, progress() {}, canAsk: false }
  const { snapshot } = await service.create(CreateArgs.parse({ name: 'the good one' }), caller)
  if (guarded) await service.update(UpdateArgs.parse({ snapshot: snapshot.id, protected: true }), caller)
  onTestFinished(app.close)

  const said: string[] = []
  const asked: string[] = []
  const terminal = {
    interactive,
    say: (text: string) => void said.push(text),
    ask: async (question: string) => {
      asked.push(question)
      return answer
    },
  }
  return {
    said,
    asked,
    run: (id = snapshot.id) => unprotect(id, config, terminal),
    isProtected: async () =>
      (await service.get(GetArgs.parse({ snapshot: snapshot.id }), caller)).snapshot.protected,
  }
}

describe('only a yes is a yes', () => {
  test.each(['yes', ' YES '])('%j lifts it, after showing which one', async (answer) => {
    const { said, run, isProtected } = await protectedSnapshot(answer)
    expect(await isProtected()).toBe(true)
    expect(await run()).toBe(0)
    expect(said[0]).toContain('"the good one"')
    expect(said.at(-1)).toBe('It is no longer protected.')
    expect(await isProtected()).toBe(false)
  })

  test.each(['y', 'no', '', 'yes please'])('%j leaves it', async (answer) => {
    const { said, run, isProtected } = await protectedSnapshot(answer)
    expect(await run()).toBe(1)
    expect(said.at(-1)).toBe('It stays protected.')
    expect(await isProtected()).toBe(true)
  })
})

test('without a terminal nobody is asked and nothing is lifted', async () => {
  const { said, asked, run, isProtected } = await protectedSnapshot('yes', { interactive: false })
  await expect(run()).rejects.toMatchObject({ code: 'FORBIDDEN' })
  expect([...said, ...asked]).toEqual([])
  expect(await isProtected()).toBe(true)
})

test('what is not protected needs no answer', async () => {
  const { said, asked, run } = await protectedSnapshot('no', { guarded: false })
  expect(await run()).toBe(0)
  expect(said.at(-1)).toBe('It is not protected.')
  expect(asked).toEqual([])
})

test.each([
  ['latest', 'INVALID_ARGUMENT'],
  [`local:${'0'.repeat(64)}`, 'NOT_FOUND'],
  ['local:../../home', 'NOT_FOUND'],
  ['far:1', 'NOT_FOUND'],
])('%s is %s, and nobody is asked', async (id, code) => {
  const { asked, run, isProtected } = await protectedSnapshot('yes')
  await expect(run(id)).rejects.toMatchObject({ code })
  expect(asked).toEqual([])
  expect(await isProtected()).toBe(true)
})
