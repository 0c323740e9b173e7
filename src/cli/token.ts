import { createHash, randomBytes } from 'node:crypto'

/**
 * A new token, and what the access file is told of it. It goes to whoever runs this and is kept nowhere. The entry lets
 * it do the least that is of use.
 */
export function tokenText(json = false, random: (size: number) => Buffer = randomBytes): string {
  const token = `smcp_${random(32).toString('base64url')}`
  const sha256 = createHash('sha256').update(token).digest('hex')
  const entry = { sha256, principal: 'NAME', scopes: ['snapshots:read'], for: ['mcp'] }
  if (json) return `${JSON.stringify({ token, entry }, undefined, 2)}\n`
  return `Token, for the caller alone; it is kept nowhere:
${token}

Its SHA-256:
${sha256}

Entry for "tokens" in the access file; put the name of the caller in place of NAME:
${JSON.stringify(entry, undefined, 2)}
`
}
