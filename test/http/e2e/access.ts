import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { z } from 'zod'
import type { AccessFile, Scope, Tenant, Token } from '../../../src/config/access.ts'

export const ALL_SCOPES: Scope[] = [
  'snapshots:read',
  'snapshots:create',
  'snapshots:restore',
  'snapshots:delete',
]

type Holder = Partial<z.input<typeof Token>>

/**
 * Writes an access file in `dir`. Whoever holds a token is by default a principal of that name who may do everything.
 * Returns the path of the file, and each token as its holder sends it.
 */
export function writeAccess<Name extends string>(
  dir: string,
  holders: Record<Name, Holder>,
  tenants: Record<string, z.input<typeof Tenant>> = {},
): { path: string; tokens: Record<Name, string> } {
  const made = Object.entries<Holder>(holders).map(([name, holder]) => ({
    name,
    holder,
    token: `smt_${randomBytes(24).toString('base64url')}`,
  }))
  const file: z.input<typeof AccessFile> = {
    tenants,
    tokens: made.map(({ name, holder, token }) => ({
      sha256: createHash('sha256').update(token).digest('hex'),
      principal: name,
      scopes: ALL_SCOPES,
      ...holder,
    })),
  }
  const path = join(dir, 'access.json')
  writeFileSync(path, JSON.stringify(file), { mode: 0o600 })
  const tokens = Object.fromEntries(made.map(({ name, token }) => [name, token]))
  return { path, tokens: tokens as Record<Name, string> }
}
