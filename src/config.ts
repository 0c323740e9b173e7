import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Accounts, cloudsWithKey, readAccounts, unexpandedCredentials } from './config/accounts.ts'
import { parse, readJson } from './config/json-file.ts'
import { type Listening, listeningOf } from './config/listening.ts'
import { readPolicy } from './config/policy.ts'
import { knownProviders } from './config/providers.ts'
import { expandTilde, findRoots, type Roots, refuseReachable } from './config/roots.ts'
import { type Given, type Key, SETTINGS, type Setting } from './config/settings.ts'
import { type StatePlace, statePlaceOf } from './config/state.ts'
import { isUnexpanded, unlessUnset } from './config/unset.ts'
import type { KeySource } from './config/values.ts'
import type { PolicyFile } from './guard/policy-file.ts'
import { fail } from './snapshots/errors.ts'

/** The only reader of flags, variables and configuration files. Everything else is handed a Config. */
export interface Config extends Roots, StatePlace {
  home: string
  providers: readonly string[]
  /** At the vendors of the enabled clouds, by provider. */
  accounts: Accounts
  readOnly: boolean
  guard: 'auto' | 'token' | 'human'
  /** As it was at the start; what it allows is read anew for each decision. */
  policy: PolicyFile
  policyFile?: string
  maxStoreBytes?: number
  maxSourceBytes?: number
  /** Where the key for the local store comes from. It is read when the store is first opened. */
  encrypt?: KeySource
  logLevel: 'debug' | 'info' | 'warn' | 'error'
  /** Absent: on stdin and stdout. */
  http?: Listening
  /** Who may call over HTTP; absent on a loopback address only. */
  accessFile?: string
  /** Whose this is; absent for the server itself. */
  tenant?: string
  /** Of the server, where `home` is that of a tenant. */
  baseHome?: string
  configFile?: string
  /** Where a client left a literal `${...}`, which counts as not set: what it was to limit is not limited. */
  unexpanded?: readonly string[]
}

/** What the command line says beside settings. */
export interface CommandLine {
  positionals: string[]
  json: boolean
  /** What share `verify` is to read. */
  sample: string | undefined
  /** How many entries `audit` is to show. */
  limit: string | undefined
  /** Everything in the trash, for `purge`. */
  all: boolean
  /** The answer to what `purge` asks. */
  yes: boolean
  /** That `audit` is to check its chain. */
  verify: boolean
  /** Whose records and snapshots a command of the operator is about. */
  tenant: string | undefined
  help: boolean
  version: boolean
}

export interface Surroundings {
  env: Readonly<Record<string, string | undefined>>
  cwd: string
  userHome: string
}

const SEE_HELP = 'snapshot-mcp --help lists the settings.'
const PREFIX = 'SNAPSHOT_MCP_'
const settings = Object.entries(SETTINGS) as [Key, Setting][]

/** Splits the command line. INVALID_ARGUMENT for an unknown flag. */
export function readCommandLine(argv: readonly string[]): CommandLine & { flags: Record<string, unknown> } {
  const options: Record<string, { type: 'string' | 'boolean'; multiple?: boolean; short?: string }> = {
    config: { type: 'string' },
    json: { type: 'boolean' },
    sample: { type: 'string' },
    limit: { type: 'string' },
    tenant: { type: 'string' },
    all: { type: 'boolean' },
    yes: { type: 'boolean' },
    verify: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean', short: 'v' },
  }
  for (const [, { flag, value, repeatable }] of settings)
    options[flag] = { type: value === undefined ? 'boolean' : 'string', multiple: repeatable === true }
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options,
      allowPositionals: true,
      allowNegative: true,
    })
    const { json, all, yes, verify, help, version, sample, limit, tenant, ...flags } = values
    const own = {
      json: json === true,
      all: all === true,
      yes: yes === true,
      verify: verify === true,
      help: help === true,
      version: version === true,
    }
    const texts = { sample, limit, tenant } as Pick<CommandLine, 'sample' | 'limit' | 'tenant'>
    return { positionals, ...own, ...texts, flags }
  } catch (cause) {
    throw fail('INVALID_ARGUMENT', (cause as Error).message.split('. ')[0] ?? 'Bad flags', SEE_HELP, {
      cause,
    })
  }
}

/** The configuration, checked. INVALID_ARGUMENT says which setting is wrong, and nothing was started. */
export function loadConfig(flags: Record<string, unknown>, around: Surroundings = surroundings()): Config {
  const path = (text: string) => resolve(around.cwd, expandTilde(text, around.userHome))
  const { config, ...named } = flags
  const set = unlessUnset(config)
  const configFile = typeof set === 'string' ? path(set) : undefined
  const { given, unexpanded } = readSettings(named, configFile, around.env)
  // Without it whoever reaches the address would come in.
  if (given.http && given.access === undefined && unexpanded.some((origin) => /access/i.test(origin)))
    throw fail(
      'INVALID_ARGUMENT',
      'Who may call is not known: the setting for --access holds a variable that was not expanded.',
      'Give the path of the access file.',
    )
  if (isUnexpanded(config)) unexpanded.unshift('--config')
  unexpanded.push(...unexpandedCredentials(around.env))
  const home = path(given.home ?? defaultHome(around))
  const place = statePlaceOf(given.state ?? 'file:', home)
  const accessFile = given.access === undefined ? undefined : path(given.access)
  const policyFile = given.policy === undefined ? undefined : path(given.policy)
  const policy = readPolicy(policyFile)
  const providers = knownProviders(given.providers ?? ['local', ...cloudsWithKey(around.env)])
  const { maxStoreBytes, maxSourceBytes, ...rest } = {
    home,
    ...place,
    providers,
    accounts: readAccounts(providers, around.env),
    readOnly: given.read_only ?? false,
    guard: given.guard ?? 'auto',
    policy,
    maxStoreBytes: lower(given.max_store, policy.quotas?.store_bytes),
    maxSourceBytes: lower(given.max_source, policy.quotas?.source_bytes),
    logLevel: given.log_level ?? 'info',
  }
  const found = findRoots(given.roots, {
    cwd: around.cwd,
    userHome: around.userHome,
    ...(policy.roots && { within: policy.roots }),
    reserved: [
      { path: home, holds: 'snapshots are kept' },
      { path: place.stateDirectory, holds: 'the records of the server are kept' },
    ],
  })
  const encrypt = given.encrypt && resolveKey(given.encrypt, path)
  refuseReachable(found.roots, {
    'configuration file': configFile,
    'policy file': policyFile,
    'access file': accessFile,
    'key file': encrypt && 'file' in encrypt ? encrypt.file : undefined,
    'key command': encrypt && 'command' in encrypt ? fileOf(encrypt.command[0]) : undefined,
  })
  return {
    ...rest,
    ...(maxStoreBytes !== undefined && { maxStoreBytes }),
    ...(maxSourceBytes !== undefined && { maxSourceBytes }),
    ...(encrypt !== undefined && { encrypt }),
    ...(policyFile !== undefined && { policyFile }),
    ...(given.http && { http: listeningOf(given) }),
    ...(accessFile !== undefined && { accessFile }),
    ...(configFile !== undefined && { configFile }),
    ...(unexpanded.length > 0 && { unexpanded }),
    ...found,
  }
}

function lower(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other)
}

/** A program without a slash is looked for in the PATH; any other is a file, like the key itself. */
function resolveKey(key: KeySource, path: (text: string) => string): KeySource {
  if ('file' in key) return { file: path(key.file) }
  const [program, ...args] = key.command
  return { command: [fileOf(program) === undefined ? program : path(program), ...args] }
}

const fileOf = (program: string) => (program.includes('/') ? program : undefined)

export function surroundings(): Surroundings {
  return { env: process.env, cwd: process.cwd(), userHome: homedir() }
}

function readSettings(
  flags: Record<string, unknown>,
  configFile: string | undefined,
  env: Surroundings['env'],
): { given: Given; unexpanded: string[] } {
  const file = configFile === undefined ? {} : readJson(configFile, 'configuration file')
  refuseUnknown(file, env)
  const given: Record<string, unknown> = {}
  const unexpanded: string[] = []
  for (const [key, { flag, variable, schema }] of settings) {
    const origins: [string, unknown][] = [
      [`--${flag}`, flags[flag]],
      [variable, env[variable]],
      [`"${key}" in the configuration file`, file[key]],
    ]
    for (const [origin, value] of origins) if (isUnexpanded(value)) unexpanded.push(origin)
    const found = origins.map(([origin, value]) => [origin, unlessUnset(value)] as const)
    const [origin, value] = found.find(([, candidate]) => candidate !== undefined) ?? []
    if (origin !== undefined) given[key] = parse(schema, value, origin)
  }
  return { given, unexpanded }
}

function refuseUnknown(file: Record<string, unknown>, env: Surroundings['env']): void {
  const unknownKey = Object.keys(file).find((key) => !Object.hasOwn(SETTINGS, key))
  if (unknownKey !== undefined)
    throw fail(
      'INVALID_ARGUMENT',
      `The configuration file has an unknown key ${JSON.stringify(unknownKey)}.`,
      SEE_HELP,
    )
  const variables = new Set(settings.map(([, { variable }]) => variable))
  const unknown = Object.keys(env).find((name) => name.startsWith(PREFIX) && !variables.has(name))
  if (unknown !== undefined) throw fail('INVALID_ARGUMENT', `The variable ${unknown} is unknown.`, SEE_HELP)
}

function defaultHome({ env, userHome }: Surroundings): string {
  const data = env.XDG_DATA_HOME
  return join(data && isAbsolute(data) ? data : join(userHome, '.local', 'share'), 'snapshot-mcp')
}
