import type { Guard } from '../guard/guard-api.ts'
import type { StateStore } from '../state/state-store.ts'
import { createBackground } from './background.ts'
import type { Caller } from './caller.ts'
import { create } from './create.ts'
import type { Environment } from './environment.ts'
import { beforeChange, SnapshotError, toProblem } from './errors.ts'
import { createHousekeeping } from './housekeeping.ts'
import { diff, get, list, sources } from './inspect.ts'
import { createOperations } from './operations.ts'
import type { Log, Provider, ProviderRegistry } from './provider.ts'
import { createRecovery } from './recovery.ts'
import { prune, remove } from './remove.ts'
import { restore } from './restore.ts'
import { createResumption } from './resume.ts'
import type { Service } from './service-api.ts'
import { status } from './status.ts'
import { fromSupply } from './supply.ts'
import { undo } from './undo.ts'
import { update } from './update.ts'

export interface ServiceOptions {
  registry: ProviderRegistry
  guard: Guard
  state: StateStore
  /** Milliseconds. */
  clock: () => number
  random: (size: number) => Buffer
  log: Log
  /** Hears of the ids of snapshots that came, went or changed. */
  changed?: (snapshots: readonly string[]) => void
  /** Taken when a call names neither a provider nor a kind of source, and several are enabled. */
  defaultProvider?: string
}

/** The one place that knows all operations. Each is told in a file of its own. */
export function createService(options: ServiceOptions): Service {
  const { state, clock, random, log, guard, changed, defaultProvider } = options
  const opened = new Map<string, Promise<Provider>>()
  const operations = createOperations({ state, clock, random: fromSupply(random) })
  const recover = createRecovery({ guard, state, operations, log })
  const background = createBackground()
  const resumption = createResumption({ guard, state, operations, background, clock, log, changed })
  const env: Environment = {
    registry: recovering(remembering(options.registry, opened), async (provider) => {
      await recover(provider)
      await resumption.takeUpAll(provider)
    }),
    guard,
    state,
    operations,
    background,
    resumption,
    clock,
    log,
    changed,
    defaultProvider,
  }
  const tidyUp = createHousekeeping({ state, clock, log })
  let tidying = Promise.resolve()

  type Operation<A, R> = (args: A, caller: Caller) => Promise<R>

  /** Faces see a SnapshotError and nothing else; what it hides goes to the log. */
  const telling =
    <A, R>(operation: (env: Environment, args: A, caller: Caller) => Promise<R>): Operation<A, R> =>
    async (args, caller) => {
      try {
        return await operation(env, args, caller)
      } catch (error) {
        if (error instanceof SnapshotError) throw error
        log.error('an operation failed', { error })
        throw new SnapshotError(toProblem(error), error)
      }
    }

  const reading = <A, R>(operation: (env: Environment, args: A, caller: Caller) => Promise<R>) =>
    telling((...call: Parameters<typeof operation>) => beforeChange(operation(...call)))

  const changing = <A, R>(
    operation: (env: Environment, args: A, caller: Caller) => Promise<R>,
  ): Operation<A, R> => {
    const call = telling(operation)
    return (args, caller) =>
      call(args, caller).finally(() => {
        tidying = tidying.then(tidyUp)
      })
  }

  return {
    create: changing(create),
    list: reading(list),
    get: reading(get),
    diff: reading(diff),
    restore: changing(restore),
    delete: changing(remove),
    undo: changing(undo),
    update: changing(update),
    prune: changing(prune),
    sources: reading(sources),
    status: reading(status),
    busy: () => background.busy() || operations.owes(),
    async close() {
      resumption.close()
      await background.close()
      await operations.close()
      await tidying
      const providers = await Promise.allSettled(opened.values())
      await Promise.allSettled(providers.map((each) => each.status === 'fulfilled' && each.value.close?.()))
    },
  }
}

/** Hands a provider out only after it has taken up what was left half done. */
function recovering(
  { names, get }: ProviderRegistry,
  recover: (provider: Provider) => Promise<void>,
): ProviderRegistry {
  return {
    names,
    async get(name) {
      const provider = await get(name)
      await recover(provider)
      return provider
    },
  }
}

/** Keeps what was opened, so that closing does not load what nobody used. */
function remembering(registry: ProviderRegistry, opened: Map<string, Promise<Provider>>): ProviderRegistry {
  return {
    names: registry.names,
    get(name) {
      const provider = registry.get(name)
      opened.set(name, provider)
      return provider
    },
  }
}
