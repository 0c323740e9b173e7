import type { Account } from '../providers/cloud.ts'
import { addressesOf } from '../providers/http/address.ts'
import { createSecret } from '../providers/http/secret.ts'
import { fail, SnapshotError } from '../snapshots/errors.ts'
import { CREDENTIALS, type Credential, type Part } from './credentials.ts'
import { isLoopback } from './listening.ts'
import { isUnexpanded, unlessUnset } from './unset.ts'

/** An account with what only some vendors have. */
export interface CloudAccount extends Account {
  region?: string
  organizationId?: string
}

/** By provider. */
export type Accounts = Readonly<Record<string, CloudAccount>>

type Variables = Readonly<Record<string, string | undefined>>

/** The clouds whose key is set. */
export function cloudsWithKey(env: Variables): string[] {
  const isSet = (variable: string) => textOf(env, variable) !== undefined
  const set = CREDENTIALS.filter(
    ({ part, variable, needs }) => part === 'key' && isSet(variable) && (!needs || isSet(needs)),
  )
  return [...new Set(set.map(({ provider }) => provider))]
}

/** The variables in which a client left a literal `${...}`. */
export function unexpandedCredentials(env: Variables): string[] {
  return CREDENTIALS.map(({ variable }) => variable).filter((variable) => isUnexpanded(env[variable]))
}

/** The accounts of those of the providers that need one. INVALID_ARGUMENT names the variable, and never its value. */
export function readAccounts(providers: readonly string[], env: Variables): Accounts {
  const clouds = providers.filter((name) => CREDENTIALS.some(({ provider }) => provider === name))
  return Object.fromEntries(clouds.map((name) => [name, accountOf(name, env)]))
}

function accountOf(name: string, env: Variables): CloudAccount {
  const own = CREDENTIALS.filter(({ provider }) => provider === name)
  const set = own.flatMap((each) => {
    const text = textOf(env, each.variable)
    return text === undefined ? [] : [{ ...each, text }]
  })
  const find = (part: Part) => set.find((each) => each.part === part)

  const key = find('key')
  if (!key) throw withoutKey(name, own, env)
  // Told only with the key that needs it: any other belongs to one organization already.
  const organization = key.needs === undefined ? undefined : find('organizationId')
  if (key.needs !== undefined && !organization)
    throw fail(
      'INVALID_ARGUMENT',
      `${key.variable} is not enough without ${key.needs}.`,
      `Set ${key.needs} as well.`,
    )
  const address = find('baseUrl')
  const region = find('region')
  return {
    key: checked(key, createSecret),
    ...(address && { baseUrl: checked(address, addressOf) }),
    ...(region && { region: checked(region, wordOf) }),
    ...(organization && { organizationId: checked(organization, wordOf) }),
  }
}

function textOf(env: Variables, variable: string): string | undefined {
  const value = unlessUnset(env[variable])
  return typeof value === 'string' ? value.trim() : undefined
}

/** Puts the variable in front of what is wrong with its value. */
function checked<T>({ variable, text }: { variable: string; text: string }, check: (text: string) => T): T {
  try {
    return check(text)
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error
    throw fail('INVALID_ARGUMENT', `${variable}: ${error.message}`, error.problem.hint)
  }
}

/** The key goes there with every request. */
function addressOf(text: string): string {
  addressesOf(text)
  const { protocol, hostname } = new URL(text)
  if (protocol === 'https:' || isLoopback(hostname)) return text
  throw fail(
    'INVALID_ARGUMENT',
    'Over plain http the key would travel in clear.',
    'Use https. Plain http is for what runs on this machine, such as http://127.0.0.1:8080.',
  )
}

/** What ends up in a header or a query. */
function wordOf(text: string): string {
  if (/^[\x21-\x7e]{1,200}$/.test(text)) return text
  throw fail('INVALID_ARGUMENT', 'It must be one word of printable ASCII.', 'Copy it again.')
}

function withoutKey(name: string, own: readonly Credential[], env: Variables): SnapshotError {
  const keys = own.filter(({ part }) => part === 'key').map(({ variable }) => variable)
  const literal = keys.find((variable) => isUnexpanded(env[variable]))
  const why = literal === undefined ? '' : ` ${literal} holds a variable that the client did not expand.`
  return fail(
    'INVALID_ARGUMENT',
    `The provider ${name} is enabled, but its key is not set: ${keys[0]}.${why}`,
    `Set ${keys.join(' or ')} in the environment of the server, or leave ${name} out of --providers.`,
  )
}
