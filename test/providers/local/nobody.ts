/**
 * Runs one call of the local provider, so that a test can have it run by another user:
 * `nobody.ts DIR save` prints the new snapshot's id and receipt, `nobody.ts DIR restore ID [TO]` the problem, if any.
 */
import { createLocalProvider } from '../../../src/providers/local/index.ts'
import { toProblem } from '../../../src/snapshots/errors.ts'
import type { Context } from '../../../src/snapshots/provider.ts'

const [dir, action, id = '', to] = process.argv.slice(2) as [string, string, string?, string?]
const log = { debug() {}, info() {}, warn() {}, error() {} }
const ctx: Context = { signal: new AbortController().signal, progress() {}, log, operation: 'op_asnobody1' }
const provider = createLocalProvider({
  home: `${dir}/home`,
  roots: [dir],
  trashWindowMs: 3_600_000,
  specialModes: 'keep',
  clock: Date.now,
  log,
})

async function run(): Promise<unknown> {
  if (action === 'save') {
    const source = { kind: 'path', id: `${dir}/root`, name: 'root' }
    const request = { source, name: 'saved', labels: {}, auto: false, protected: false }
    const { snapshot, receipt } = await provider.create(request, ctx)
    return { id: snapshot.id.slice('local:'.length), receipt }
  }
  const mode = to === undefined ? ('in_place' as const) : ('new' as const)
  const request = { snapshot: id, mode, count: 1, ...(to !== undefined && { to }) }
  const { warnings } = await provider.restore(await provider.planRestore(request, ctx), ctx)
  return { warnings }
}

const result = await run().catch((error: unknown) => ({ problem: toProblem(error), text: String(error) }))
process.stdout.write(JSON.stringify(result))
await provider.close?.()
