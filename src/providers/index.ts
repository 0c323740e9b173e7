import type { Accounts, CloudAccount } from '../config/accounts.ts'
import type { KeySource } from '../config/values.ts'
import { fail } from '../snapshots/errors.ts'
import type { Snapshot } from '../snapshots/model.ts'
import type { Log, Provider, ProviderRegistry } from '../snapshots/provider.ts'

/** What a provider may need to be made. Each takes what it knows and leaves the rest. */
export interface ProviderOptions {
  home: string
  roots: readonly string[]
  /** Why there are no roots. */
  rootsProblem?: string
  maxStoreBytes?: number
  /** Bytes that the snapshots of one source may bring into the store. */
  maxSourceBytes?: number
  /** Where the key of an encrypted store comes from. */
  encrypt?: KeySource
  trashWindowMs: number
  /** What of the snapshots whose time is over may go; `shelf` holds all that there are. */
  expirable: Expirable
  specialModes: 'strip' | 'keep'
  /** Of clouds, by provider. */
  accounts: Accounts
  /** Whether what a restore in place overwrites at a cloud is kept in a snapshot of its own. */
  safetySnapshots: boolean
  clock: () => number
  log: Log
}

export type Expirable = (due: readonly Snapshot[], shelf: readonly Snapshot[]) => readonly Snapshot[]

type Load = (options: ProviderOptions) => Promise<Provider>

/** One line a provider. The import inside keeps its code out of start-up. */
const ON_THIS_MACHINE: Record<string, Load> = {
  local: async (options) => (await import('./local/open.ts')).openLocalProvider(options),
}
const CLOUDS: Record<string, (options: ProviderOptions & CloudAccount) => Promise<Provider>> = {
  morph: async (options) => (await import('./morph/index.ts')).createMorphProvider(options),
  daytona: async (options) => (await import('./daytona/index.ts')).createDaytonaProvider(options),
  digitalocean: async (options) =>
    (await import('./digitalocean/index.ts')).createDigitalOceanProvider(options),
}

const PROVIDERS: Record<string, Load> = {
  ...ON_THIS_MACHINE,
  ...Object.fromEntries(Object.keys(CLOUDS).map((name) => [name, (options) => cloud(name, options)])),
}

export const PROVIDER_NAMES: readonly string[] = Object.keys(PROVIDERS)

/** Providers that act on systems beyond this machine: their tools are marked as acting on an open world. */
export const REMOTE: ReadonlySet<string> = new Set(Object.keys(CLOUDS))

/** With the account at that vendor. */
async function cloud(name: string, options: ProviderOptions): Promise<Provider> {
  const account = options.accounts[name]
  if (!account)
    throw fail(
      'UNAUTHENTICATED',
      `There is no key for ${name}.`,
      'Its operator has to give one to this server.',
    )
  const { createHash } = await import('node:crypto')
  const { baseUrl, key, organizationId } = account
  const telling = JSON.stringify([name, baseUrl, key.reveal(), organizationId])
  // A short digest: enough to tell accounts apart, and too little to try keys against.
  const mark = createHash('sha256').update(telling).digest('hex').slice(0, 12)
  return { ...(await CLOUDS[name]!({ ...options, ...account })), account: mark }
}

/** The enabled providers, each made on first use and once. A failure to make one is not remembered. */
export function createRegistry(names: readonly string[], options: ProviderOptions): ProviderRegistry {
  const made = new Map<string, Promise<Provider>>()
  return {
    names,
    get(name) {
      const present = made.get(name)
      if (present !== undefined) return present
      const load = names.includes(name) ? PROVIDERS[name] : undefined
      if (load === undefined)
        return Promise.reject(
          fail(
            'NOT_FOUND',
            `No provider ${JSON.stringify(name)} is enabled here.`,
            `Enabled: ${names.join(', ')}.`,
          ),
        )
      const provider = load(options)
      provider.catch(() => made.delete(name))
      made.set(name, provider)
      return provider
    },
  }
}
