/**
 * `killed.ts HOME ROOT ACTION WHEN`: works on the store in HOME and is killed at WHEN, see die-at.ts. ACTION is `recover` or
 * a restore to carry out, as JSON. When it comes to its end it prints how many calls it made that change a file system.
 */
import { dirname } from 'node:path'
import { createLocalProvider } from '../../../src/providers/local/index.ts'
import type { Context, Provider } from '../../../src/snapshots/provider.ts'
import { dieAt } from '../../support/die-at.ts'

const [home, root, action, when] = process.argv.slice(2) as [string, string, string, string]
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const context: Context = {
  signal: new AbortController().signal,
  progress() {},
  log: silent,
  operation: `op_killed${process.pid}`,
}

const work = await prepare(
  createLocalProvider({
    home,
    roots: [dirname(root)],
    trashWindowMs: 3_600_000,
    specialModes: 'keep',
    clock: Date.now,
    log: silent,
  }),
)
const calls = dieAt(when)
await work()
process.stdout.write(String(calls.made))
process.exit()

/** What comes before the part that is to be interrupted. */
async function prepare(provider: Provider): Promise<() => Promise<unknown>> {
  if (action === 'recover') {
    const hands = { hold: async () => ({ async stillHeld() {}, async release() {} }), async settle() {} }
    return async () => provider.recover?.(hands, context)
  }
  const plan = await provider.planRestore(JSON.parse(action), context)
  return () => provider.restore(plan, context)
}
