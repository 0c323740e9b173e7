import { statSync } from 'node:fs'
import { z } from 'zod'
import { fail } from '../snapshots/errors.ts'
import { CREDENTIALS } from './credentials.ts'
import { parse, readJson } from './json-file.ts'
import { othersCanWrite } from './ownership.ts'
import { knownProviders } from './providers.ts'
import { Size } from './values.ts'

/**
 * Who may call over HTTP. Tokens stand in it as their hashes and keys of clouds as the place where they are, so that the
 * file itself is no secret.
 */

/** What a token may be used for at all. Each names the tools that need it. */
export const SCOPES = {
  'snapshots:read': 'look at everything that is there',
  'snapshots:create': 'make snapshots, and name, label and protect them',
  'snapshots:restore': 'restore and undo',
  'snapshots:delete': 'delete, prune, and let expire',
} as const
export type Scope = keyof typeof SCOPES
export const Scope = z.enum(Object.keys(SCOPES) as [Scope, ...Scope[]])

/** The three doors of the server that ask who comes. */
export const Use = z.enum(['mcp', 'approve', 'metrics'])
export type Use = z.output<typeof Use>

const Name = z.string().regex(/^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/, 'must be a short lower-case name')
const MEANINGS = Object.entries(SCOPES)
  .map(([scope, meaning]) => `\`${scope}\`: ${meaning}`)
  .join('; ')

const Uses = z.array(Use).min(1).default(['mcp'])
const Providers = z.array(z.string()).min(1)
const Directories = z.array(z.string().min(1)).min(1)

const VARIABLES: ReadonlySet<string> = new Set(CREDENTIALS.map(({ variable }) => variable))
const CredentialSource = z
  .string()
  .regex(/^(?:file:\/.+|env:[A-Za-z_]\w*)$/, 'must be file:/path/to/it or env:VARIABLE')

export const Tenant = z.strictObject({
  roots: Directories.optional().describe(
    'Directories that its callers may capture and restore; no other tenant, nor the server itself, may have one of them, one above or one below.',
  ),
  providers: Providers.optional().describe(
    'The enabled providers. Default: `local` where it has roots, and each cloud whose key it has.',
  ),
  credentials: z
    .record(
      z.string().refine((name) => VARIABLES.has(name)),
      CredentialSource,
      'must be a variable of a vendor that is read, as --help lists them, and where its value is',
    )
    .optional()
    .describe(
      'Its own accounts: the name of a variable of the vendor, and where its value is: `file:/path`, or `env:NAME` for a variable of the server.',
    ),
  policy: z.string().min(1).optional().describe('A policy file of its own, in place of that of the server.'),
  max_store: Size.optional().describe('The most that its local snapshots may occupy, for example `20GB`.'),
})
export type Tenant = z.output<typeof Tenant>

export const Token = z.strictObject({
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits')
    .describe('Of the token. `snapshot-mcp token` makes one and prints both.'),
  principal: z
    .string()
    .regex(/^[\w.@+-]{1,100}$/, 'must be a name of letters, digits and . _ @ + -')
    .describe("Who calls with it. Plans, operations and quotas are the principal's own."),
  tenant: Name.optional().describe(
    'The tenant it belongs to; without one, what the server itself was set up with.',
  ),
  scopes: z.array(Scope).describe(`What it may do. ${MEANINGS}.`),
  for: Uses.describe(
    'Where it is taken: `mcp` the tools, `approve` the approval page, `metrics` the metrics. An agent whose token is not for `approve` cannot approve what it asks for.',
  ),
  providers: Providers.optional().describe('Of those of the tenant; without it all of them.'),
  roots: Directories.optional().describe(
    'Directories that are, or lie in, those of the tenant; without it all of them.',
  ),
  expires_at: z.iso.datetime({ offset: true }).optional().describe('From when on it is not taken any more.'),
})
export type Token = z.output<typeof Token>

export const OAuth = z.strictObject({
  issuer: z.url({ protocol: /^https?$/ }).describe('The `iss` of the tokens that are taken, exactly.'),
  jwks: z
    .string()
    .regex(/^(?:file:\/.+|https:\/\/\S+|http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?\/\S*)$/, {
      error: 'must be file:/path or https://',
    })
    .describe(
      'Where the keys of the issuer are: `file:/path` or an `https:` address. No token names another place.',
    ),
  audience: z
    .string()
    .min(1)
    .optional()
    .describe('The `aud` of the tokens that are taken. Default: the public URL with `/mcp`.'),
  algorithms: z
    .array(z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']))
    .min(1)
    .default(['RS256', 'PS256', 'ES256', 'EdDSA'])
    .describe('What they may be signed with.'),
  for: Uses.describe('Where they are taken, as with `tokens`.'),
  tenant: Name.optional().describe('The tenant of every caller.'),
  tenant_claim: z
    .string()
    .min(1)
    .optional()
    .describe('Or the claim that names the tenant; a caller whose token names none is refused.'),
})
export type OAuth = z.output<typeof OAuth>

export const AccessFile = z
  .strictObject({
    tenants: z
      .record(Name, Tenant, 'must be tenants by short lower-case names')
      .default({})
      .describe('By name. None of them can see anything of another.'),
    tokens: z.array(Token).default([]).describe('Who may call with a token that is known by its hash.'),
    oauth: OAuth.optional().describe('An issuer of OAuth 2.1 access tokens (JWT) that are taken as well.'),
  })
  .refine(
    ({ tokens, oauth }) => tokens.length > 0 || oauth,
    'has neither tokens nor oauth: nobody could call',
  )
export type AccessFile = z.output<typeof AccessFile>

/** INVALID_ARGUMENT for a file that is not as it should be, or that others can write to. */
export function readAccess(path: string): AccessFile {
  const access = parse(AccessFile, readJson(path, 'access file'), 'access file')
  if (othersCanWrite(statSync(path)))
    throw fail(
      'INVALID_ARGUMENT',
      `The access file ${path} can be written by other users.`,
      `Run: chmod go-w ${path}`,
    )
  const wrong = (what: string) =>
    fail('INVALID_ARGUMENT', `access file: ${what}.`, 'docs/http.md shows the file.')
  const { tenants, tokens, oauth } = access
  for (const each of [...Object.values(tenants), ...tokens]) knownProviders(each.providers ?? [])
  for (const { tenant } of [...tokens, ...(oauth ? [oauth] : [])])
    if (tenant !== undefined && !Object.hasOwn(tenants, tenant)) throw wrong(`there is no tenant "${tenant}"`)
  if (new Set(tokens.map(({ sha256 }) => sha256)).size < tokens.length) throw wrong('a hash is there twice')
  if (oauth?.tenant !== undefined && oauth.tenant_claim !== undefined)
    throw wrong('oauth has tenant and tenant_claim, which contradict each other')
  return access
}

/** How long what is wrong with a file counts while the file stays as it is: it may be put right elsewhere. */
const RETRY_MS = 1000

/**
 * The file as it is now: read again when it has changed, and taken once `check` has nothing against it. Throws while it
 * cannot be understood: then nobody gets in.
 */
export function liveAccess(
  path: string,
  check: (access: AccessFile) => void = () => {},
  /** Milliseconds; it only has to rise. */
  clock = () => performance.now(),
): () => AccessFile {
  let known: { mark: string; access: AccessFile } | undefined
  let failed: { mark: string; error: unknown; at: number } | undefined
  return () => {
    // One that is not there any more is read all the same, and reading says so.
    const { ino, size, mtimeMs, ctimeMs } = statSync(path, { throwIfNoEntry: false }) ?? {}
    const mark = [ino, size, mtimeMs, ctimeMs].join(' ')
    if (known?.mark === mark) return known.access
    if (failed?.mark === mark && clock() - failed.at < RETRY_MS) throw failed.error
    try {
      const access = readAccess(path)
      check(access)
      known = { mark, access }
      failed = undefined
      return access
    } catch (error) {
      failed = { mark, error, at: clock() }
      throw error
    }
  }
}
