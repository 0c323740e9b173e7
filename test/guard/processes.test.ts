import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../snapshots/world.ts'

test('of two processes that confirm the same plans, each plan runs in one (G4, G17)', async () => {
  const directory = temporaryDirectory()
  const script = fileURLToPath(new URL('./confirmer.ts', import.meta.url))
  const run = async (...args: string[]) => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--import',
      'tsx',
      script,
      directory,
      ...args,
    ])
    return stdout.split('\n')
  }
  const confirmations = await run('plan', '30')
  const outcomes = await Promise.all([run('confirm', ...confirmations), run('confirm', ...confirmations)])
  for (const number of confirmations.keys()) {
    const pair = outcomes.map((lines) => lines[number]).sort()
    expect(pair).toEqual(['PLAN_CONSUMED', 'ran'])
  }
})
