import type { Guard } from '../guard/guard-api.ts'
import { takenOver } from '../guard/refusals.ts'
import type { Lock, StateStore } from '../state/state-store.ts'
import type { Background } from './background.ts'
import type { Caller } from './caller.ts'
import { fail } from './errors.ts'
import type { Operations } from './operations.ts'
import type { Context, Log, Provider, ProviderRegistry } from './provider.ts'
import type { Resumption } from './resume.ts'

/** What the operations of the service share. */
export interface Environment {
  readonly registry: ProviderRegistry
  readonly guard: Guard
  readonly state: StateStore
  readonly operations: Operations
  readonly background: Background
  readonly resumption: Resumption
  /** Milliseconds. */
  readonly clock: () => number
  readonly log: Log
  /** Hears of the ids of snapshots that came, went or changed. */
  readonly changed?: ((snapshots: readonly string[]) => void) | undefined
  /** Taken when neither the provider nor the kind of the source is given. */
  readonly defaultProvider?: string | undefined
}

/** What a provider gets to know about the call. */
export function contextFor({ log }: Environment, caller: Caller, operation: string): Context {
  return { signal: caller.signal, progress: caller.progress, log, operation }
}

/** The provider of this name; else the one whose kind of source it is; else the default; else the only one. */
export async function chooseProvider(env: Environment, name?: string, source?: string): Promise<Provider> {
  const { registry, defaultProvider } = env
  const { names } = registry
  if (name !== undefined) return registry.get(checkName(env, name))
  const kind = source && /^([a-z][a-z_]*):/.exec(source)?.[1]
  const all = kind ? await Promise.all(names.map((each) => registry.get(each))) : []
  const byKind = all.filter(({ capabilities }) => capabilities.source_kinds.includes(kind as string))
  const candidates = byKind.length > 0 ? byKind.map((provider) => provider.name) : names
  if (candidates.length === 1) return registry.get(candidates[0] as string)
  if (defaultProvider && candidates.includes(defaultProvider)) return registry.get(defaultProvider)
  throw fail(
    'INVALID_ARGUMENT',
    'It is not clear which provider is meant. Nothing was done.',
    enabled(candidates),
  )
}

/** The named provider or all of them. */
export function namesOf(env: Environment, name: string | undefined): readonly string[] {
  return name === undefined ? env.registry.names : [checkName(env, name)]
}

function checkName({ registry: { names } }: Environment, name: string): string {
  if (names.includes(name)) return name
  throw fail('INVALID_ARGUMENT', `There is no provider "${name}" here. Nothing was done.`, enabled(names))
}

export interface Located {
  provider: Provider
  native: string
  /** The id as the caller gave it. */
  id: string
}

/** The provider behind a snapshot id. `local:op_...`, which stands for a capture under way, only where it is awaited. */
export async function locate(
  { registry }: Environment,
  id: string,
  may: { be_pending?: true } = {},
): Promise<Located> {
  const colon = id.indexOf(':')
  const name = id.slice(0, colon)
  const native = id.slice(colon + 1)
  if (!registry.names.includes(name)) {
    throw fail(
      'NOT_FOUND',
      `${id} is not a snapshot of an enabled provider. Nothing was done.`,
      enabled(registry.names),
    )
  }
  if (isPending(native) && !may.be_pending) {
    throw fail(
      'INVALID_ARGUMENT',
      `${id} stands for a capture under way and is not a snapshot yet. Nothing was done.`,
      'Call snapshot_get with it and wait_seconds: it returns the snapshot with its final id.',
    )
  }
  return { provider: await registry.get(name), native, id }
}

export function isPending(native: string): boolean {
  return /^op_[a-z0-9]{8,40}$/.test(native)
}

export function fullId(provider: string, native: string): string {
  return native.startsWith(`${provider}:`) ? native : `${provider}:${native}`
}

/**
 * The caller's object for this provider. In arguments everything that is not common to all providers is named after
 * one: an object for another provider would be ignored, so it is refused.
 */
export function optionsFor(
  args: Record<string, unknown>,
  common: readonly string[],
  provider: string,
): Record<string, unknown> | undefined {
  const foreign = Object.keys(args).find(
    (key) => args[key] !== undefined && key !== provider && !common.includes(key),
  )
  if (foreign === undefined) return args[provider] as Record<string, unknown> | undefined
  throw fail(
    'INVALID_ARGUMENT',
    `"${foreign}" holds options of another provider; this call goes to "${provider}". Nothing was done.`,
    `Leave "${foreign}" out, or name the provider that is meant.`,
  )
}

export function unsupported(provider: string, what: string, alternative: string) {
  return fail('UNSUPPORTED', `The provider "${provider}" cannot ${what}. Nothing was done.`, alternative, {
    provider,
  })
}

/** Held by whatever reads or writes the whole of a source. */
export const sourceLock = (provider: string, { kind, id }: { kind: string; id: string }) =>
  `${provider}:${kind}:${id}`

/** Held by whatever takes snapshots of a provider away, brings them back or protects them. */
export const shelfLock = (provider: string) => `${provider}:snapshots`

/** To be asked right before what must not happen once somebody else has taken the lock over. */
export const holding = (lock: Lock) => async () => {
  if (!(await lock.held())) throw takenOver()
}

/** What was done under a lock is done, also where it cannot be given back just now. */
export async function release({ log }: Pick<Environment, 'log'>, lock: Lock): Promise<void> {
  await lock.release().catch((error) => log.error('a lock was not released', { error }))
}

const enabled = (names: readonly string[]) =>
  `Providers to choose from: ${names.join(', ') || 'none'}. snapshot_sources lists what they can capture.`
