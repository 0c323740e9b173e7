import { isAbsolute, join, resolve } from 'node:path'
import { type Config, type Surroundings, surroundings } from '../config.ts'
import { fail, SnapshotError } from '../snapshots/errors.ts'
import { type AccessFile, readAccess, type Tenant } from './access.ts'
import { cloudsWithKey, readAccounts } from './accounts.ts'
import { CREDENTIALS } from './credentials.ts'
import { readPolicy } from './policy.ts'
import { knownProviders } from './providers.ts'
import { contains, expandTilde, findRoots, type Roots, refuseReachable } from './roots.ts'
import { readValue } from './value-source.ts'

/** Where somebody works: a tenant, and what of it. */
export interface Place {
  /** Absent: what the server itself was set up with. */
  tenant?: string
  /** Absent: all that the tenant has. */
  providers?: readonly string[]
  roots?: readonly string[]
}

/**
 * What the server is for one tenant: a home, a state, roots and accounts of its own, so that nothing of one can be found
 * from another. INVALID_ARGUMENT for a place that is not in the access file, or holds more than its tenant has.
 */
export function configFor(base: Config, access: AccessFile, place: Place, around = surroundings()): Config {
  const { tenant: name } = place
  const tenant = name !== undefined && Object.hasOwn(access.tenants, name) ? access.tenants[name] : undefined
  if (name === undefined) return narrowed(apart(base, base, access, around), place, around)
  if (!tenant) throw fail('INVALID_ARGUMENT', `There is no tenant "${name}".`, 'The access file lists them.')
  return about(`tenant ${name}`, () =>
    narrowed(apart(configOf(base, name, tenant, around), base, access, around), place, around),
  )
}

/** For an operator, who names the tenant on the command line. */
export function configOfTenant(base: Config, tenant: string, around = surroundings()): Config {
  if (base.accessFile !== undefined) return configFor(base, readAccess(base.accessFile), { tenant }, around)
  throw fail(
    'INVALID_ARGUMENT',
    '--tenant says nothing without the file that tells of tenants.',
    'Name it with --access, as for the server.',
  )
}

/** INVALID_ARGUMENT where a tenant cannot work, or where two of them could reach the same directory. */
export function checkTenants(base: Config, access: AccessFile, around = surroundings()): void {
  const { tokens, oauth, tenants } = access
  const isOwn =
    tokens.some(({ tenant }) => tenant === undefined) ||
    (oauth && oauth.tenant === undefined && oauth.tenant_claim === undefined)
  const all = [
    ...(isOwn ? [{ name: 'the server itself', config: configFor(base, access, {}, around) }] : []),
    ...Object.keys(tenants).map((name) => ({
      name: `tenant ${name}`,
      config: configFor(base, access, { tenant: name }, around),
    })),
  ]
  for (const [index, one] of all.entries()) for (const other of all.slice(index + 1)) refuseShared(one, other)
  for (const { principal, tenant, providers, roots } of tokens)
    about(`the token of ${principal}`, () =>
      configFor(
        base,
        access,
        { ...(tenant && { tenant }), ...(providers && { providers }), ...(roots && { roots }) },
        around,
      ),
    )
}

interface Named {
  name: string
  config: Config
}

/** Each has locks of its own, and a restore by one would take the work of the other along. */
function refuseShared(one: Named, other: Named): void {
  for (const root of one.config.roots)
    for (const another of other.config.roots)
      if (contains(root, another) || contains(another, root))
        throw fail(
          'INVALID_ARGUMENT',
          `The root ${another} of ${other.name} overlaps ${root} of ${one.name}.`,
          'Give each tenant directories of its own. Those of the server itself are named with --root.',
        )
}

function configOf(base: Config, name: string, tenant: Tenant, around: Surroundings): Config {
  const credentials = Object.entries(tenant.credentials ?? {})
  const env = Object.fromEntries(
    credentials.map(([variable, source]) => [variable, readValue(source, around, variable)]),
  )
  const clouds = cloudsWithKey(env)
  const providers = knownProviders(tenant.providers ?? [...(tenant.roots ? ['local'] : []), ...clouds])
  if (providers.length === 0)
    throw fail(
      'INVALID_ARGUMENT',
      'It has neither directories nor a key of a cloud: its callers could do nothing.',
      'Give it roots or credentials.',
    )
  const keyless = providers.find((provider) => isCloud(provider) && !clouds.includes(provider))
  if (keyless !== undefined)
    throw fail(
      'INVALID_ARGUMENT',
      `It has no key for its provider ${keyless}.`,
      'Say under credentials where it is.',
    )
  const policyFile = tenant.policy === undefined ? base.policyFile : pathOf(tenant.policy, around)
  const policy = tenant.policy === undefined ? base.policy : readPolicy(policyFile)
  const maxStoreBytes = least(tenant.max_store ?? base.maxStoreBytes, policy.quotas?.store_bytes)
  const maxSourceBytes = least(base.maxSourceBytes, policy.quotas?.source_bytes)
  const { rootsProblem: _, ...rest } = base
  return {
    ...rest,
    tenant: name,
    home: join(base.home, 'tenants', name),
    baseHome: base.home,
    providers,
    accounts: readAccounts(providers, env),
    policy,
    ...(policyFile !== undefined && { policyFile }),
    ...(maxStoreBytes !== undefined && { maxStoreBytes }),
    ...(maxSourceBytes !== undefined && { maxSourceBytes }),
    ...rootsOf(tenant.roots, base, around, policy.roots),
  }
}

function narrowed(whole: Config, { providers, roots }: Place, around: Surroundings): Config {
  const missing = providers?.find((name) => !whole.providers.includes(name))
  if (missing !== undefined)
    throw fail(
      'INVALID_ARGUMENT',
      `The provider "${missing}" is not enabled there.`,
      `Enabled: ${whole.providers.join(', ')}.`,
    )
  if (roots === undefined) return { ...whole, ...(providers && { providers: knownProviders(providers) }) }
  const found = rootsOf(roots, whole, around)
  const outside = found.roots.find((root) => !whole.roots.some((each) => contains(each, root)))
  if (outside !== undefined)
    throw fail(
      'INVALID_ARGUMENT',
      `The root ${outside} lies in none of those that may be used there.`,
      `These may: ${whole.roots.join(', ') || 'none'}.`,
    )
  const { rootsProblem: _, ...rest } = whole
  return { ...rest, ...(providers && { providers: knownProviders(providers) }), ...found }
}

/** Without any it has none: the working directory of the server is no tenant's. */
function rootsOf(
  named: readonly string[] | undefined,
  { home, stateDirectory }: Config,
  { cwd, userHome }: Surroundings,
  within?: readonly string[],
): Roots {
  if (named === undefined) return { roots: [], rootsProblem: 'The tenant has no directories.' }
  const reserved = [
    { path: home, holds: 'snapshots are kept' },
    { path: stateDirectory, holds: 'the records of the server are kept' },
  ]
  return findRoots(named, { cwd, userHome, reserved, ...(within && { within }) })
}

/** Refuses roots from which a file could be read or changed that keeps tenants apart, of whichever tenant it is. */
function apart(config: Config, base: Config, { tenants, oauth }: AccessFile, around: Surroundings): Config {
  const { accessFile, configFile, encrypt } = base
  const files: Record<string, string | undefined> = {
    'access file': accessFile,
    'configuration file': configFile,
    'policy file': base.policyFile,
    'key file': encrypt && 'file' in encrypt ? encrypt.file : undefined,
    'key command': encrypt && 'command' in encrypt ? programOf(encrypt.command) : undefined,
    'key file of the OAuth issuer': oauth && fileOf(oauth.jwks),
  }
  for (const [name, { policy, credentials = {} }] of Object.entries(tenants)) {
    files[`policy file of tenant ${name}`] = policy === undefined ? undefined : pathOf(policy, around)
    for (const [variable, source] of Object.entries(credentials))
      files[`file with ${variable} of tenant ${name}`] = fileOf(source)
  }
  refuseReachable(config.roots, files)
  return config
}

const fileOf = (source: string) => (source.startsWith('file:') ? source.slice('file:'.length) : undefined)

/** One without a slash is looked for in the PATH. */
const programOf = ([program]: readonly [string, ...string[]]) => (isAbsolute(program) ? program : undefined)

const pathOf = (text: string, { cwd, userHome }: Surroundings) => resolve(cwd, expandTilde(text, userHome))

const isCloud = (name: string) => CREDENTIALS.some(({ provider }) => provider === name)

/** The smaller of the limits that there are. */
function least(...limits: readonly (number | undefined)[]): number | undefined {
  const given = limits.filter((limit) => limit !== undefined)
  return given.length === 0 ? undefined : Math.min(...given)
}

/** Says whose part of the access file is wrong. */
function about<T>(whom: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error
    throw fail('INVALID_ARGUMENT', `${whom}: ${error.message}`, error.problem.hint)
  }
}
