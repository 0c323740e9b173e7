import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { helpText } from '../../src/cli/help.ts'
import { tokenText } from '../../src/cli/token.ts'
import { Token } from '../../src/config/access.ts'
import { PROJECT } from '../support/server.ts'

/** What the text gives: the token, its hash, and the entry. */
function partsOf(text: string) {
  const [, token = ''] = /^(smcp_.*)$/m.exec(text) ?? []
  const [, hash = ''] = /^([0-9a-f]{64})$/m.exec(text) ?? []
  return { token, hash, entry: JSON.parse(text.slice(text.indexOf('{'))) }
}

test('a token is 32 random bytes, with the entry that the access file takes', () => {
  const { token, hash, entry } = partsOf(tokenText(false, (size) => Buffer.alloc(size, 7)))
  expect(token).toBe(`smcp_${Buffer.alloc(32, 7).toString('base64url')}`)
  expect(hash).toBe(createHash('sha256').update(token).digest('hex'))
  expect(Token.parse(entry)).toEqual({
    sha256: hash,
    principal: 'NAME',
    scopes: ['snapshots:read'],
    for: ['mcp'],
  })
  expect(JSON.stringify(entry)).not.toContain(token)
})

test('a script gets the same as JSON', () => {
  const { token, entry } = JSON.parse(tokenText(true))
  expect(entry.sha256).toBe(createHash('sha256').update(token).digest('hex'))
  expect(Token.parse(entry)).toMatchObject({ scopes: ['snapshots:read'], for: ['mcp'] })
})

test('no two are the same', () => {
  expect(partsOf(tokenText()).token).not.toBe(partsOf(tokenText()).token)
})

test('the command prints one, with whatever settings, and is in the help', () => {
  const tsx = createRequire(import.meta.url).resolve('tsx')
  const text = execFileSync(process.execPath, ['--import', tsx, join(PROJECT, 'src/cli.ts'), 'token'], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '', SNAPSHOT_MCP_ROOTS: '/' },
  })
  const { token, hash } = partsOf(text)
  expect(hash).toBe(createHash('sha256').update(token).digest('hex'))
  expect(helpText()).toMatch(/^ {2}token \[--json\] {2,}Make a token/m)
})
