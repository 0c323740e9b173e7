import type { RecoveryHands } from '../../src/snapshots/interrupted.ts'
import type { Snapshot } from '../../src/snapshots/model.ts'
import type { Context, Provider } from '../../src/snapshots/provider.ts'

/** Calls of a provider, as the checks make them: each an operation of its own, and done or thrown. */
export const silent = { debug() {}, info() {}, warn() {}, error() {} }

let calls = 0

/** Of one call: each has an operation of its own. */
export function context(): Context {
  return { signal: new AbortController().signal, progress() {}, log: silent, operation: `op_check${++calls}` }
}

export const native = ({ id }: { id: string }) => id.slice('local:'.length)

/** Saves a source under a name; its native id. */
export async function save(provider: Provider, root: string, name: string): Promise<string> {
  const source = await provider.resolveSource(root, context())
  const request = { source, name, labels: {}, auto: false, protected: false }
  return native((await provider.create(request, context())).snapshot)
}

export async function trash(provider: Provider, id: string): Promise<void> {
  const { failed } = await provider.delete(await provider.planDelete([id], context()), context())
  if (failed[0]) throw new Error(`not deleted: ${failed[0].message}`)
}

/** All there are, those in the trash and those made for safety included. */
export async function all(provider: Provider): Promise<Snapshot[]> {
  const query = { include_auto: true, include_trashed: true, limit: 100 }
  return (await provider.list(query, context())).items
}

/** In place. */
export async function restore(provider: Provider, snapshot: string): Promise<void> {
  const plan = await provider.planRestore({ snapshot, mode: 'in_place', count: 1 }, context())
  await provider.restore(plan, context())
}

/** Everything that nobody needs may go at any time. */
export async function purge(provider: Provider): Promise<void> {
  const plan = await provider.planPurge?.({ all: true }, context())
  if (plan) await provider.purge?.(plan, context())
}

/** Notes a violation. */
export type Say = (line: string) => void

/** What the service does first: nobody else is at work here, so whatever was interrupted can be taken up. */
export async function takeUp(provider: Provider, say: Say): Promise<void> {
  const hands: RecoveryHands = {
    hold: async () => ({ stillHeld: async () => {}, release: async () => {} }),
    settle: async ({ outcome, message }) => {
      if (outcome === 'left') say(`left half done by the recovery: ${message}`)
    },
  }
  await provider.recover?.(hands, context())
}
