import type { CallContext } from '../http/exchange.ts'
import type { Api } from './api.ts'

/** What sandboxes are called, by id: the records of snapshots hold the id alone. Names do not change while one lives. */
export interface SandboxNames {
  /** Learns the names of these; asks for what it does not know yet. Never fails: an id will do for a name. */
  learn(ids: readonly (string | undefined)[], ctx: CallContext): Promise<void>
  tell(id: string, name: string | null | undefined): void
  /** The id itself where no name is known, as of a sandbox that is gone. */
  nameOf(id: string): string
}

/** More unknown ones than this are looked up in the list of all. */
const ONE_BY_ONE = 2

export function createSandboxNames(api: Api): SandboxNames {
  const known = new Map<string, string>()
  const tell: SandboxNames['tell'] = (id, name) => void known.set(id, name || id)
  return {
    tell,
    nameOf: (id) => known.get(id) ?? id,
    async learn(ids, ctx) {
      const wanted = new Set(ids.filter((id) => id !== undefined && !known.has(id)) as string[])
      if (wanted.size === 0) return
      try {
        if (wanted.size > ONE_BY_ONE) for (const { id, name } of await api.sandboxes(ctx)) tell(id, name)
        else for (const id of wanted) tell(id, (await api.findSandbox(id, ctx))?.name)
        // What is not in the list is gone for good: ids are never used again.
        for (const id of wanted) if (!known.has(id)) tell(id, undefined)
      } catch (error) {
        ctx.log.debug('the names of sandboxes are not known', { error })
      }
    },
  }
}
