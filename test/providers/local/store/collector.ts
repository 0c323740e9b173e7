/**
 * `collector.ts HOME`: a process with a provider on the store there. It purges as often as it is asked to by a message,
 * and answers with what came of it.
 */
import { createLocalProvider } from '../../../../src/providers/local/index.ts'
import { SnapshotError } from '../../../../src/snapshots/errors.ts'
import { silent } from '../../../snapshots/world.ts'
import { context } from '../../conformance/subject.ts'

const [home] = process.argv.slice(2) as [string]
const provider = createLocalProvider({
  home,
  roots: [],
  trashWindowMs: 3_600_000,
  specialModes: 'keep',
  clock: Date.now,
  log: silent,
})

process.on('message', async () => {
  process.send?.('started')
  try {
    const plan = await provider.planPurge!({ all: true }, context())
    process.send?.(await provider.purge!(plan, context()))
  } catch (error) {
    process.send?.(error instanceof SnapshotError ? error.problem : String(error))
  }
})
process.send?.('ready')
