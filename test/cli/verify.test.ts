import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { verify } from '../../src/cli/verify.ts'
import { loadConfig } from '../../src/config.ts'
import { CreateArgs } from '../../src/snapshots/requests.ts'
import { content } from '../support/trees.ts'
import { unasked } from '../support/unasked.ts'

const BYTES = content(300_000, 1)

/** A real store with one snapshot of one file, and somebody who reads what the command says. */
async function store() {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'verify-')))
  onTestFinished(() => rmSync(base, { recursive: true }))
  const cwd = join(base, 'project')
  mkdirSync(cwd)
  writeFileSync(join(cwd, 'precious\x1b[2J.bin'), BYTES)
  const env = { SNAPSHOT_MCP_HOME: join(base, 'home') }
  const config = loadConfig({ log_level: 'error' }, { env, cwd, userHome: join(base, 'nobody') })
  const app = createApp(config)
  const caller = {
    principal: app.principal,
    signal: new AbortController().signal,
    progress() {},
    canAsk: false,
  }
  const { snapshot } = await unasked(await app.service()).create(
    CreateArgs.parse({ name: 'the only one' }),
    caller,
  )
  await app.close()

  const said: string[] = []
  const shown: string[] = []
  const output = {
    say: (text: string) => void said.push(text),
    show: (text: string) => void shown.push(text),
    signal: new AbortController().signal,
  }
  return {
    id: snapshot.id,
    said,
    shown,
    run: (options: { sample?: string; json?: boolean } = {}, signal = output.signal) =>
      verify({ json: false, ...options }, config, { ...output, signal }),
    damage() {
      const packs = join(base, 'home/store/packs')
      for (const name of readdirSync(packs)) {
        const bytes = readFileSync(join(packs, name))
        const at = bytes.indexOf(BYTES.subarray(0, 64))
        if (at < 0) continue
        bytes[at] = bytes[at]! ^ 1
        writeFileSync(join(packs, name), bytes)
      }
    },
  }
}

test('a sound store: status 0, and what was read', async () => {
  const { said, run } = await store()
  expect(await run()).toBe(0)
  expect(said.join('\n')).toMatch(
    /^local: read 2 objects \(\d{6} bytes\) in 1 packs, 1 snapshots\.\nEverything is sound\.$/,
  )
})

test('a damaged one: status 1, and what it costs, in text that cannot act on a terminal', async () => {
  const { id, said, run, damage } = await store()
  damage()
  expect(await run()).toBe(1)
  const text = said.join('\n')
  expect(text).toContain('DAMAGED: 1\n  content ')
  expect(text).toContain('    precious?[2J.bin\n')
  expect(text).toContain(`Snapshots that have lost something:\n  ${id} "the only one"`)
})

test('--json says the same to a program', async () => {
  const { id, said, run, damage } = await store()
  damage()
  expect(await run({ json: true })).toBe(1)
  const { results } = JSON.parse(said.join('\n'))
  expect(results).toMatchObject([
    {
      provider: 'local',
      checked: { snapshots: 1, packs: 1, objects: 2 },
      damaged: [
        {
          what: 'content',
          snapshots: [{ id, name: 'the only one' }],
          paths: [{ path: 'precious\x1b[2J.bin' }],
        },
      ],
      affected: [{ id, name: 'the only one' }],
    },
  ])
})

test('--sample says what it was a sample of', async () => {
  const { said, run } = await store()
  expect(await run({ sample: '12.5%' })).toBe(0)
  expect(said.join('\n')).toMatch(/of the content a sample of 12\.5%\.\nNothing of it is damaged\.$/)
})

test.each(['10', '0%', '101%', 'all', '-5%', ''])('--sample %j is refused', async (sample) => {
  const { said, run } = await store()
  await expect(run({ sample })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(said).toEqual([])
})

test('cancelled it says so, and takes its progress away', async () => {
  const { said, shown, run } = await store()
  await expect(run({}, AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' })
  expect([said, shown]).toEqual([[], ['']])
})
