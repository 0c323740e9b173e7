import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { VERSION } from '../../../src/version.ts'
import { PROJECT } from '../../../test/support/server.ts'

const PACKAGES = ['@modelcontextprotocol/server', '@modelcontextprotocol/node', 'undici', '@redis/client']

/** Of what carries the requests. */
export const versions = () =>
  [`snapshot-mcp ${VERSION}`, ...PACKAGES.map((name) => `${name} ${installed(name)}`)].join('; ')

function installed(name: string): string {
  const path = join(PROJECT, 'node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}
