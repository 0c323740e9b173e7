import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, test } from 'vitest'

/**
 * The clients that vendors and other people wrote, and Prism, are too heavy to be dependencies. They are taken from the
 * directory named by SNAPSHOT_MCP_TEST_VENDOR, the one with their package.json and node_modules; the API descriptions
 * from the one named by SNAPSHOT_MCP_TEST_SPECS.
 */
const VENDOR = process.env.SNAPSHOT_MCP_TEST_VENDOR
const SPECS = process.env.SNAPSHOT_MCP_TEST_SPECS

/** A package as it is imported from that directory. The test says what it needs of its type. */
export async function vendorPackage<T>(name: string): Promise<T> {
  const resolved = createRequire(join(VENDOR!, 'package.json')).resolve(name)
  return import(pathToFileURL(resolved).href)
}

/** The path of a command of one of the packages. */
export function vendorCommand(name: string): string {
  return join(VENDOR!, 'node_modules', '.bin', name)
}

export function specFile(name: string): string {
  return join(SPECS!, name)
}

/** Tests that need what lies in these directories. Without them there is one skipped test that says what is missing. */
export function withVendor(title: string, needs: readonly ('clients' | 'specs')[], body: () => void): void {
  const missing = [
    ...(needs.includes('clients') && !VENDOR ? ['SNAPSHOT_MCP_TEST_VENDOR'] : []),
    ...(needs.includes('specs') && !SPECS ? ['SNAPSHOT_MCP_TEST_SPECS'] : []),
  ]
  if (missing.length === 0) describe(title, body)
  else test.skip(`${title}: NOT TESTED, for want of ${missing.join(' and ')}`, () => {})
}
